"""What a purchase earns and what a refund takes back. Pure; amounts in BKS base units."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from backend.kit.money import Money, exponent

BKS = "BKS"
_ONE_BKS = 10 ** exponent(BKS)


class RewardStatus(StrEnum):
    """Where a reward stands."""

    PENDING = "PENDING"
    """Earned; it waits until the event is over, so that a refund before that leaves nothing to take back."""
    SENT = "SENT"
    """Its minting stands in the outbox."""
    DONE = "DONE"
    """In the buyer's wallet, for good."""
    SET_OFF = "SET_OFF"
    """All of it went against debts: nothing was sent."""
    CANCELLED = "CANCELLED"
    """The order was refunded before it was sent, or before it was earned."""
    STUCK = "STUCK"
    """The token's contract refused it; a person must look."""


R = RewardStatus
EDGES: dict[RewardStatus, frozenset[RewardStatus]] = {
    R.PENDING: frozenset({R.SENT, R.SET_OFF, R.CANCELLED}),
    R.SENT: frozenset({R.DONE, R.CANCELLED, R.STUCK}),
    R.STUCK: frozenset({R.DONE, R.CANCELLED}),
    R.DONE: frozenset(),
    R.SET_OFF: frozenset(),
    R.CANCELLED: frozenset(),
}


def may_follow(before: str, after: RewardStatus) -> bool:
    """Tell whether `after` may follow `before`."""
    return after in EDGES[RewardStatus(before)]


@dataclass(frozen=True, slots=True)
class Debt:
    """What is still owed for one refunded order."""

    reward_id: UUID
    left: int


def earned_by(total: Money, fee: Money, rate: int, least: Mapping[str, int], worth: Mapping[str, int]) -> int:
    """Return what an order earns: at most `rate`, and never more than the platform's fee of it brought.

    `least` is the least total by currency; others earn none. `worth` is the most that one BKS is worth,
    in smallest units by currency; a fee in BKS is compared as it is. Who sells to himself pays no less than he earns.
    """
    if total.currency not in least or total.amount < least[total.currency]:
        return 0
    return min(rate, _in_bks(fee, worth))


def never_covered(
    rate: int, least: Mapping[str, int], worth: Mapping[str, int], fee_of: Callable[[Money], Money]
) -> Iterator[str]:
    """Say what a configuration of rewards gets wrong: a rate that the fee of an order at the floor does not cover."""
    for currency, floor in least.items():
        if currency != BKS and worth.get(currency, 0) <= 0:
            yield f"REWARDS_WORTH must say what one BKS is worth at most in {currency}, which REWARDS_FROM names"
            continue
        fee = fee_of(Money(floor, currency))
        covered = _in_bks(fee, worth)
        if covered < rate:
            yield (
                f"REWARDS_PER_ORDER is {rate}, but the least order of REWARDS_FROM, {Money(floor, currency)}, brings a "
                f"fee of {fee}, certainly worth no more than {covered}: raise the floor or lower the reward"
            )


def _in_bks(fee: Money, worth: Mapping[str, int]) -> int:
    """Return how many base units of BKS the fee is certainly worth."""
    if fee.currency == BKS:
        return fee.amount
    return fee.amount * _ONE_BKS // worth[fee.currency] if worth.get(fee.currency, 0) > 0 else 0


def set_off(earned: int, debts: Sequence[Debt]) -> tuple[int, dict[UUID, int]]:
    """Return (what is left to send, what goes against which debt), the oldest debt first."""
    left, against = earned, {}
    for debt in debts:
        share = min(left, debt.left)
        if share:
            against[debt.reward_id] = share
            left -= share
    return left, against


def owed(earned: int, withheld: int, *, was_given: bool) -> int:
    """Return the debt a refund leaves: all that the reward was worth to its buyer.

    What was set off against older debts paid those, so it is owed again; what was never sent is not owed.
    """
    return earned if was_given else withheld
