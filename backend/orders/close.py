"""An order nobody paid for: its seats go back on sale once its provider has confirmed that no money can come."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit import logs
from backend.kit.nudges import nudge
from backend.orders import rules, seats
from backend.orders.models import Order, OrderStatus
from backend.payments.models import Payment, PaymentStatus

_log = logs.get(__name__)
OPEN = (PaymentStatus.STARTED, PaymentStatus.PENDING)


def cancel(session: Session, order: Order, now: datetime) -> None:
    """Note that the buyer does not want the (locked) order any more. Its open payment is closed first, then it is.

    Money that arrives before that wins: the order is then PAID. Raises NotCancellable.
    """
    rules.check_cancellable(order.status)
    order.cancel_asked_at = order.cancel_asked_at or now
    order.run_after = None
    nudge(session, "orders.expire", order.id)


def open_payments(session: Session, order_id: UUID) -> list[UUID]:
    """Return the payments of the order that could still be paid."""
    return list(session.scalars(select(Payment.id).where(Payment.reference_id == order_id, Payment.status.in_(OPEN))))


def close_if_unpaid(session: Session, order: Order, now: datetime) -> bool:
    """Give the seats of the locked order back if its time is up, or it was cancelled, and no payment can take money.

    Returns whether it closed. Doing it twice gives the seats back once: the status says so.
    """
    statuses = session.scalars(select(Payment.status).where(Payment.reference_id == order.id)).all()
    closing = rules.closing_status(order.status, order.expires_at, order.cancel_asked_at, statuses, now)
    if closing is None:
        return False
    order.status = rules.step(order.status, closing)
    order.changed_at = now
    seats.release(session, order)
    session.flush()
    _log.info("order_closed", order_id=str(order.id), status=closing.value)
    return True


def payment_stuck(order: Order, payment_id: UUID, now: datetime) -> None:
    """Nobody can say whether a payment of the locked order has money: keep the seats until a person has looked."""
    if order.payment_id is None and OrderStatus.STUCK in rules.EDGES[OrderStatus(order.status)]:
        order.status = rules.step(order.status, OrderStatus.STUCK)
        order.changed_at = now
        _log.error("order_stuck", order_id=str(order.id), payment_id=str(payment_id), reason="payment_stuck")
