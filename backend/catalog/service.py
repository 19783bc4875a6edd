"""What other capabilities ask of the catalog: events, their stock, and the steps an event takes."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from backend.catalog import rules
from backend.catalog.errors import HasSales, NoTiers, SalesSuspended, UnknownEvent
from backend.catalog.models import Event, EventStatus, Tier
from backend.catalog.stock import hold, keep, release, sell, take_back
from backend.catalog.stock import lock as lock_tiers
from backend.kit import db, logs

__all__ = [
    "cancel", "check_selling", "close", "find_event", "fix_supply", "freeze_metadata", "get_event", "hold", "keep",
    "lock_event", "lock_tiers", "mark_ready", "publish", "release", "sell", "suspend_sales", "take_back",
    "total_quantity",
]  # fmt: skip

_log = logs.get(__name__)


def find_event(session: Session, event_id: UUID) -> Event | None:
    """Return the event whatever its status, None when there is none (or it is another tenant's)."""
    return session.get(Event, event_id)


def get_event(session: Session, event_id: UUID) -> Event:
    """Return the event whatever its status. Raises UnknownEvent."""
    event = find_event(session, event_id)
    if event is None:
        raise UnknownEvent
    return event


def check_selling(event: Event) -> None:
    """Raise SalesSuspended while no new orders are taken for the event."""
    if event.sales_suspended_reason is not None:
        raise SalesSuspended(reason=event.sales_suspended_reason)


def suspend_sales(session: Session, event_ids: Collection[UUID], reason: str | None) -> list[UUID]:
    """Stop new orders for these events, or take them again (`reason` None); return those whose state changed.

    Orders already placed are paid as before. It is no change of the event's terms, so its version stays.
    """
    query = (
        select(Event.id)
        .where(Event.id.in_(event_ids), Event.sales_suspended_reason.is_distinct_from(reason))
        .order_by(Event.id)
        .with_for_update(key_share=True)
    )
    changed = list(session.scalars(query))
    if changed:
        statement = update(Event).where(Event.id.in_(changed)).values(sales_suspended_reason=reason)
        session.execute(statement.execution_options(synchronize_session="fetch"))
    return changed


def lock_event(session: Session, event_id: UUID) -> Event:
    """Return the event locked until the transaction ends: its tiers are added and changed one at a time.

    Raises UnknownEvent.
    """
    event = db.locked(session, Event, event_id)
    if event is None:
        raise UnknownEvent
    return event


def total_quantity(session: Session, event_id: UUID) -> int:
    """Return how many tickets all tiers of the event have together."""
    return int(session.scalar(select(func.coalesce(func.sum(Tier.quantity), 0)).where(Tier.event_id == event_id)) or 0)


def fix_supply(session: Session, event_id: UUID) -> int:
    """Fix the set of tiers and how many tickets there can ever be; return that number. Fixing twice changes nothing.

    For the moment a collection is made for the event: its supply and its tiers' metadata are written then. Afterwards
    tiers are neither added nor renamed, and their quantities together stay within the number. Raises UnknownEvent,
    NoTiers.
    """
    event = lock_event(session, event_id)
    if event.max_supply is None:
        total = total_quantity(session, event_id)
        if not total:
            raise NoTiers
        event.max_supply = total
        event.version += 1
        session.flush()
    return event.max_supply


def mark_ready(session: Session, event_id: UUID, now: datetime) -> None:  # noqa: ARG001 - every step takes its time
    """Turn DRAFT into READY: the event's collection is live. A repeat, or a later status, changes nothing.

    Raises UnknownEvent, NoTiers, WrongStatus for a cancelled event.
    """
    fix_supply(session, event_id)
    event = lock_event(session, event_id)
    if event.status not in {EventStatus.READY, EventStatus.ON_SALE, EventStatus.CLOSED}:
        _step(session, event, EventStatus.READY)


def freeze_metadata(session: Session, event_id: UUID) -> None:
    """Note that the chain keeps what the event's tickets show for good. Twice is once. Raises UnknownEvent."""
    lock_event(session, event_id).metadata_frozen = True
    session.flush()


def publish(session: Session, event_id: UUID, now: datetime) -> Event:
    """Open the sale of a READY event. Raises UnknownEvent, WrongStatus, EventOver."""
    event = lock_event(session, event_id)
    rules.check_step(event.status, EventStatus.ON_SALE)
    rules.check_to_come(event.ends_at, now)
    return _step(session, event, EventStatus.ON_SALE)


def close(session: Session, event_id: UUID) -> Event:
    """End the sale for good; tickets stay good. Raises UnknownEvent, WrongStatus."""
    return _step(session, lock_event(session, event_id), EventStatus.CLOSED)


def cancel(session: Session, event_id: UUID) -> Event:
    """Call the event off, while nobody holds or has paid a seat. Raises UnknownEvent, WrongStatus, HasSales."""
    event = lock_event(session, event_id)
    rules.check_step(event.status, EventStatus.CANCELLED)
    # The tiers are locked before they are counted: a hold that is under way comes before or after, never between.
    if any(tier.held or tier.paid for tier in _locked_tiers(session, event_id)):
        raise HasSales
    return _step(session, event, EventStatus.CANCELLED)


def _step(session: Session, event: Event, to: EventStatus) -> Event:
    rules.check_step(event.status, to)
    before, event.status = event.status, to.value
    event.version += 1
    for tier in _locked_tiers(session, event.id):
        tier.on_sale = to == EventStatus.ON_SALE
    session.flush()
    _log.info("event_stepped", event_id=str(event.id), before=before, after=to.value)
    return event


def _locked_tiers(session: Session, event_id: UUID) -> list[Tier]:
    return lock_tiers(session, session.scalars(select(Tier.id).where(Tier.event_id == event_id)).all())
