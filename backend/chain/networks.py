"""What differs from network to network and is no secret: patience and the most we pay. Known ones by name."""

from dataclasses import dataclass

from backend.chain.rules import Policy
from backend.kit.errors import Invalid

_GWEI = 10**9
EVM_NAMESPACE = "eip155"


class UnknownNetwork(Invalid):
    """We are not set up for this network."""

    code = "unknown_network"


_PATIENCE = Policy()


@dataclass(frozen=True)
class Network:
    """A network by its CAIP-2 id. `fee_ceiling` is wei a unit of gas; times are seconds."""

    id: str
    name: str
    fee_ceiling: int
    poll_seconds: float = 1.0
    policy: Policy = _PATIENCE

    @property
    def chain_id(self) -> int:
        """The EIP-155 chain id. Raises UnknownNetwork for a network that has none."""
        namespace, _, reference = self.id.partition(":")
        if namespace != EVM_NAMESPACE or not reference.isdecimal():
            raise UnknownNetwork(network=self.id)
        return int(reference)


_KNOWN = {
    known.id: known
    for known in (
        Network("eip155:31337", "local", fee_ceiling=500 * _GWEI, policy=Policy(bump_after=20, lost_after=5)),
        Network("eip155:97", "bsc-testnet", fee_ceiling=50 * _GWEI, policy=Policy(bump_after=30)),
        Network("eip155:56", "bsc", fee_ceiling=20 * _GWEI, policy=Policy(bump_after=30)),
    )
}


def network(network_id: str) -> Network:
    """Return what we know of a network; one we do not know gets careful defaults."""
    return _KNOWN.get(network_id) or Network(network_id, network_id, fee_ceiling=300 * _GWEI)
