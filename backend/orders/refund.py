"""Giving the money of an order back: asked for once, written down when the provider has done it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from backend.kit import logs
from backend.kit.db import locked
from backend.kit.notices import announce
from backend.orders import books, rules, seats
from backend.orders.errors import NotRefundable, NotWithdrawable, OrderUnknown, RefundFailedBefore, RefundWasReturned
from backend.orders.models import Order, OrderStatus
from backend.orders.notices import OrderRefunded, OrderRefunding
from backend.payments import service as payments
from backend.payments.models import Payment, Refund, RefundStatus

__all__ = [
    "NotWithdrawable",
    "begin",
    "money_went_back",
    "refund",
    "refund_failed",
    "tried_again",
    "withdrawn",
]
_log = logs.get(__name__)


def refund(session: Session, order_id: UUID, reason: str, now: datetime, *, anyway: bool = False) -> Order:
    """Give a paid order's money back, all of it. A repeat finds it under way and changes nothing.

    `reason` is a short word that is kept with the refund; `anyway`: used tickets do not stand in the way. Raises
    OrderUnknown, NotRefundable, RefundFailedBefore, and what those refuse who hear OrderRefunding.
    """
    payments.lock_all(session, order_id)
    order = locked(session, Order, order_id)
    if order is None:
        raise OrderUnknown
    if order.status not in {OrderStatus.REFUNDING, OrderStatus.REFUNDED}:
        begin(session, order, reason, now, anyway=anyway)
    return order


def begin(session: Session, order: Order, reason: str, now: datetime, *, anyway: bool = False) -> None:
    """Ask for the refund of a locked order whose payments are locked. Its seats stay off sale until it is REFUNDED."""
    rules.check_refundable(order.status)
    if order.payment_id is None:
        raise NotRefundable(status=order.status)
    payment = session.get_one(Payment, order.payment_id)
    asked = payments.request_refund(session, payment.id, payment.amount, reason, now)
    if asked.status in {RefundStatus.FAILED, RefundStatus.STUCK, RefundStatus.WITHDRAWN}:
        raise RefundFailedBefore
    order.former_status = order.status
    order.status = rules.step(order.status, OrderStatus.REFUNDING)
    order.changed_at = now
    session.flush()
    announce(session, OrderRefunding(order.id, asked.id, anyway))


def money_went_back(session: Session, order_id: UUID, payment_id: UUID, refund_id: UUID, now: datetime) -> None:
    """Post the reverse of what a refunded payment had posted; close the order if it was the order's money."""
    order = locked(session, Order, order_id)
    if order is None:
        return
    payment, refund = session.get_one(Payment, payment_id), session.get_one(Refund, refund_id)
    if payment_id != order.payment_id:
        books.refunded_unsettled(session, order, payment, refund, now)
        return
    if order.status != OrderStatus.REFUNDING:
        return  # the notice came twice
    # Money that never became tickets was set aside and earned nobody anything.
    post = books.refunded if order.paid_at is not None else books.refunded_unsettled
    post(session, order, payment, refund, now)
    seats.release(session, order)
    order.status = rules.step(order.status, OrderStatus.REFUNDED)
    order.changed_at = now
    announce(session, OrderRefunded(order.id))


def withdrawn(session: Session, order_id: UUID, refund_id: UUID, problem: str | None, now: datetime) -> Order:
    """Let an order whose refund no wallet has sent be what it was before. Its tickets are the caller's to unlock.

    Raises OrderUnknown, and NotWithdrawable for one that was STUCK before: it has nothing to go back to.
    """
    payments.lock_all(session, order_id)
    order = locked(session, Order, order_id)
    if order is None:
        raise OrderUnknown
    before = rules.before_refund(order.status, order.former_status)
    payments.withdraw_refund(session, refund_id, problem, now)
    order.status, order.former_status, order.changed_at = rules.step(order.status, before), None, now
    session.flush()
    return order


def refund_failed(session: Session, order_id: UUID, payment_id: UUID, refund_id: UUID, now: datetime) -> None:
    """Hand the order to a person: the provider cannot give the money back, or a bank returned it after all."""
    order = locked(session, Order, order_id)
    if order is None:
        return
    books.refund_returned(session, order, refund_id, now)
    if payment_id != order.payment_id or order.status not in {OrderStatus.REFUNDING, OrderStatus.REFUNDED}:
        return
    order.status = rules.step(order.status, OrderStatus.STUCK)
    order.changed_at = now
    _log.error("order_stuck", order_id=str(order_id), payment_id=str(payment_id), reason="refund_failed")


def tried_again(session: Session, order_id: UUID, payment_id: UUID, refund_id: UUID, now: datetime) -> None:
    """Let an order that a stuck refund had handed to a person wait for that refund again. Raises RefundWasReturned."""
    order = locked(session, Order, order_id)
    if order is None:
        return
    if books.was_returned(session, refund_id):
        # It is in the books twice already, there and back; what goes out next is another refund.
        raise RefundWasReturned
    if payment_id == order.payment_id and order.status == OrderStatus.STUCK:
        order.status = rules.step(order.status, OrderStatus.REFUNDING)
        order.changed_at = now
