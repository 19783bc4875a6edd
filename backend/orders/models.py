"""What somebody asked to buy, and what has become of it."""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.kit.jobs import Leased

OrderId = NewType("OrderId", UUID)


class OrderStatus(StrEnum):
    """Where an order stands. The allowed steps between them are `rules.EDGES`."""

    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    PAID = "PAID"
    FULFILLED = "FULFILLED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    PAID_LATE = "PAID_LATE"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    DISPUTED = "DISPUTED"
    DISPUTE_LOST = "DISPUTE_LOST"
    STUCK = "STUCK"


class Seats(StrEnum):
    """Whether an order's seats count in their tiers, whatever its status: an order may get STUCK with or without."""

    HELD = "HELD"
    SOLD = "SOLD"
    """Those that went back on sale are counted by line, in `returned`."""
    NONE = "NONE"


def _one_of(column: str, kind: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(member)) for member in kind)})"


class Order(Leased, Base):
    """One purchase: whose it is, what it costs, until when its seats are held.

    `email` is personal data and the only column that holds any: a guest's address, normalised. It is never logged.
    `recipient` is the wallet (20 bytes) the tickets go to; null means the tickets wait in escrow for a claim code.
    `payment_id` is the payment whose money the order has, settled or not.
    `former_status` is where it stood before it was REFUNDING or DISPUTED, and goes back to when that comes to nothing.
    `fee_schedule` and `fee_bps` (basis points) are the platform's fee as it stood when the order was placed.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(_one_of("status", OrderStatus), name="status"),
        CheckConstraint(_one_of("seats", Seats), name="seats"),
        CheckConstraint(_one_of("former_status", OrderStatus), name="former_status"),
        CheckConstraint("total_minor > 0", name="total_minor"),
        CheckConstraint("fee_bps BETWEEN 0 AND 10000", name="fee_bps"),
        CheckConstraint("recipient IS NULL OR octet_length(recipient) = 20", name="recipient"),
        CheckConstraint("account_id IS NOT NULL OR email IS NOT NULL", name="buyer"),
        UniqueConstraint("number"),
        Index("ix_orders_account_id_placed_at_id", "account_id", "placed_at", "id"),
        Index("ix_orders_email", "email"),
        Index("ix_orders_status_expires_at", "status", "expires_at"),
        Index("ix_orders_event_id", "event_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"))
    number: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    email: Mapped[str | None] = mapped_column(Text)
    recipient: Mapped[bytes | None]
    status: Mapped[str] = mapped_column(Text)
    seats: Mapped[str] = mapped_column(Text, default=Seats.HELD)
    former_status: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    total_minor: Mapped[Wei]
    fee_schedule: Mapped[int] = mapped_column(SmallInteger)
    fee_bps: Mapped[int]
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"))
    placed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    cancel_asked_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    tickets_overdue_since: Mapped[datetime | None]
    """Since when its tickets are late on chain; null: they are not. Written from above."""
    changed_at: Mapped[datetime]

    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.tier_id", lazy="selectin")


class OrderLine(Base):
    """How many tickets of one tier, at the price of one ticket when the order was placed.

    `returned` of them went back on sale after the order's money went back; they never were and never will be tickets.
    """

    __tablename__ = "order_lines"
    __table_args__ = (
        UniqueConstraint("order_id", "tier_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("unit_price_minor > 0", name="unit_price_minor"),
        CheckConstraint("returned BETWEEN 0 AND quantity", name="returned"),
        Index("ix_order_lines_tier_id", "tier_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    tier_id: Mapped[UUID] = mapped_column(ForeignKey("tiers.id"))
    quantity: Mapped[int]
    unit_price_minor: Mapped[Wei]
    returned: Mapped[int] = mapped_column(default=0, server_default="0")


class Resolution(StrEnum):
    """What a person decides about an order that is STUCK."""

    HONOUR = "honour"
    """Its buyer gets the tickets."""
    VOID = "void"
    """Its buyer gets none, and no money through us: it went back in another way, or there never was any."""


class OrderResolution(Base):
    """What was decided about a STUCK order, by whom and why. Never changed."""

    __tablename__ = "order_resolutions"
    __table_args__ = (
        CheckConstraint(_one_of("resolution", Resolution), name="resolution"),
        Index("ix_order_resolutions_order_id", "order_id", "decided_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    """The admin."""
    resolution: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    stuck_since: Mapped[datetime]
    became: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime]
