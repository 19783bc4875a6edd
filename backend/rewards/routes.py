"""Rewards over HTTP: what a fan has earned, and what is owed."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, show_address
from backend.kit.db import SessionDep
from backend.kit.errors import Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.kit.units import Units
from backend.rewards import service
from backend.rewards.models import Reward
from backend.rewards.rules import RewardStatus

router = APIRouter(prefix="/v1/rewards", tags=["rewards"])

Fan = Annotated[Principal, allow(Role.FAN)]


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


class RewardsOut(Page[RewardOut]):
    """A page of rewards, and the debt over all of them."""

    debt: Units = Field(description="In BKS base units; the next rewards go against it first")


@router.get("", summary="My rewards, newest first", responses=responses(Unauthenticated, BadCursor))
def my_rewards(principal: Fan, session: SessionDep, page: PageParams) -> RewardsOut:
    """List what the signed-in account's orders earned."""
    query = select(Reward).where(Reward.account_id == principal.account_id)
    rows, cursor = paginate(session, query, [Reward.created_at, Reward.id], page, descending=True)
    return RewardsOut(
        items=[RewardOut.of(row) for row in rows],
        next_cursor=cursor,
        debt=service.debt_of(session, principal.account_id),
    )
