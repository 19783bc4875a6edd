"""What an admin does about a reward that the token refused."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, status

from backend.accounts import audit
from backend.accounts.access import Principal, Role, allow
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.rewards import service
from backend.rewards.errors import RewardNotStuck, RewardUnknown
from backend.rewards.schemas import RewardOut

router = APIRouter(prefix="/v1/admin/rewards", tags=["admin"])


@router.post(
    "/{reward_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send a refused reward again",
    responses=responses(Unauthenticated, Forbidden, RewardUnknown, RewardNotStuck),
)
def retry_reward(
    reward_id: UUID, admin: Annotated[Principal, allow(Role.ADMIN)], session: SessionDep, now: NowDep
) -> RewardOut:
    """Under a new transaction; the token gives one order's reward once. What was taken back meanwhile is not sent."""
    reward = service.retry(session, reward_id, now)
    audit.record(session, admin.account_id, "reward.retry", reward_id, now)
    return RewardOut.of(reward)
