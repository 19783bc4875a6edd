"""What may happen to an order. Values in, values out."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backend.orders.errors import (
    IllegalStep,
    NotCancellable,
    NotRefundable,
    NotWithdrawable,
    OneTierPerQuote,
    OrderClosed,
    OrderDisputed,
    OverLimit,
    PaymentWindowOver,
    WalletMissing,
)
from backend.orders.models import OrderStatus

S = OrderStatus

EDGES: dict[OrderStatus, frozenset[OrderStatus]] = {
    S.AWAITING_PAYMENT: frozenset({S.PAID, S.EXPIRED, S.CANCELLED, S.STUCK}),
    # Money that comes after the seats were given back is a state of its own, until it is a ticket or a refund.
    S.EXPIRED: frozenset({S.PAID_LATE, S.STUCK}),
    S.CANCELLED: frozenset({S.PAID_LATE, S.STUCK}),
    S.PAID_LATE: frozenset({S.PAID, S.REFUNDING, S.STUCK}),
    S.PAID: frozenset({S.FULFILLED, S.REFUNDING, S.DISPUTED, S.STUCK}),
    S.FULFILLED: frozenset({S.REFUNDING, S.DISPUTED, S.STUCK}),
    # Back to what it was when a refund that a wallet has to send is withdrawn unsent.
    S.REFUNDING: frozenset({S.REFUNDED, S.PAID, S.FULFILLED, S.STUCK}),
    # No refund from here: lost later, the money would go back twice.
    S.DISPUTED: frozenset({S.PAID, S.FULFILLED, S.DISPUTE_LOST, S.STUCK}),
    S.DISPUTE_LOST: frozenset({S.STUCK}),
    # A bank can return a refund days later (the account was closed): the money is ours to give back again.
    S.REFUNDED: frozenset({S.STUCK}),
    # A person has looked: gives the money back, honours the order, or closes it: there is nothing (left) to give back.
    S.STUCK: frozenset({S.REFUNDING, S.PAID, S.FULFILLED, S.CANCELLED, S.DISPUTE_LOST}),
}

HOLDING = frozenset({S.AWAITING_PAYMENT})
"""Statuses whose seats are counted as held in the tier."""
SOLD = frozenset({S.PAID, S.FULFILLED, S.DISPUTED})
"""Statuses whose seats are all counted as paid in the tier. So are a refunded order's, but for those returned."""
COUNTED = HOLDING | SOLD | {S.PAID_LATE, S.STUCK}
"""Statuses that count against a buyer's limit: what they hold, bought, or may still be given."""

_KEEPS_SEATS = frozenset({"STARTED", "PENDING", "SUCCEEDED", "STUCK"})
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBER_LENGTH = 12
_RANDOM_BITS = 62


class Arrival(StrEnum):
    """What money that has arrived means for an order."""

    SETTLES = "SETTLES"
    """The order waited for it."""
    LATE = "LATE"
    """The seats were given back already."""
    KNOWN = "KNOWN"
    """This very payment was dealt with before: the notice came twice."""
    DUPLICATE = "DUPLICATE"
    """The order has another payment's money already: this one goes back."""
    PUZZLING = "PUZZLING"
    """The amount is not the order's, or nobody can say: a person must look."""


def step(status: str, to: OrderStatus) -> OrderStatus:
    """Return `to` if an order may go there from `status`. Raises IllegalStep."""
    if to not in EDGES[OrderStatus(status)]:
        raise IllegalStep(f"an order cannot go from {status} to {to}")
    return to


def meaning_of_money(status: str, taken: UUID | None, arrived: UUID, *, is_exact: bool) -> Arrival:
    """Say what the succeeded payment `arrived` means for an order that has `taken` a payment before, or none.

    `is_exact`: amount and currency are the order's.
    """
    if taken == arrived:
        return Arrival.KNOWN
    if taken is not None:
        return Arrival.DUPLICATE
    if not is_exact:
        return Arrival.PUZZLING
    if status == S.AWAITING_PAYMENT:
        return Arrival.SETTLES
    return Arrival.LATE if S.PAID_LATE in EDGES[OrderStatus(status)] else Arrival.PUZZLING


def closing_status(
    status: str, expires_at: datetime, cancel_asked_at: datetime | None, payments: Sequence[str], now: datetime
) -> OrderStatus | None:
    """Return CANCELLED or EXPIRED when the seats may go back on sale now, else None.

    `payments` are the statuses of the order's payment attempts. One that is open, succeeded or stuck keeps the seats:
    its provider may still take, or has taken, the money.
    """
    if status != S.AWAITING_PAYMENT or any(p in _KEEPS_SEATS for p in payments):
        return None
    if cancel_asked_at is not None:
        return S.CANCELLED
    return S.EXPIRED if expires_at <= now else None


def check_payable(status: str, expires_at: datetime, cancel_asked_at: datetime | None, now: datetime) -> None:
    """Refuse to begin a payment for an order that is settled, closed, or whose time is up."""
    if status != S.AWAITING_PAYMENT or cancel_asked_at is not None:
        raise OrderClosed(status=status)
    if expires_at <= now:
        raise PaymentWindowOver


def check_quotable(wallet: bytes | None, tiers: int) -> None:
    """Raise WalletMissing or OneTierPerQuote unless a quote can be signed for this: one buyer's wallet, one tier."""
    if wallet is None:
        raise WalletMissing
    if tiers != 1:
        raise OneTierPerQuote


def check_cancellable(status: str) -> None:
    """Only an order nobody has paid for can be cancelled by its buyer."""
    if status != S.AWAITING_PAYMENT:
        raise NotCancellable(status=status)


def check_refundable(status: str) -> None:
    """Money can go back from every status that has some and is not giving it back already.

    Raises NotRefundable, OrderDisputed.
    """
    if status in {S.DISPUTED, S.DISPUTE_LOST}:
        raise OrderDisputed
    if S.REFUNDING not in EDGES[OrderStatus(status)]:
        raise NotRefundable(status=status)


def before_refund(status: str, former: str | None) -> OrderStatus:
    """Return what an order whose refund is withdrawn becomes again. Raises NotWithdrawable."""
    if status != S.REFUNDING or former not in SOLD:
        raise NotWithdrawable(status=status)
    return OrderStatus(former)


def check_limit(limit: int | None, already: int, wanted: int) -> None:
    """Refuse an order that would take a buyer over the tier's limit. None means there is none."""
    if limit is not None and already + wanted > limit:
        raise OverLimit(limit=limit, already=already, wanted=wanted)


def number_for(order_id: UUID) -> str:
    """Return the number a person reads out: 60 random bits of the id in Crockford's alphabet, in fours."""
    bits = (order_id.int & ((1 << _RANDOM_BITS) - 1)) >> (_RANDOM_BITS - 5 * _NUMBER_LENGTH)
    letters = [_CROCKFORD[(bits >> (5 * place)) & 31] for place in reversed(range(_NUMBER_LENGTH))]
    word = "".join(letters)
    return "-".join(word[at : at + 4] for at in range(0, _NUMBER_LENGTH, 4))


def normalised_email(email: str) -> str:
    """Return the address as orders are counted by it: trimmed and in lower case."""
    return email.strip().lower()
