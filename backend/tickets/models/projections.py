"""What the chain's logs say of tokens: who holds them, how they moved, what is asked of them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei


class Holding(Base):
    """Who holds a token, computed from the chain's logs. A projection: rewritten by reorgs, rebuilt at will."""

    __tablename__ = "holdings"
    __table_args__ = (Index("ix_holdings_owner", "owner"),)

    network: Mapped[str] = mapped_column(primary_key=True)
    collection: Mapped[bytes] = mapped_column(primary_key=True)
    token_id: Mapped[Wei] = mapped_column(primary_key=True)
    owner: Mapped[bytes]
    """20 bytes; the zero address once burned."""
    tier: Mapped[int] = mapped_column(Integer)
    status: Mapped[int] = mapped_column(SmallInteger)
    """As on chain: 0 LIVE, 1 LOCKED, 2 USED, 3 VOID."""
    epoch: Mapped[int] = mapped_column(BigInteger)
    minted_block: Mapped[int] = mapped_column(BigInteger)
    updated_block: Mapped[int] = mapped_column(BigInteger)
    final: Mapped[bool]
    """True when the block of its last change is final."""


class TokenMovement(Base):
    """One thing that happened to one token: its mint, a move, a change of status, its burning. Holdings fold these."""

    __tablename__ = "token_movements"
    __table_args__ = (
        PrimaryKeyConstraint("network", "block_number", "block_hash", "log_index"),
        Index("ix_token_movements_token", "network", "collection", "token_id", "block_number", "log_index"),
    )

    network: Mapped[str]
    block_hash: Mapped[bytes]
    log_index: Mapped[int]
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes]
    collection: Mapped[bytes]
    token_id: Mapped[Wei]
    kind: Mapped[str]
    """MINT, BURN, STATUS, or why it moved: GIFT, SALE, BUYBACK, CLAIM, ISSUER, RECOVERY."""
    from_owner: Mapped[bytes | None]
    to_owner: Mapped[bytes | None]
    epoch: Mapped[int | None] = mapped_column(BigInteger)
    tier: Mapped[int | None]
    status: Mapped[int | None] = mapped_column(SmallInteger)


class Recovery(Base):
    """What one log says of a recovery: that it was asked for, or that nothing came of it. A projection."""

    __tablename__ = "recoveries"
    __table_args__ = (
        CheckConstraint("kind IN ('REQUESTED', 'CANCELLED')", name="kind"),
        CheckConstraint(
            "(kind = 'REQUESTED') = (epoch IS NOT NULL) AND (kind = 'REQUESTED') = (ready_at IS NOT NULL)",
            name="request",
        ),
        Index("ix_recoveries_token", "network", "collection", "token_id", "block_number", "log_index"),
        Index("ix_recoveries_block", "network", "block_number"),
    )

    network: Mapped[str] = mapped_column(primary_key=True)
    block_hash: Mapped[bytes] = mapped_column(primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True)
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes]
    collection: Mapped[bytes]
    token_id: Mapped[Wei]
    kind: Mapped[str]
    wallet: Mapped[bytes]
    """Of REQUESTED: where the ticket shall go; of CANCELLED: who ended it."""
    epoch: Mapped[int | None] = mapped_column(BigInteger)
    """Of REQUESTED: the request dies with it."""
    ready_at: Mapped[int | None] = mapped_column(BigInteger)
    """Of REQUESTED: from when on it can be carried out, in Unix seconds."""
