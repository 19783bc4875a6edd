"""What may go wrong with a reward, for the person who asks."""

from backend.kit.errors import Conflict, NotFound


class RewardUnknown(NotFound):
    """There is no such reward."""

    code = "reward_unknown"


class RewardNotStuck(Conflict):
    """Only a reward that was refused, and was not taken back since, can be sent again."""

    code = "reward_not_stuck"
