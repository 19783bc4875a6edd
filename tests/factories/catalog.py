"""Events and tiers that are on sale unless a test says otherwise."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.catalog.models import Event, EventStatus, Tier, Venue
from tests.factories.accounts import NOON, make_organisation


def make_venue(session: Session, organisation_id=None, **values) -> Venue:
    """Return a venue for 650."""
    organisation_id = organisation_id or make_organisation(session).id
    row = {"name": "Debaser Strand", "address": "Stockholm", "capacity": 650, "created_at": NOON, **values}
    venue = Venue(organisation_id=organisation_id, **row)
    session.add(venue)
    session.flush()
    return venue


def make_event(session: Session, organisation_id=None, **values) -> Event:
    """Return an event in three weeks, ON_SALE, without tiers."""
    organisation_id = organisation_id or make_organisation(session).id
    start = NOON + timedelta(days=21)
    row = {
        "title": "Midsummer Night",
        "description": "Two bands.",
        "zone": "Europe/Stockholm",
        "doors_at": start - timedelta(hours=1),
        "starts_at": start,
        "ends_at": start + timedelta(hours=5),
        "currency": "SEK",
        "status": EventStatus.ON_SALE.value,
        "version": 1,
        "created_at": NOON,
        **values,
    }
    event = Event(organisation_id=organisation_id, **row)
    session.add(event)
    session.flush()
    return event


def put_off(event: Event, now: datetime) -> None:
    """Move an event that is over to three weeks after `now`: a real node's time is the real one, and doors freeze."""
    if event.doors_at > now:
        return
    later = now + timedelta(days=21) - event.starts_at
    event.doors_at, event.starts_at, event.ends_at = (
        moment + later for moment in (event.doors_at, event.starts_at, event.ends_at)
    )


def make_tier(session: Session, event: Event | None = None, **values) -> Tier:
    """Return the next tier of the event (a new one on sale unless given): 100 tickets at 49.90."""
    event = event or make_event(session)
    last = session.scalar(select(func.max(Tier.number)).where(Tier.event_id == event.id)) or 0
    row = {
        "number": last + 1,
        "name": "Standing",
        "price_minor": 4_990,
        "currency": event.currency,
        "quantity": 100,
        "held": 0,
        "paid": 0,
        "on_sale": event.status == EventStatus.ON_SALE,
        "created_at": NOON,
        **values,
    }
    tier = Tier(organisation_id=event.organisation_id, event_id=event.id, **row)
    session.add(tier)
    session.flush()
    return tier
