"""What orders does when a payment or a refund has come to something: all of it part of the promise."""

from datetime import datetime

from sqlalchemy.orm import Session

from backend.kit.db import locked
from backend.kit.notices import at_once
from backend.orders import close, dispute, refund, settle
from backend.orders.models import Order
from backend.payments.notices import (
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    PaymentExpired,
    PaymentFailed,
    PaymentStuck,
    PaymentSucceeded,
    RefundFailed,
    RefundRetried,
    RefundSucceeded,
)


@at_once(PaymentSucceeded)
def settle_order(session: Session, notice: PaymentSucceeded, now: datetime) -> None:
    """Take the money into account."""
    settle.money_arrived(session, notice.reference_id, notice.payment_id, now)


@at_once(PaymentExpired)
@at_once(PaymentFailed)
def close_order(session: Session, notice: PaymentExpired | PaymentFailed, now: datetime) -> None:
    """Give the seats back if the order's time is up; before that the buyer may try again."""
    order = locked(session, Order, notice.reference_id)
    if order is not None:
        close.close_if_unpaid(session, order, now)


@at_once(PaymentStuck)
def mark_stuck(session: Session, notice: PaymentStuck, now: datetime) -> None:
    """Hand the order to a person."""
    order = locked(session, Order, notice.reference_id)
    if order is not None:
        close.payment_stuck(order, notice.payment_id, now)


@at_once(RefundSucceeded)
def write_refund_down(session: Session, notice: RefundSucceeded, now: datetime) -> None:
    """Post the reverse of what was posted."""
    refund.money_went_back(session, notice.reference_id, notice.payment_id, notice.refund_id, now)


@at_once(RefundFailed)
def mark_refund_stuck(session: Session, notice: RefundFailed, now: datetime) -> None:
    """Hand the order to a person."""
    refund.refund_failed(session, notice.reference_id, notice.payment_id, notice.refund_id, now)


@at_once(RefundRetried)
def refund_under_way_again(session: Session, notice: RefundRetried, now: datetime) -> None:
    """Take the order back from the person it was handed to."""
    refund.tried_again(session, notice.reference_id, notice.payment_id, notice.refund_id, now)


@at_once(DisputeOpened)
def dispute_opened(session: Session, notice: DisputeOpened, now: datetime) -> None:
    """Lock what the money bought."""
    dispute.opened(session, notice.reference_id, notice.payment_id, now)


@at_once(DisputeWon)
def dispute_won(session: Session, notice: DisputeWon, now: datetime) -> None:
    """Unlock it."""
    dispute.won(session, notice.reference_id, notice.payment_id, now)


@at_once(DisputeLost)
def dispute_lost(session: Session, notice: DisputeLost, now: datetime) -> None:
    """Void it."""
    dispute.lost(session, notice.reference_id, notice.payment_id, notice.dispute_id, now)
