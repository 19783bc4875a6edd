"""What people signed for the market, what its logs say of that, and who stands in line at the box office.

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
    PrimaryKeyConstraint,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.resale.states import CreditKind, Kind, LogKind, Status

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
        CheckConstraint(
            "status NOT IN ('LISTED', 'INVALID', 'EXPIRED', 'WITHDRAWN') OR signature IS NOT NULL", name="signed"
        ),
        CheckConstraint("(tree_id IS NULL) = (proof IS NULL)", name="tree"),
        CheckConstraint("(status = 'INVALID') <= (reason IS NOT NULL)", name="reason"),
        Index("ix_market_orders_token", "network", "collection", "token_id"),
        Index("ix_market_orders_event_id", "event_id", "kind", "status", "created_at", "id"),
        Index("ix_market_orders_signer", "network", "signer"),
        Index(
            "ix_market_orders_open", "expires_at", postgresql_where=text("status IN ('DRAFT', 'LISTED', 'WITHDRAWN')")
        ),
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
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("buyback_line.id"), index=True)
    """The place in line that a turn serves."""
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
        PrimaryKeyConstraint("network", "block_number", "block_hash", "log_index"),
        CheckConstraint(_one_of("kind", LogKind), name="kind"),
        Index("ix_market_logs_order", "network", "order_hash"),
        Index("ix_market_logs_signer", "network", "signer"),
    )

    network: Mapped[str]
    block_hash: Mapped[bytes]
    log_index: Mapped[int]
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes]
    kind: Mapped[str]
    signer: Mapped[bytes]
    """The seller of a sale; who withdrew, of a cancellation."""
    order_hash: Mapped[bytes | None]
    counter: Mapped[int | None] = mapped_column(BigInteger)
    """Of ALL_CANCELLED: orders with a lower one are dead."""
    is_credited: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Of SOLD: whether the seller's share could not be paid, and waits in the market."""


class MarketCredit(Base):
    """What the market keeps for whom it could not pay, and what was withdrawn of it. A projection, as MarketLog."""

    __tablename__ = "market_credits"
    __table_args__ = (
        CheckConstraint(_one_of("kind", CreditKind), name="kind"),
        CheckConstraint("(kind = 'WITHDRAWN') = (paid_to IS NOT NULL)", name="paid_to"),
        Index("ix_market_credits_account", "network", "account"),
        Index("ix_market_credits_block", "network", "block_number"),
    )

    network: Mapped[str] = mapped_column(primary_key=True)
    block_hash: Mapped[bytes] = mapped_column(primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True)
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes]
    kind: Mapped[str]
    account: Mapped[bytes]
    currency: Mapped[bytes]
    """A token's address; zero: the native coin."""
    amount: Mapped[Wei]
    paid_to: Mapped[bytes | None]
    """Of WITHDRAWN: where it went."""


_WAITS = "served_at IS NULL AND left_at IS NULL AND lapsed_at IS NULL"


class LinePlace(Base):
    """A place in the line for tickets of a sold-out tier that come back; its number is its order in the tier."""

    __tablename__ = "buyback_line"
    __table_args__ = (
        UniqueConstraint("tier_id", "number"),
        CheckConstraint("quantity BETWEEN 1 AND 10", name="quantity"),
        # Nobody waits twice for the same tier, as a wallet or as a person.
        Index("uq_buyback_line_waiting", "tier_id", "wallet", unique=True, postgresql_where=text(_WAITS)),
        Index("uq_buyback_line_waiting_account", "tier_id", "account_id", unique=True, postgresql_where=text(_WAITS)),
        Index("ix_buyback_line_invited", "invited_until", postgresql_where=text(f"paid_at IS NULL AND {_WAITS}")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"), index=True)
    tier_id: Mapped[UUID] = mapped_column(ForeignKey("tiers.id"))
    number: Mapped[int] = mapped_column(BigInteger)
    """Counts 1, 2, 3 in its tier."""
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    """Whose place it is; null: the promoter put the wallet there."""
    wallet: Mapped[bytes]
    quantity: Mapped[int]
    """How many tickets it waits for at the most."""
    joined_at: Mapped[datetime]
    invited_until: Mapped[datetime | None]
    """Until when it may pay, once there is a ticket for it."""
    paid_at: Mapped[datetime | None]
    """When the box office had its money. Only then a turn may name it."""
    served_at: Mapped[datetime | None]
    """When it had its last ticket for good."""
    left_at: Mapped[datetime | None]
    lapsed_at: Mapped[datetime | None]
    """When its invitation had passed and the next was invited."""
