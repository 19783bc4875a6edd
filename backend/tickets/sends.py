"""A person has removed what a send waits for: it is looked at now instead of at its next turn."""

from uuid import UUID

from sqlalchemy.orm import Session

from backend.chain import rules
from backend.chain.models import ChainSend, SendStatus
from backend.chain.outbox import NoSuchSend
from backend.kit.db import locked
from backend.kit.errors import Conflict
from backend.kit.nudges import nudge
from backend.tickets import batches, effects

_ON_ITS_WAY = (SendStatus.SENDING, SendStatus.MINED, SendStatus.UNKNOWN)


class SendFinished(Conflict):
    """The send has come to its end: there is nothing left to look at."""

    code = "send_finished"


def look_again(session: Session, send_id: UUID) -> ChainSend:
    """Have an unfinished send carried on at once. Sends nothing twice: a nonce and its bytes are what they were.

    Raises NoSuchSend, SendFinished.
    """
    send = locked(session, ChainSend, send_id)
    if send is None:
        raise NoSuchSend
    if send.status not in rules.OPEN_SENDS:
        raise SendFinished(status=send.status)
    send.run_after = None
    nudge(session, "chain.send", send.id)
    if send.status in _ON_ITS_WAY:
        nudge(session, "chain.watch", send.id)
    if send.status == SendStatus.UNKNOWN and send.purpose == batches.MINT:
        nudge(session, "tickets.ask_chain", send.subject_id)
    elif send.status == SendStatus.UNKNOWN and send.purpose in effects.PURPOSES:
        nudge(session, "tickets.ask_effect", send.id)
    return send
