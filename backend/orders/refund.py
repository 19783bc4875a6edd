"""Giving the money of an order back: asked for once, written down when the provider has done it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from backend.kit import logs
from backend.kit.db import locked
from backend.kit.notices import announce
from backend.orders import books, rules
from backend.orders.errors import NotRefundable, OrderUnknown, RefundFailedBefore, RefundWasReturned
from backend.orders.models import Order, OrderStatus
from backend.orders.notices import OrderRefunded, OrderRefunding
from backend.payments import service as payments
from backend.payments.models import Payment, RefundStatus

_log = logs.get(__name__)


def refund(session: Session, order_id: UUID, reason: str, now: datetime) -> Order:
    """Give a paid order's money back, all of it. A repeat finds it under way and changes nothing.

    `reason` is a short word that is kept with the refund. Raises OrderUnknown, NotRefundable, RefundFailedBefore.
    """
    payments.lock_all(session, order_id)
    order = locked(session, Order, order_id)
    if order is None:
        raise OrderUnknown
    if order.status not in {OrderStatus.REFUNDING, OrderStatus.REFUNDED}:
        begin(session, order, reason, now)
    return order


def begin(session: Session, order: Order, reason: str, now: datetime) -> None:
    """Ask for the refund of a locked order whose payments are locked. Its seats stay off sale until it is REFUNDED."""
    rules.check_refundable(order.status)
    if order.payment_id is None:
        raise NotRefundable(status=order.status)
    payment = session.get_one(Payment, order.payment_id)
    asked = payments.request_refund(session, payment.id, payment.amount, reason, now)
    if asked.status in {RefundStatus.FAILED, RefundStatus.STUCK}:
        raise RefundFailedBefore
    order.status = rules.step(order.status, OrderStatus.REFUNDING)
    order.changed_at = now
    announce(session, OrderRefunding(order.id))


def money_went_back(session: Session, order_id: UUID, payment_id: UUID, refund_id: UUID, now: datetime) -> None:
    """Post the reverse of what a refunded payment had posted; close the order if it was the order's money."""
    order = locked(session, Order, order_id)
    if order is None:
        return
    payment = session.get_one(Payment, payment_id)
    if payment_id != order.payment_id:
        books.refunded_unsettled(session, order, payment, refund_id, now)
        return
    if order.status != OrderStatus.REFUNDING:
        return  # the notice came twice
    # Money that never became tickets was set aside and earned nobody anything.
    post = books.refunded if order.paid_at is not None else books.refunded_unsettled
    post(session, order, payment, refund_id, now)
    order.status = rules.step(order.status, OrderStatus.REFUNDED)
    order.changed_at = now
    announce(session, OrderRefunded(order.id))


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
