"""The inbox: what a provider told us is stored once and acknowledged; a task acts on it later."""

from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.kit import logs
from backend.kit.db import unit_of_work
from backend.kit.ids import new_id
from backend.kit.nudges import nudge
from backend.payments import registry
from backend.payments.models import ProviderEvent, ProviderEventStatus
from backend.payments.port import Incoming, ProviderRefused, ProviderUnavailable

_log = logs.get(__name__)
_LOOK_BACK = timedelta(days=7)


def store(session: Session, provider: str, incoming: Incoming, now: datetime) -> bool:
    """Keep the message; False when it was here before. The unique (provider, external id) has the last word."""
    event_id = session.scalar(
        insert(ProviderEvent)
        .values(
            id=new_id(),
            provider=provider,
            external_id=incoming.external_id,
            type=incoming.type,
            subject=incoming.subject,
            reference=incoming.reference,
            livemode=incoming.livemode,
            payload=incoming.payload,
            received_at=now,
            status=ProviderEventStatus.RECEIVED,
        )
        .on_conflict_do_nothing(index_elements=["provider", "external_id"])
        .returning(ProviderEvent.id)
    )
    if event_id is None:
        return False
    nudge(session, "payments.settle_event", event_id)
    return True


def collect_missed(now: datetime) -> int:
    """Fetch what providers could not deliver lately, and store it; returns how much of it was new.

    Retries of a provider end after days, and what is not about an open payment (a dispute, a refund made by hand) no
    other sweeper would ever find. Not inside a transaction.
    """
    found = 0
    for provider in registry.in_use():
        try:
            messages = provider.missed(now - _LOOK_BACK)
        except (ProviderUnavailable, ProviderRefused) as error:
            _log.warning("missed_events_not_listed", provider=provider.name, reason=error.code)
            continue
        for message in messages:
            with unit_of_work() as session:
                found += store(session, provider.name, message, now)
    return found
