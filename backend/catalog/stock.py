"""The three counters of a tier. Each move is one UPDATE whose WHERE decides, so nobody can decide on an old number.

A move either happens as a whole or raises and changes nothing. Callers that move several tiers lock them first, in
sorted order (`lock`), so that two of them never wait for each other.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session

from backend.catalog import rules
from backend.catalog.errors import NotHeld, NotPaid, SoldOut, UnknownTier
from backend.catalog.models import Event, EventStatus, Tier


def lock(session: Session, ids: Sequence[UUID]) -> list[Tier]:
    """Return the tiers locked until the transaction ends, in the order of their ids. Unknown ids are left out."""
    query = select(Tier).where(Tier.id.in_(ids)).order_by(Tier.id).with_for_update(key_share=True)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def hold(session: Session, tier_id: UUID, quantity: int, now: datetime) -> None:
    """Keep `quantity` seats for an unpaid order.

    Raises SoldOut (`details.left` says how many are free), SaleNotOpen, UnknownTier.
    """
    # A statement that waited for the tier's row reads that row again but not the event's: `on_sale` is what it sees
    # of a sale that ended meanwhile.
    moved = _move(
        session,
        tier_id,
        quantity,
        [
            Tier.on_sale.is_(True),
            Tier.held + Tier.paid + quantity <= Tier.quantity,
            or_(Tier.sale_starts_at.is_(None), Tier.sale_starts_at <= now),
            or_(Tier.sale_ends_at.is_(None), Tier.sale_ends_at > now),
            exists().where(Event.id == Tier.event_id, Event.status == EventStatus.ON_SALE.value, Event.ends_at > now),
        ],
        {"held": Tier.held + quantity},
    )
    if not moved:
        _explain(session, tier_id, now)


def keep(session: Session, tier_id: UUID, quantity: int) -> None:
    """Keep `quantity` free seats for tickets that exist on chain, whatever the sale. Raises SoldOut, UnknownTier."""
    free = [Tier.held + Tier.paid + quantity <= Tier.quantity]
    if not _move(session, tier_id, quantity, free, {"held": Tier.held + quantity}):
        tier = session.get(Tier, tier_id)
        if tier is None:
            raise UnknownTier
        raise SoldOut(tier_id=str(tier_id), left=tier.free)


def release(session: Session, tier_id: UUID, quantity: int) -> None:
    """Free `quantity` held seats: their order was not paid. Raises NotHeld."""
    if not _move(session, tier_id, quantity, [Tier.held >= quantity], {"held": Tier.held - quantity}):
        raise NotHeld


def sell(session: Session, tier_id: UUID, quantity: int) -> None:
    """Turn `quantity` held seats into paid ones. Raises NotHeld."""
    change = {"held": Tier.held - quantity, "paid": Tier.paid + quantity}
    if not _move(session, tier_id, quantity, [Tier.held >= quantity], change):
        raise NotHeld


def take_back(session: Session, tier_id: UUID, quantity: int) -> None:
    """Free `quantity` paid seats: their money has gone back and no ticket for them can exist. Raises NotPaid."""
    if not _move(session, tier_id, quantity, [Tier.paid >= quantity], {"paid": Tier.paid - quantity}):
        raise NotPaid


def _move(
    session: Session, tier_id: UUID, quantity: int, where: list[ColumnElement[bool]], change: dict[str, Any]
) -> bool:
    if quantity < 1:
        raise ValueError("at least one seat moves")
    session.flush()
    statement = update(Tier).where(Tier.id == tier_id, *where).values(change).returning(Tier)
    # The row comes back and replaces what this session knew of it; left to itself SQLAlchemy would redo the sum in
    # Python, from a number that may be old.
    options = {"synchronize_session": False, "populate_existing": True}
    return session.scalars(statement, execution_options=options).one_or_none() is not None


def _explain(session: Session, tier_id: UUID, now: datetime) -> None:
    query = (select(Tier, Event).join(Event, Event.id == Tier.event_id).where(Tier.id == tier_id)).execution_options(
        populate_existing=True
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise UnknownTier
    tier, event = found
    rules.check_on_sale(event.status, event.ends_at, tier.sale_starts_at, tier.sale_ends_at, now)
    raise SoldOut(tier_id=str(tier_id), left=tier.free)
