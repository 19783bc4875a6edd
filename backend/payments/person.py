"""What a person decides about payments that nobody else can judge. Who asks keeps who decided it and why."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit import jobs
from backend.kit.money import Money
from backend.kit.notices import announce
from backend.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from backend.payments.notices import RefundSucceeded

OUTSIDE = "platform:outside"
"""The account of what went back in a way that no provider of ours saw."""
_OPEN = (RefundStatus.REQUESTED, RefundStatus.PENDING, RefundStatus.OWED, RefundStatus.STUCK)


def take_as_paid(session: Session, payment: Payment, now: datetime) -> None:
    """Take a (locked) STUCK payment as paid: a person has seen its money. Announces nothing."""
    payment.status, payment.settled_at = PaymentStatus.SUCCEEDED, now
    jobs.release(payment)
    session.flush()


def give_up(session: Session, payment: Payment, now: datetime) -> None:
    """Take a (locked) STUCK payment as unpaid. Should its provider ever show it paid, it is paid: late."""
    payment.status, payment.settled_at = PaymentStatus.FAILED, now
    jobs.release(payment)
    session.flush()


def settled_outside(session: Session, payment: Payment, reason: str, now: datetime) -> None:
    """Write down that all that is left of a (locked) payment went back outside of its provider.

    Refunds of it that came to nothing are closed with it. Announces RefundSucceeded.
    """
    query = select(Refund).where(Refund.payment_id == payment.id, Refund.status.in_(_OPEN)).order_by(Refund.id)
    for refund in session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)):
        refund.status, refund.settled_at = RefundStatus.FAILED, now
        payment.refunded_minor -= refund.amount_minor
        jobs.release(refund)
    left = payment.amount - Money(payment.refunded_minor, payment.currency)
    made = Refund(
        organisation_id=payment.organisation_id,
        payment_id=payment.id,
        reason=f"outside:{reason}",
        amount_minor=left.amount,
        currency=left.currency,
        status=RefundStatus.SUCCEEDED,
        created_at=now,
        settled_at=now,
        paid_from=OUTSIDE,
    )
    payment.refunded_minor += left.amount
    session.add(made)
    session.flush()
    announce(session, RefundSucceeded(made.id, payment.id, payment.reference_id))
