"""What Ape does for people who look for a mistake, and these tests can do without: most of the time they would take."""

import functools

import ape_test.accounts
import requests
from ape_ethereum.trace import Trace
from ape_foundry.provider import FoundryProvider

UNSEEN: set[str] = set()
"""Addresses (lower case) that are no contract, whoever calls them."""

_build_command = FoundryProvider.build_command


def _called(trace, reverse=False):
    """Yield the contracts that a transaction called, in order: in the last one Ape looks for an error it cannot name.

    Ape reads it from every step of the transaction; the tree of calls tells the same at a fiftieth of the time.
    """
    tree = trace.provider.make_request("debug_traceTransaction", [trace.transaction_hash, {"tracer": "callTracer"}])
    called, waiting = [], tree.get("calls", [])[::-1]
    while waiting:
        call = waiting.pop()
        if call["to"].lower() not in UNSEEN:
            called.append(call["to"])
        waiting.extend(call.get("calls", [])[::-1])
    ecosystem = trace.provider.network.ecosystem
    yield from (ecosystem.decode_address(address) for address in (called[::-1] if reverse else called))


def _node_command(provider):
    """Leave out that the node keeps every step of every transaction: nothing here looks at them."""
    return [argument for argument in _build_command(provider) if argument != "--steps-tracing"]


def apply():
    """Do without, from now on."""
    Trace.get_addresses_used = _called
    # Each revert, expected or not, is traced for its call tree to be printed. What a test needs to know of a revert is
    # in the exception.
    Trace.show = lambda *_args, **_kwargs: None
    FoundryProvider.build_command = _node_command
    # Every development key is derived anew whenever an account is looked for.
    ape_test.accounts.generate_dev_accounts = functools.cache(ape_test.accounts.generate_dev_accounts)
    # The proxies' settings are read anew for each of the ten thousand requests; the node is on loopback.
    requests.sessions.get_environ_proxies = lambda *_more, **_rest: {}
