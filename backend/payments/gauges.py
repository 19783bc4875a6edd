"""How many payments, refunds and events are in each state, and how old the oldest is: alarms watch the ages."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.kit import clock
from backend.kit.gauges import Reading, gauge
from backend.payments.models import Dispute, Payment, ProviderEvent, Refund


def _count(session: Session, status: InstrumentedAttribute[str]) -> Reading:
    return {(word,): float(found) for word, found in session.execute(select(status, func.count()).group_by(status))}


def _oldest(session: Session, status: InstrumentedAttribute[str], since: InstrumentedAttribute[Any]) -> Reading:
    now = clock.now()
    rows = session.execute(select(status, func.min(since)).group_by(status))
    return {(word,): (now - oldest).total_seconds() for word, oldest in rows}


@gauge("payments", "Payments by status", labels=("status",))
def payments(session: Session) -> Reading:
    """Count payments."""
    return _count(session, Payment.status)


@gauge("payments_oldest_seconds", "Age of the oldest payment in each status", labels=("status",))
def payments_oldest(session: Session) -> Reading:
    """Measure payments' age."""
    return _oldest(session, Payment.status, Payment.created_at)


@gauge("refunds", "Refunds by status", labels=("status",))
def refunds(session: Session) -> Reading:
    """Count refunds."""
    return _count(session, Refund.status)


@gauge("refunds_oldest_seconds", "Age of the oldest refund in each status", labels=("status",))
def refunds_oldest(session: Session) -> Reading:
    """Measure refunds' age."""
    return _oldest(session, Refund.status, Refund.created_at)


@gauge("provider_events", "Messages of payment providers by status", labels=("status",))
def provider_events(session: Session) -> Reading:
    """Count events."""
    return _count(session, ProviderEvent.status)


@gauge("provider_events_oldest_seconds", "Age of the oldest provider message in each status", labels=("status",))
def provider_events_oldest(session: Session) -> Reading:
    """Measure events' age."""
    return _oldest(session, ProviderEvent.status, ProviderEvent.received_at)


@gauge("disputes", "Disputes of payments by status", labels=("status",))
def disputes(session: Session) -> Reading:
    """Count disputes."""
    return _count(session, Dispute.status)


@gauge("disputes_oldest_seconds", "Age of the oldest dispute in each status", labels=("status",))
def disputes_oldest(session: Session) -> Reading:
    """Measure disputes' age: evidence is due within days."""
    return _oldest(session, Dispute.status, Dispute.opened_at)
