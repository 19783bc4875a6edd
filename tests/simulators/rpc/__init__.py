"""A proxy before a real EVM node that misbehaves on request: each fault is one function of `faults`."""

from tests.simulators.rpc.proxy import Exchange, Fault, RpcProxy, running

__all__ = ["Exchange", "Fault", "RpcProxy", "running"]
