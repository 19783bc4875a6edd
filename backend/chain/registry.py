"""Which adapter serves a network, and which keys stand for a role. Adapters are imported when first asked for.

The import is late on purpose: reading logs must not cost the memory of web3.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Protocol

from backend.chain import networks
from backend.chain.endpoints import Condition
from backend.chain.keyring import Keyring
from backend.chain.port import ChainPort, Signer
from backend.settings import KeyPlace, get_settings

_lock = Lock()
_ports: dict[str, ChainPort] = {}
_keyrings: dict[tuple[str, str], Keyring] = {}
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


def keyring(network: str, role: str) -> Keyring:
    """Return the keys of `role` on `network`, none of them opened yet."""
    with _lock:
        if (network, role) not in _keyrings:
            settings = get_settings()
            _keyrings[network, role] = Keyring(role, [_opener(role, place) for place in settings.key_places(role)])
        return _keyrings[network, role]


def signer(network: str, role: str) -> Signer:
    """Return the first key of `role` on `network`. Raises SignerMissing, RawKeyRefused.

    A key service is asked for its public key the first time, and may raise what it raises then.
    """
    return keyring(network, role).first()


def _opener(role: str, place: KeyPlace) -> Callable[[], Signer]:
    def opened() -> Signer:
        from backend.chain.evm.signers import open_signer  # noqa: PLC0415 - as above

        return open_signer(role, get_settings(), place)

    return opened


def _same(key: Signer) -> Signer:
    return key


@contextmanager
def replaced(network: str, chain: ChainPort, signers: Mapping[str, Signer | Sequence[Signer]]) -> Iterator[None]:
    """Serve `network` by other parts inside the block. For tests."""
    with _lock:
        before = dict(_ports), dict(_keyrings)
        _ports[network] = chain
        for role, keys in signers.items():
            several = keys if isinstance(keys, Sequence) else [keys]
            _keyrings[network, role] = Keyring(role, [partial(_same, key) for key in several])
    try:
        yield
    finally:
        with _lock:
            _ports.clear()
            _keyrings.clear()
            _ports.update(before[0])
            _keyrings.update(before[1])
