"""Rewards by state, and how old the oldest is that a person must look at."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.kit import clock
from backend.kit.gauges import Reading, gauge
from backend.rewards.models import Reward
from backend.rewards.rules import RewardStatus


@gauge("rewards", "Rewards by state", labels=("state",))
def rewards(session: Session) -> Reading:
    """Count them."""
    counted = dict(session.execute(select(Reward.status, func.count()).group_by(Reward.status)).all())
    return {(state.value,): float(counted.get(state, 0)) for state in RewardStatus}


@gauge("reward_oldest_seconds", "Age of the oldest reward that is under way or stuck", labels=("state",))
def oldest_reward(session: Session) -> Reading:
    """Age them."""
    open_ones = [RewardStatus.SENT, RewardStatus.STUCK]
    query = select(Reward.status, func.min(Reward.created_at)).where(Reward.status.in_(open_ones))
    now = clock.now()
    oldest = session.execute(query.group_by(Reward.status))
    return {(state,): max(0.0, (now - since).total_seconds()) for state, since in oldest}
