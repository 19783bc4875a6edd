"""Disputes: what the provider says of one is written down once it is fetched, and only ever forward."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit import logs
from backend.kit.db import locked
from backend.kit.errors import Retryable
from backend.kit.notices import announce
from backend.payments.models import Dispute, DisputeStatus, Payment, PaymentStatus
from backend.payments.notices import DisputeLost, DisputeOpened, DisputeWon
from backend.payments.port import DisputeSeen, ProviderDispute

_log = logs.get(__name__)


class NotSettledYet(Retryable):
    """The dispute's payment has not been settled here: its own message is on the way, so look again later."""


def apply(session: Session, provider: str, seen: ProviderDispute, now: datetime) -> str | None:
    """Write what the provider has into the dispute and announce what changed. Returns a problem's word, or None.

    Its messages may come in any order and any number: what ended stays ended. Raises NotSettledYet.
    """
    payment = locked(session, Payment, seen.payment_id)
    if payment is None or payment.provider != provider:
        return "unknown_reference"
    if payment.status != PaymentStatus.SUCCEEDED:
        raise NotSettledYet(f"payment {payment.id} is {payment.status}")
    # The payment's lock keeps two messages about one dispute apart.
    query = select(Dispute).where(Dispute.provider == provider, Dispute.provider_ref == seen.reference)
    dispute = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if dispute is None:
        dispute = _open(session, payment, seen, now)
    if dispute.status == seen.status or seen.status is DisputeSeen.OPEN:
        return None
    if dispute.status != DisputeStatus.OPEN:
        # An appeal. Tickets of a lost dispute are void and never revive: a person must look.
        _log.error("dispute_ended_twice", dispute_id=str(dispute.id), before=dispute.status, after=seen.status)
        return "ended_otherwise_before"
    dispute.status, dispute.settled_at = DisputeStatus(seen.status.value), now
    session.flush()
    _log.info("dispute_ended", dispute_id=str(dispute.id), status=dispute.status)
    kind = DisputeWon if seen.status is DisputeSeen.WON else DisputeLost
    announce(session, kind(dispute.id, payment.id, payment.reference_id))
    return None


def unsettled(session: Session, payment_id: UUID) -> bool:
    """Tell whether money of the payment is disputed, or was lost that way: a refund would pay it out twice."""
    query = select(Dispute.id).where(Dispute.payment_id == payment_id, Dispute.status != DisputeStatus.WON)
    return session.scalar(query.limit(1)) is not None


def _open(session: Session, payment: Payment, seen: ProviderDispute, now: datetime) -> Dispute:
    # An amount we cannot express is all of it, until a person has looked.
    fits = seen.amount is not None and seen.amount.currency == payment.currency and seen.amount.amount > 0
    amount = seen.amount if fits and seen.amount is not None else payment.amount
    dispute = Dispute(
        organisation_id=payment.organisation_id,
        payment_id=payment.id,
        provider=payment.provider,
        provider_ref=seen.reference,
        reason=seen.reason,
        amount_minor=amount.amount,
        currency=amount.currency,
        opened_at=now,
    )
    session.add(dispute)
    session.flush()
    _log.warning("dispute_opened", dispute_id=str(dispute.id), payment_id=str(payment.id), reason=seen.reason)
    announce(session, DisputeOpened(dispute.id, payment.id, payment.reference_id))
    return dispute
