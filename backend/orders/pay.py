"""Which payment a buyer should go on with: the open one, or a new attempt after a failed one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit.money import Money
from backend.orders import rules
from backend.orders.models import Order
from backend.payments import service as payments
from backend.payments.models import Payment


def payment_to_begin(session: Session, order: Order, provider: str, now: datetime) -> UUID:
    """Return the payment of the locked order to begin with `provider`. The network call comes after the commit.

    A declined or expired attempt is followed by a new one; an open one is returned again.
    Raises OrderClosed, PaymentWindowOver and what `payments.service.start` raises.
    """
    rules.check_payable(order.status, order.expires_at, order.cancel_asked_at, now)
    total = Money(order.total_minor, order.currency)
    return payments.start(session, order.organisation_id, order.id, total, provider, now, order.expires_at).id


def latest(session: Session, order_id: UUID) -> Payment | None:
    """Return the order's latest payment attempt."""
    query = select(Payment).where(Payment.reference_id == order_id).order_by(Payment.attempt.desc()).limit(1)
    return session.scalars(query).one_or_none()
