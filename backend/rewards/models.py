"""Rewards, and what is owed of them after a refund."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
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
