"""Rewards over HTTP: what a fan has earned, and what is owed."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from backend.accounts.access import Principal, Role, allow
from backend.kit.db import SessionDep
from backend.kit.errors import Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.kit.units import Units
from backend.rewards import service
from backend.rewards.models import Reward
from backend.rewards.schemas import RewardOut

router = APIRouter(prefix="/v1/rewards", tags=["rewards"])

Fan = Annotated[Principal, allow(Role.FAN)]


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
