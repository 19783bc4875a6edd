"""What people signed for the market, what its logs say of that, and who is next in line at the box office.

A *market order* is a signed listing, offer or turn; an *order* is a purchase at the box office and not kept here.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.resale.states import Kind, LogKind, Status

MarketOrderId = NewType("MarketOrderId", UUID)


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


class MarketOrder(Base):
    """A listing, an offer or a turn: exactly what is signed, and what has become of it.

    Addresses are 20 bytes, `price` is in the smallest unit of `currency_code`, `max_*_bps` are basis points of it.
    """

    __tablename__ = "market_orders"
    __table_args__ = (
        UniqueConstraint("network", "order_hash"),
        CheckConstraint(_one_of("kind", Kind), name="kind"),
        CheckConstraint(_one_of("status", Status), name="status"),
        # A draft may be withdrawn; and signed past this house, its sale is seen on chain.
        CheckConstraint("status NOT IN ('LISTED', 'INVALID', 'EXPIRED') OR signature IS NOT NULL", name="signed"),
        CheckConstraint("(tree_id IS NULL) = (proof IS NULL)", name="tree"),
        CheckConstraint("(status = 'INVALID') <= (reason IS NOT NULL)", name="reason"),
        Index("ix_market_orders_token", "network", "collection", "token_id"),
        Index("ix_market_orders_event_id", "event_id", "kind", "status", "created_at", "id"),
        Index("ix_market_orders_signer", "network", "signer"),
        Index("ix_market_orders_open", "expires_at", postgresql_where=text("status IN ('DRAFT', 'LISTED')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"))
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    """Whose request it was: the seller's, or the buyer's of an offer."""
    kind: Mapped[str]
    network: Mapped[str]
    market: Mapped[bytes]
    collection: Mapped[bytes]
    token_id: Mapped[Wei]
    epoch: Mapped[int] = mapped_column(BigInteger)
    signer: Mapped[bytes]
    """The seller of a listing or turn, the buyer of an offer."""
    next_wallet: Mapped[bytes | None]
    """Who takes the ticket over, of a turn."""
    currency: Mapped[bytes]
    currency_code: Mapped[str]
    price: Mapped[Wei]
    expires_at: Mapped[datetime]
    max_royalty_bps: Mapped[int]
    max_fee_bps: Mapped[int]
    counter: Mapped[int] = mapped_column(BigInteger)
    nonce: Mapped[bytes]
    order_hash: Mapped[bytes]
    """The EIP-712 struct hash: what the market's logs call it."""
    signature: Mapped[bytes | None]
    """Over the order's own words; of a leaf, over the root of its tree."""
    tree_id: Mapped[UUID | None] = mapped_column(index=True)
    """The tree in which the seller signs it together with others; null: signed by itself."""
    proof: Mapped[list[bytes] | None] = mapped_column(ARRAY(LargeBinary))
    """Of a leaf: its siblings on the way up to the root, 32 bytes each."""
    permit: Mapped[dict[str, Any] | None]
    """An offer's ERC-2612 approval: value, deadline, v, r, s; null when the buyer approved by a transaction."""
    status: Mapped[str]
    reason: Mapped[str | None]
    refused_by: Mapped[str | None]
    """Why the collection's rules refuse it, as last read from the chain."""
    withdrawn_at: Mapped[datetime | None]
    """When its signer took it off this house; on chain it is good until `cancel` is sent."""
    settled_at: Mapped[datetime | None]
    """When its sale was final."""
    created_at: Mapped[datetime]


class MarketLog(Base):
    """What one log of the market says of orders. A projection: rewritten by reorgs, rebuilt at will."""

    __tablename__ = "market_logs"
    __table_args__ = (
        CheckConstraint(_one_of("kind", LogKind), name="kind"),
        Index("ix_market_logs_order", "network", "order_hash"),
        Index("ix_market_logs_signer", "network", "signer"),
        Index("ix_market_logs_block", "network", "block_number"),
    )

    network: Mapped[str] = mapped_column(primary_key=True)
    block_hash: Mapped[bytes] = mapped_column(primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True)
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes]
    kind: Mapped[str]
    signer: Mapped[bytes]
    """The seller of a sale; who withdrew, of a cancellation."""
    order_hash: Mapped[bytes | None]
    counter: Mapped[int | None] = mapped_column(BigInteger)
    """Of ALL_CANCELLED: orders with a lower one are dead."""


class LinePlace(Base):
    """A wallet that has paid the box office and waits for a ticket of a sold-out tier to come back."""

    __tablename__ = "buyback_line"
    __table_args__ = (
        Index(
            "uq_buyback_line_waiting",
            "tier_id",
            "wallet",
            unique=True,
            postgresql_where=text("served_at IS NULL AND left_at IS NULL"),
        ),
        Index("ix_buyback_line_tier_id", "tier_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"), index=True)
    tier_id: Mapped[UUID] = mapped_column(ForeignKey("tiers.id"))
    wallet: Mapped[bytes]
    turn_id: Mapped[UUID | None] = mapped_column(ForeignKey("market_orders.id"))
    """The turn that keeps this place for a seller until it expires."""
    joined_at: Mapped[datetime]
    served_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
