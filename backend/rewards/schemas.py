"""A reward as people see it."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from backend.accounts.addresses import AddressText, show_address
from backend.kit.units import Units
from backend.rewards.models import Reward
from backend.rewards.rules import RewardStatus


class RewardOut(BaseModel):
    """What one order earned, in BKS base units (18 places)."""

    order_id: UUID
    wallet: AddressText
    status: RewardStatus
    earned: Units
    sent: Units = Field(description="What is minted to the wallet: `earned` less what older refunds left owing")
    owed: Units = Field(description="What a refund of this order takes back")
    repaid: Units = Field(description="How much of that later rewards have paid")
    created_at: datetime

    @classmethod
    def of(cls, row: Reward) -> "RewardOut":
        """Show the row."""
        return cls(
            order_id=row.order_id,
            wallet=show_address(row.wallet),
            status=RewardStatus(row.status),
            earned=row.earned,
            sent=0 if row.status == RewardStatus.CANCELLED else row.earned - row.withheld,
            owed=row.owed,
            repaid=row.repaid,
            created_at=row.created_at,
        )
