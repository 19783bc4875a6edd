"""What a purchase earns and what a refund takes back. Pure; amounts in BKS base units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class RewardStatus(StrEnum):
    """Where a reward stands."""

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
    R.SENT: frozenset({R.DONE, R.CANCELLED, R.STUCK}),
    R.STUCK: frozenset({R.SENT, R.DONE, R.CANCELLED}),
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


def is_earned(total: int, currency: str, least: Mapping[str, int]) -> bool:
    """Say whether an order of this total (smallest units) earns a reward.

    `least` is the least total by currency; others earn none. The reward is the same for every order: without a
    floor, orders of next to nothing would mint it without end.
    """
    return currency in least and total >= least[currency]


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
