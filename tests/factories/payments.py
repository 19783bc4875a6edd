"""A payment, an event about it, and a way to hear what was announced."""

from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from backend.accounts.models import Organisation
from backend.kit.money import Money
from backend.payments import inbox
from backend.payments.models import Payment, ProviderEvent
from backend.payments.port import Incoming, Subject
from backend.payments.service import begin, start

_numbers = count(1)


def make_payment(
    session: Session,
    now: datetime,
    *,
    amount: int = 99_800,
    currency: str = "SEK",
    provider: str = "fake",
    reference_id: UUID | None = None,
) -> Payment:
    """Return a started payment of an organisation of its own."""
    organisation = Organisation(name="Elektra", created_at=now)
    session.add(organisation)
    session.flush()
    return start(session, organisation.id, reference_id or uuid4(), Money(amount, currency), provider, now)


def make_begun(session: Session, now: datetime, **payment: Any) -> Payment:
    """Return a payment its provider has opened."""
    row = make_payment(session, now, **payment)
    begin(row.id)
    session.refresh(row)
    return row


def incoming(
    reference: str | None,
    *,
    subject: Subject = Subject.PAYMENT,
    kind: str = "checkout.session.completed",
    livemode: bool = False,
) -> Incoming:
    """Return a message nobody has seen before."""
    external_id = f"evt_{next(_numbers)}"
    payload: dict[str, Any] = {"id": external_id, "type": kind}
    return Incoming(external_id, kind, subject, reference, livemode, payload)


def make_event(session: Session, now: datetime, message: Incoming, provider: str = "fake") -> ProviderEvent:
    """Store `message` and return its row."""
    assert inbox.store(session, provider, message, now)
    return session.query(ProviderEvent).filter_by(external_id=message.external_id).one()
