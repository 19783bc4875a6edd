"""Rewards, and what is owed of them after a refund."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.rewards.rules import RewardStatus


class Reward(Base):
    """What one order earned its buyer, in BKS base units. `earned` - `withheld` is what is sent.

    A token in a wallet cannot be pulled back: after a refund `owed` is a debt, and later rewards of the same account
    are withheld against it (`repaid`).
    """

    __tablename__ = "rewards"
    __table_args__ = (
        UniqueConstraint("order_id"),
        CheckConstraint(f"status IN ({', '.join(repr(str(status)) for status in RewardStatus)})", name="status"),
        CheckConstraint("withheld BETWEEN 0 AND earned", name="withheld"),
        CheckConstraint("owed BETWEEN 0 AND earned", name="owed"),
        CheckConstraint("repaid BETWEEN 0 AND owed", name="repaid"),
        Index("ix_rewards_account_id", "account_id", "created_at"),
        Index("ix_rewards_pending", "id", postgresql_where=text("status = 'PENDING'")),
        Index("ix_rewards_indebted", "account_id", postgresql_where=text("repaid < owed")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    wallet: Mapped[bytes]
    """Who gets it: the wallet the tickets went to, 20 bytes."""
    network: Mapped[str]
    earned: Mapped[Wei]
    withheld: Mapped[Wei]
    owed: Mapped[Wei]
    repaid: Mapped[Wei]
    status: Mapped[str] = mapped_column(Text)
    problem: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class TokenTransfer(Base):
    """A BKS transfer that touches us: made or destroyed, or with one of our contracts at one end. A projection."""

    __tablename__ = "bks_transfers"
    __table_args__ = (
        Index("ix_bks_transfers_block", "network", "block_number"),
        Index("ix_bks_transfers_purpose", "network", "purpose"),
    )

    network: Mapped[str] = mapped_column(primary_key=True)
    block_hash: Mapped[bytes] = mapped_column(primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True)
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes]
    sender: Mapped[bytes]
    """20 bytes; zero: it was made."""
    receiver: Mapped[bytes]
    """20 bytes; zero: it was destroyed."""
    amount: Mapped[Wei]
    """In the base unit, 10^-18 BKS."""
    purpose: Mapped[bytes | None]
    """The id of the reward or redemption that it is, 32 bytes."""
