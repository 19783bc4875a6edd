"""Venues, events and tiers.

A tier's three counters are the only truth about stock: `held` (seats of unpaid orders) + `paid` + free = `quantity`.
They move by single SQL statements (`stock.py`); the table refuses what would oversell, whoever writes.
"""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.accounts.models import RoleGrant
from backend.kit.db import Base, Minor, Wei
from backend.kit.ids import new_id
from backend.kit.money import Money

EventId = NewType("EventId", UUID)
TierId = NewType("TierId", UUID)
VenueId = NewType("VenueId", UUID)


class EventStatus(StrEnum):
    """Where an event stands. The allowed steps between them are `rules.EDGES`.

    DRAFT: being written. READY: its collection is live on chain. ON_SALE: published. CLOSED: no more sales; tickets
    stay good. CANCELLED: it will not happen.
    """

    DRAFT = "DRAFT"
    READY = "READY"
    ON_SALE = "ON_SALE"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


class Venue(Base):
    """A place that holds so many people."""

    __tablename__ = "venues"
    __table_args__ = (
        UniqueConstraint("id", "organisation_id"),
        CheckConstraint("capacity > 0", name="capacity"),
        Index(None, "organisation_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    capacity: Mapped[int]
    created_at: Mapped[datetime]


class Event(Base):
    """What people attend. `version` rises with every change to it or to the terms of its tiers (not with sales)."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("id", "organisation_id"),
        # Both columns, so that an event cannot stand in another organisation's venue.
        ForeignKeyConstraint(["venue_id", "organisation_id"], ["venues.id", "venues.organisation_id"]),
        CheckConstraint("status IN ('DRAFT', 'READY', 'ON_SALE', 'CLOSED', 'CANCELLED')", name="status"),
        CheckConstraint("doors_at <= starts_at AND starts_at < ends_at", name="dates"),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("max_supply > 0", name="max_supply"),
        Index(None, "organisation_id", "starts_at", "id"),
        Index(None, "status", "starts_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    venue_id: Mapped[UUID | None]
    zone: Mapped[str] = mapped_column(Text)
    """The IANA zone the times are shown in; the times themselves are UTC."""
    doors_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    currency: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    max_supply: Mapped[int | None]
    """How many tickets its collection can ever hold; null until that is fixed, and the set of tiers with it."""
    metadata_frozen: Mapped[bool] = mapped_column(default=False)
    """Whether what its tickets show can never change again, as its collection's chain says."""
    sales_suspended_reason: Mapped[str | None] = mapped_column(Text)
    """Why no new order is taken although the event is on sale; null: none. Written from above, it ends by itself."""
    created_at: Mapped[datetime]

    tiers: Mapped[list["Tier"]] = relationship(order_by="Tier.number", viewonly=True)


class Tier(Base):
    """A kind of ticket of one event: its price, how many there are, how many are held and paid."""

    __tablename__ = "tiers"
    __table_args__ = (
        UniqueConstraint("event_id", "number"),
        UniqueConstraint("id", "organisation_id"),
        ForeignKeyConstraint(["event_id", "organisation_id"], ["events.id", "events.organisation_id"]),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("price_minor > 0", name="price_minor"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("held >= 0 AND paid >= 0 AND held + paid <= quantity", name="stock"),
        CheckConstraint("sale_starts_at < sale_ends_at", name="sale_window"),
        CheckConstraint("per_account_limit > 0", name="per_account_limit"),
        Index(None, "organisation_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    event_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(SmallInteger)
    """Counts 1, 2, 3 within the event: the tier on chain."""
    name: Mapped[str] = mapped_column(Text)
    price_minor: Mapped[Minor]
    """What one ticket costs, in the smallest unit of `currency`."""
    currency: Mapped[str] = mapped_column(Text)
    quantity: Mapped[int]
    held: Mapped[int] = mapped_column(default=0)
    paid: Mapped[int] = mapped_column(default=0)
    on_sale: Mapped[bool] = mapped_column(default=False)
    """Whether the event is ON_SALE, said again here: a hold that waits for this row must see the sale end with it."""
    sale_starts_at: Mapped[datetime | None]
    """Null: on sale as soon as the event is published."""
    sale_ends_at: Mapped[datetime | None]
    """Null: until the event ends."""
    per_account_limit: Mapped[int | None]
    """How many tickets one account may buy; null: as many as one order takes."""
    created_at: Mapped[datetime]

    prices: Mapped[list["TierPrice"]] = relationship(
        order_by="TierPrice.currency", lazy="selectin", cascade="all, delete-orphan"
    )
    """What it costs in tokens, where the promoter states it; `price_minor` is the card's."""

    @property
    def price(self) -> Money:
        """What one ticket costs."""
        return Money(self.price_minor, self.currency)

    def price_in(self, currency: str) -> Money | None:
        """Return what one ticket costs in `currency`; None when it is not sold in it."""
        stated = {self.currency: self.price_minor} | {price.currency: price.amount for price in self.prices}
        return Money(stated[currency], currency) if currency in stated else None

    @property
    def free(self) -> int:
        """How many can still be held."""
        return self.quantity - self.held - self.paid


class TierPrice(Base):
    """What one ticket of a tier costs in a token that is paid on chain: the promoter states it, no rate is guessed."""

    __tablename__ = "tier_prices"
    __table_args__ = (
        ForeignKeyConstraint(["tier_id", "organisation_id"], ["tiers.id", "tiers.organisation_id"]),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("currency IN ('BNB', 'BKS')", name="currency"),
    )

    tier_id: Mapped[UUID] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(Text, primary_key=True)
    organisation_id: Mapped[UUID]
    amount: Mapped[Wei]
    """In the token's base unit."""


# A steward's grant names an event of the organisation it is granted in. Added from here, because accounts stands
# below the catalog and knows no events.
RoleGrant.__table__.append_constraint(  # type: ignore[attr-defined]
    ForeignKeyConstraint(["event_id", "organisation_id"], ["events.id", "events.organisation_id"])
)
