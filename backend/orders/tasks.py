"""Orders' jobs: closing what nobody paid for, deciding about late money, and sweeping up what was forgotten."""

from uuid import UUID

from sqlalchemy import ColumnElement, or_

from backend.kit import clock, jobs, logs
from backend.kit.db import unit_of_work
from backend.kit.errors import BusinessError
from backend.orders import close, settle
from backend.orders.models import Order, OrderStatus
from backend.payments import service as payments

_log = logs.get(__name__)


def _overdue() -> ColumnElement[bool]:
    return or_(Order.expires_at <= clock.now(), Order.cancel_asked_at.is_not(None))


@jobs.task("orders.expire")
def expire(order_id: UUID) -> None:
    """Close an order whose time is up or that was cancelled.

    Each open payment is first closed at its provider, outside of any transaction; the seats go back only when none
    is left that could take money. While a provider says "paid" or does not answer, the order keeps its seats.
    """
    with unit_of_work() as session:
        order = jobs.claim(
            session, Order, order_id, clock.now(), 60, Order.status == OrderStatus.AWAITING_PAYMENT, _overdue()
        )
        if order is None:
            return
        lease = order.lease_id
        waiting = close.open_payments(session, order_id)
    trouble: object = "a payment is still open"
    for payment_id in waiting:
        try:
            payments.expire(payment_id)
        except BusinessError as refusal:
            trouble = refusal.code
            _log.warning("payment_not_expired", order_id=str(order_id), payment_id=str(payment_id), reason=refusal.code)
    with jobs.given_back(Order, order_id, lease), unit_of_work() as session:
        order = jobs.held(session, Order, order_id, lease)
        close.close_if_unpaid(session, order, clock.now())
        if order.status == OrderStatus.AWAITING_PAYMENT:
            jobs.retry_later(order, clock.now(), trouble)
        else:
            jobs.release(order)


@jobs.task("orders.resolve_late")
def resolve_late(order_id: UUID) -> None:
    """Decide about late money: tickets if seats are left, else a refund. No network, so one transaction does it."""
    with unit_of_work() as session:
        payments.lock_all(session, order_id)  # before the order: its money may have to go back
        order = jobs.claim(session, Order, order_id, clock.now(), 60, Order.status == OrderStatus.PAID_LATE)
        if order is not None:
            settle.resolve_late(session, order, clock.now())
            jobs.release(order)


@jobs.every(seconds=5)
@jobs.task("orders.sweep")
def sweep() -> None:
    """Find overdue orders, and late money whose nudge was lost."""
    with unit_of_work() as session:
        now = clock.now()
        overdue = jobs.due(session, Order, now, Order.status == OrderStatus.AWAITING_PAYMENT, _overdue())
        late = jobs.due(session, Order, now, Order.status == OrderStatus.PAID_LATE)
    jobs.swept(overdue, expire)
    jobs.swept(late, resolve_late)
