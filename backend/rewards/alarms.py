"""How long rewards may stand where they stand, and what a person then does."""

from typing import Any
from uuid import UUID

from backend.kit.alarms import Action, Machine, Rests, Waits, watch
from backend.rewards.models import Reward
from backend.rewards.rules import RewardStatus

_HOUR = 3600
_SEND = Action("send", "/v1/admin/sends?subject_id={id}", "GET")
_RETRY = Action("retry", "/v1/admin/rewards/{id}/retry")


def _of_reward(row: Any) -> dict[str, UUID | None]:
    return {"id": row.id, "order_id": row.order_id}


watch(
    Machine(
        "reward",
        Reward,
        Reward.created_at,
        {
            "PENDING": Rests("Earned; the worker sends it by itself when the event is over, which may be months away."),
            "SENT": Waits(_HOUR, "Its minting is on its way: look at its send, and retry that.", (_SEND,)),
            "STUCK": Waits(0, "The token refused it: see the reason, grant what is missing, then retry.", (_RETRY,)),
            "DONE": Rests("In the buyer's wallet."),
            "SET_OFF": Rests("All of it went against debts."),
            "CANCELLED": Rests("Taken back before it was sent."),
        },
        RewardStatus,
        reason=Reward.problem,
        identify=_of_reward,
    )
)
