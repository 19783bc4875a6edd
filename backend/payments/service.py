"""What other capabilities call. `begin` and `expire` cross the network: call them outside of any transaction.

A payment is locked before what it pays for (docs/decisions/0008-lock-order.md): whoever will ask for a refund calls
`lock_all` before locking the order. `start` locks nothing.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.kit.money import Money
from backend.payments import registry, rules, settle
from backend.payments.begin import begin
from backend.payments.dispute import unsettled as is_disputed
from backend.payments.errors import AlreadyPaid, PaymentOpen
from backend.payments.expire import expire
from backend.payments.models import Payment, PaymentStatus
from backend.payments.person import give_up, settled_outside, take_as_paid
from backend.payments.port import ProviderPayment, Seen
from backend.payments.refund import request_refund, wallet_paid
from backend.payments.refund import withdraw as withdraw_refund

__all__ = [
    "begin",
    "expire",
    "give_up",
    "is_disputed",
    "lock_all",
    "paid_on_chain",
    "request_refund",
    "settled_outside",
    "start",
    "take_as_paid",
    "wallet_paid",
    "withdraw_refund",
]


def lock_all(session: Session, reference_id: UUID) -> list[Payment]:
    """Lock every payment of `reference_id` until the transaction ends. Comes before the lock of what is paid for."""
    query = select(Payment).where(Payment.reference_id == reference_id).order_by(Payment.id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(session.scalars(locked))


def start(
    session: Session,
    organisation_id: UUID,
    reference_id: UUID,
    amount: Money,
    provider: str,
    now: datetime,
    hold_ends_at: datetime | None = None,
) -> Payment:
    """Write down a new attempt to collect `amount` for `reference_id`, or return the open one that is the same.

    No network: `begin` asks the provider once this transaction has committed. `hold_ends_at` is until when what is
    paid for is kept. Raises AlreadyPaid, PaymentOpen, UnknownProvider, CurrencyNotTaken.
    """
    registry.get(provider)
    rules.check_takes(provider, amount.currency)
    earlier = session.scalars(select(Payment).where(Payment.reference_id == reference_id)).all()
    if any(payment.status == PaymentStatus.SUCCEEDED for payment in earlier):
        raise AlreadyPaid
    current = next((payment for payment in earlier if payment.status in rules.OPEN), None)
    if current is not None:
        if current.provider == provider and current.amount == amount:
            return current
        raise PaymentOpen(payment_id=str(current.id), provider=current.provider)
    attempts = session.scalar(select(func.max(Payment.attempt)).where(Payment.reference_id == reference_id))
    payment = Payment(
        organisation_id=organisation_id,
        reference_id=reference_id,
        provider=provider,
        attempt=(attempts or 0) + 1,
        status=PaymentStatus.STARTED,
        amount_minor=amount.amount,
        currency=amount.currency,
        created_at=now,
        expires_at=rules.open_until(provider, now, hold_ends_at or now + rules.SESSION_LIFE),
    )
    session.add(payment)
    session.flush()
    return payment


def paid_on_chain(session: Session, payment_id: UUID, amount: Money | None, now: datetime) -> str | None:
    """Write down that a final log shows the payment paid with `amount`; None: with something we did not ask for.

    Announces what follows. Returns a problem's word, or None. For the index alone: no client's word comes here.
    """
    payment = session.get_one(Payment, payment_id)
    seen = ProviderPayment(
        payment.provider_ref or "",
        Seen.PAID,
        amount,
        payment.id,
        payment.reference_id,
        registry.get(payment.provider).livemode,
    )
    return settle.apply(session, payment_id, seen, now)
