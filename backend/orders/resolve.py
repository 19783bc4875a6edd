"""The way out of STUCK that is neither a retry nor a refund: a person honours the order, or voids it, and says why."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.kit import logs
from backend.kit.db import locked
from backend.kit.notices import announce
from backend.orders import books, dispute, rules, seats, settle
from backend.orders.errors import CannotHonour, OrderNotStuck, OrderUnknown
from backend.orders.models import Order, OrderResolution, OrderStatus, Resolution, Seats
from backend.orders.notices import OrderVoided
from backend.payments import service as payments
from backend.payments.models import Payment, PaymentStatus

_log = logs.get(__name__)


def resolve(
    session: Session, order_id: UUID, account_id: UUID, resolution: Resolution, reason: str, now: datetime
) -> Order:
    """Carry out what a person decided about a STUCK order. Asked again with the same words, it is done already.

    Raises OrderUnknown, OrderNotStuck, CannotHonour, SoldOut.
    """
    paying = payments.lock_all(session, order_id)
    order = locked(session, Order, order_id)
    if order is None:
        raise OrderUnknown
    if order.status != OrderStatus.STUCK:
        if _is_decided(session, order, resolution, reason):
            return order
        raise OrderNotStuck(status=order.status)
    since = order.changed_at
    if resolution is Resolution.HONOUR:
        _honour(session, order, paying, now)
    else:
        _void(session, order, paying, reason, now)
    session.add(
        OrderResolution(
            organisation_id=order.organisation_id,
            order_id=order.id,
            account_id=account_id,
            resolution=resolution,
            reason=reason,
            stuck_since=since,
            became=order.status,
            decided_at=now,
        )
    )
    session.flush()
    _log.warning(
        "order_resolved", order_id=str(order.id), resolution=resolution, by=str(account_id), became=order.status
    )
    return order


def of_order(session: Session, order_id: UUID) -> list[OrderResolution]:
    """Return what was decided about the order, the newest last."""
    query = select(OrderResolution).where(OrderResolution.order_id == order_id)
    return list(session.scalars(query.order_by(OrderResolution.decided_at, OrderResolution.id)))


def _is_decided(session: Session, order: Order, resolution: Resolution, reason: str) -> bool:
    latest = next(reversed(of_order(session, order.id)), None)
    return latest is not None and (latest.resolution, latest.reason) == (resolution, reason)


def _honour(session: Session, order: Order, paying: list[Payment], now: datetime) -> None:
    if order.seats == Seats.SOLD:
        was_disputed = order.payment_id is not None and payments.is_disputed(session, order.payment_id)
        if order.former_status not in rules.SOLD or not was_disputed:
            raise CannotHonour(problem="its tickets were voided for a refund")
        # Lost in part: the buyer keeps what the rest has paid.
        dispute.restore(session, order, now)
        return
    payment = next((one for one in paying if one.id == order.payment_id), None)
    is_new = payment is None
    if payment is None:
        payment = next((one for one in reversed(paying) if one.status == PaymentStatus.STUCK), None)
    if payment is None:
        raise CannotHonour(problem="it has no payment that could have been paid")
    if (payment.amount_minor, payment.currency) != (order.total_minor, order.currency):
        raise CannotHonour(problem="the payment is of another amount")
    if order.seats == Seats.NONE:
        for line in sorted(order.lines, key=lambda line: line.tier_id):
            catalog.keep(session, line.tier_id, line.quantity)
    if is_new:
        payments.take_as_paid(session, payment, now)
    order.status, order.payment_id = rules.step(order.status, OrderStatus.PAID), payment.id
    (books.settled if is_new else books.settled_late)(session, order, payment, now)
    settle.sell(session, order, now)


def _void(session: Session, order: Order, paying: list[Payment], reason: str, now: datetime) -> None:
    for payment in paying:
        if payment.status == PaymentStatus.STUCK:
            payments.give_up(session, payment, now)
    taken = next((one for one in paying if one.id == order.payment_id), None)
    if taken is None:
        order.status = rules.step(order.status, OrderStatus.CANCELLED)
    elif payments.is_disputed(session, taken.id):
        # A part of it was lost; the rest stays earned.
        order.status = rules.step(order.status, OrderStatus.DISPUTE_LOST)
    else:
        order.status = rules.step(order.status, OrderStatus.REFUNDING)
    order.changed_at = now
    session.flush()
    # Before the seats: tickets are locked before tiers.
    announce(session, OrderVoided(order.id))
    if taken is None:
        seats.release(session, order)
    elif order.status == OrderStatus.REFUNDING:
        payments.settled_outside(session, taken, reason, now)
