"""What differs from network to network and is no secret: patience and the most we pay. Known ones by name.

The settings have the last word on fees, for the network they name.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from backend.chain.port import Fees
from backend.chain.rules import Offer, Policy
from backend.kit.errors import Invalid
from backend.settings import get_settings

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
    priority_fee: int | None = None
    """What blocks are offered on top of the base fee, in wei a unit of gas; None: what the market pays."""

    def offer(self, fees: Fees) -> Offer:
        """Return what to offer at today's fees, before any ceiling."""
        if self.priority_fee is None:
            return Offer(fees.max_fee, fees.priority_fee)
        return Offer(fees.max_fee - fees.priority_fee + self.priority_fee, self.priority_fee)

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
    known = _KNOWN.get(network_id) or Network(network_id, network_id, fee_ceiling=300 * _GWEI)
    settings = get_settings()
    if network_id != settings.evm_network:
        return known
    if settings.fee_ceiling_gwei is not None:
        known = replace(known, fee_ceiling=_wei(settings.fee_ceiling_gwei))
    if settings.priority_fee_gwei is not None:
        known = replace(known, priority_fee=_wei(settings.priority_fee_gwei))
    return known


def _wei(gwei: Decimal) -> int:
    return int(gwei * _GWEI)
