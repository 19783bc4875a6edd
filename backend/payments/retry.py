"""A person has looked at what is STUCK and has the provider asked again. Nothing here decides about money.

Only the question is repeated, under the same key as the first time, and the answer is judged by the same rules: what
still does not match is STUCK again.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit import jobs, logs
from backend.kit.db import locked
from backend.kit.notices import announce
from backend.kit.nudges import nudge
from backend.payments import refund, rules
from backend.payments.errors import NotStuck, PaymentOpen, PaymentUnknown, ProviderEventUnknown, RefundUnknown
from backend.payments.models import Payment, PaymentStatus, ProviderEvent, ProviderEventStatus, Refund, RefundStatus
from backend.payments.notices import RefundRetried

_log = logs.get(__name__)


def provider_event(session: Session, event_id: UUID) -> ProviderEvent:
    """Have a stuck message acted on again. Raises ProviderEventUnknown, NotStuck."""
    event = locked(session, ProviderEvent, event_id)
    if event is None:
        raise ProviderEventUnknown
    if event.status != ProviderEventStatus.STUCK:
        raise NotStuck(status=event.status)
    event.status = ProviderEventStatus.RECEIVED
    event.problem = event.settled_at = None
    jobs.release(event)
    nudge(session, "payments.settle_event", event.id)
    _log.info("provider_event_retried", event_id=str(event.id))
    return event


def payment(session: Session, payment_id: UUID) -> Payment:
    """Have the provider asked again about a stuck payment. Raises PaymentUnknown, NotStuck, PaymentOpen."""
    row = locked(session, Payment, payment_id)
    if row is None:
        raise PaymentUnknown
    if row.status != PaymentStatus.STUCK:
        raise NotStuck(status=row.status)
    rival = select(Payment.id).where(Payment.reference_id == row.reference_id, Payment.status.in_(rules.OPEN))
    other = session.scalar(rival.limit(1))
    if other is not None:
        raise PaymentOpen(payment_id=str(other), provider=row.provider)
    # As far as it had come when it got stuck: opened at the provider, or asked for without an answer.
    row.status = PaymentStatus.PENDING if row.provider_ref is not None else PaymentStatus.STARTED
    row.problem = row.settled_at = None
    jobs.release(row)
    nudge(session, "payments.look", row.id)
    _log.info("payment_retried", payment_id=str(row.id))
    return row


def stuck_refund(session: Session, refund_id: UUID) -> Refund:
    """Have the provider asked again for a stuck refund: its id is the key, so it is paid out once at most.

    Raises RefundUnknown, NotStuck, and what those refuse who hear RefundRetried.
    """
    rows = refund.lock(session, refund_id)
    if rows is None:
        raise RefundUnknown
    row, paid = rows
    if row.status != RefundStatus.STUCK:
        raise NotStuck(status=row.status)
    row.status = RefundStatus.PENDING if row.provider_ref is not None else RefundStatus.REQUESTED
    row.problem = row.settled_at = None
    jobs.release(row)
    session.flush()
    announce(session, RefundRetried(row.id, paid.id, paid.reference_id))
    nudge(session, "payments.refund", row.id)
    _log.info("refund_retried", refund_id=str(row.id))
    return row
