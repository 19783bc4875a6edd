"""What rewards does about orders (later: it never holds one up) and about its own sends (at once)."""

from datetime import datetime

from sqlalchemy.orm import Session

from backend.chain.notices import SendFinal, SendReverted, SendUnknown
from backend.kit.notices import at_once, later
from backend.kit.nudges import nudge
from backend.orders.notices import OrderFulfilled, OrderRefunded, OrderVoided
from backend.rewards import service
from backend.settings import get_settings


def _are_given() -> bool:
    return get_settings().rewards_per_order > 0


@later(OrderFulfilled, when=_are_given)
def give(session: Session, notice: OrderFulfilled, now: datetime) -> None:
    """Reward the buyer: every ticket is final."""
    service.earn(session, notice.order_id, get_settings(), now)


@later(OrderVoided)
@later(OrderRefunded)
def take_back(session: Session, notice: OrderRefunded | OrderVoided, now: datetime) -> None:
    """Take the reward back: the money is on its way back, or a bank took it."""
    service.claw_back(session, notice.order_id, get_settings(), now)


@at_once(SendFinal)
def mark_done(session: Session, notice: SendFinal, now: datetime) -> None:
    """Believe what cannot be undone."""
    if notice.purpose == service.REWARD:
        service.done(session, notice.subject_id, now)


@at_once(SendReverted)
def take_refusal(session: Session, notice: SendReverted, now: datetime) -> None:
    """Act on the token's no."""
    if notice.purpose == service.REWARD:
        service.refused(session, notice.subject_id, notice.reason, now)


@at_once(SendUnknown)
def ask(session: Session, notice: SendUnknown, now: datetime) -> None:  # noqa: ARG001 - every reaction takes the time
    """Have the chain asked whether the reward is there."""
    if notice.purpose == service.REWARD:
        nudge(session, "rewards.ask", notice.send_id)
