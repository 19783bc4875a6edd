"""Which adapter serves a network, and which key stands for a role. Adapters are imported when first asked for.

The import is late on purpose: reading logs must not cost the memory of web3.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

from backend.chain import networks
from backend.chain.endpoints import Condition
from backend.chain.port import ChainPort, Signer
from backend.settings import get_settings

_lock = Lock()
_ports: dict[str, ChainPort] = {}
_signers: dict[tuple[str, str], Signer] = {}
_endpoints: dict[str, "Endpoints"] = {}


class Endpoints(Protocol):
    """A port that has endpoints to look after."""

    def survey(self) -> None:
        """Ask them how they are."""
        ...

    def condition(self, network: str) -> Condition:
        """Return what this process has seen of them. Asks nobody."""
        ...


def port(network: str) -> ChainPort:
    """Return the port of `network` (CAIP-2), one for the whole process. Raises UnknownNetwork."""
    with _lock:
        if network not in _ports:
            settings = get_settings()
            if network != settings.evm_network:
                raise networks.UnknownNetwork(network=network)
            from backend.chain.evm.client import EvmChain  # noqa: PLC0415 - web3 only where a chain is written to

            known = networks.network(network)
            chain = EvmChain(known.chain_id, settings.evm_rpc_urls, settings.finality_depth)
            _ports[network] = _endpoints[network] = chain
        return _ports[network]


def conditions(*, survey: bool = False) -> list[Condition]:
    """Return how the endpoints of our network are doing in the eyes of this process; with `survey`, after asking."""
    network = get_settings().evm_network
    port(network)
    with _lock:
        found = _endpoints.get(network)
    if found is None:
        return []
    if survey:
        found.survey()
    return [found.condition(network)]


def signer(network: str, role: str) -> Signer:
    """Return the signer that stands for `role` on `network`. Raises SignerMissing, RawKeyRefused.

    A key service is asked for its public key the first time, and may raise what it raises then.
    """
    with _lock:
        known = _signers.get((network, role))
    if known is not None:
        return known
    from backend.chain.evm.signers import open_signer  # noqa: PLC0415 - as above

    # Outside the lock: a slow key service holds up those who need this key, and nobody else.
    opened = open_signer(role, get_settings())
    with _lock:
        return _signers.setdefault((network, role), opened)


@contextmanager
def replaced(network: str, chain: ChainPort, signers: Mapping[str, Signer]) -> Iterator[None]:
    """Serve `network` by other parts inside the block. For tests."""
    with _lock:
        before = dict(_ports), dict(_signers)
        _ports[network] = chain
        _signers.update({(network, role): key for role, key in signers.items()})
    try:
        yield
    finally:
        with _lock:
            _ports.clear()
            _signers.clear()
            _ports.update(before[0])
            _signers.update(before[1])
