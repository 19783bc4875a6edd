"""Rewards whose sending is of unclear fate: the token itself says whether the id was used."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.models import ChainSend, SendStatus
from backend.chain.port import ChainPort, Tag
from backend.rewards.models import Reward
from backend.rewards.service import REWARD, TOKEN, chain_id_of


def unclear(session: Session, limit: int = 100) -> list[UUID]:
    """Return the ids of sends to ask about."""
    query = select(ChainSend.id).where(ChainSend.status == SendStatus.UNKNOWN, ChainSend.purpose == REWARD)
    return list(session.scalars(query.order_by(ChainSend.id).limit(limit)))


def happened(port: ChainPort, token: bytes, reward: Reward) -> bool | None:
    """Tell whether the reward was given; None while it is in a block that may still be undone. Asks the network.

    The final block first, of two endpoints: a node that has not seen it yet must not have a reward sent twice.
    """
    if _is_rewarded(port, token, reward, "finalized"):
        return True
    return None if _is_rewarded(port, token, reward, "latest") else False


def _is_rewarded(port: ChainPort, token: bytes, reward: Reward, block: Tag) -> bool:
    data = abi.encode_call(TOKEN, "isRewarded", [chain_id_of(reward.order_id)])
    return bool(abi.decode_output(TOKEN, "isRewarded", port.call(token, data, block)))
