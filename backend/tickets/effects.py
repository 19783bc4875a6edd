"""Sends of unclear fate whose effect can be read from the chain: claims, statuses, cancelled batch numbers.

And mints and deployments of unclear fate that a final log has settled before anybody asked.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain import abi, outbox
from backend.chain.models import ChainSend, SendStatus
from backend.chain.port import CallReverted, ChainPort, ChainReader, Tag
from backend.kit import logs
from backend.tickets import batches, cancel, claim, deploy, status_changes
from backend.tickets.models import Batch, Claim, Collection, StatusChange, Ticket
from backend.tickets.rules import ON_CHAIN_STATUS
from backend.tickets.states import BatchStatus, CollectionStatus, TicketStatus

PURPOSES = frozenset({claim.CLAIM, status_changes.TICKET_STATUS, cancel.CANCEL})
_CONTRACT = "TicketCollection"
_BATCH_CANCELLED = 2
_NUMBER_CONSUMED = (BatchStatus.FINAL, BatchStatus.CANCELLED)
_UNSENT = (SendStatus.QUEUED, SendStatus.WAITING, SendStatus.OVERDUE)
_DEPLOYED = (CollectionStatus.DEPLOYED, CollectionStatus.LIVE, CollectionStatus.MISMATCH)
_log = logs.get(__name__)


class Effect(StrEnum):
    """Whether a call's effect is on chain."""

    FINAL = "FINAL"
    ABSENT = "ABSENT"
    PENDING = "PENDING"
    """There, but in a block that may still be undone: ask again."""


@dataclass(frozen=True, slots=True)
class Question:
    """A getter and the answer that means that it happened."""

    collection: bytes
    function: str
    arguments: list[Any]
    place: int
    expected: Any


def question(session: Session, send: ChainSend) -> Question:
    """Return what to ask about a send. Raises LookupError for a subject that is gone or another purpose."""
    if send.purpose == claim.CLAIM:
        made = session.get_one(Claim, send.subject_id)
        token = session.get_one(Ticket, made.ticket_id).token_id
        return Question(send.to_address, "ticket", [token], 0, made.recipient)
    if send.purpose == status_changes.TICKET_STATUS:
        change = session.get_one(StatusChange, send.subject_id)
        token = session.get_one(Ticket, change.ticket_id).token_id
        number = ON_CHAIN_STATUS.index(TicketStatus(change.wanted))
        return Question(send.to_address, "ticket", [token], 2, number)
    if send.purpose == cancel.CANCEL:
        batch = session.get_one(Batch, send.subject_id)
        return Question(send.to_address, "batchState", [batch.number], 0, _BATCH_CANCELLED)
    raise LookupError(f"no effect is known of {send.purpose}")


def look(port: ChainPort, asked: Question) -> Effect:
    """Ask the chain, two endpoints about what is final. Outside of transactions. Raises ChainUnreachable.

    The final block first: a node that has not seen it yet must not have a call made twice.
    """
    with port.look() as look:
        try:
            if _happened(look.node, asked, "finalized"):
                return Effect.FINAL
        except CallReverted:
            _log.info("effect_without_a_token", function=asked.function)  # in that block there is none yet
        return Effect.PENDING if _happened(look.node, asked, "latest") else Effect.ABSENT


def unclear(session: Session, limit: int = 100) -> list[Any]:
    """Return the ids of sends to ask about. For the sweeper."""
    query = select(ChainSend.id).where(ChainSend.status == SendStatus.UNKNOWN, ChainSend.purpose.in_(PURPOSES))
    return list(session.scalars(query.order_by(ChainSend.id).limit(limit)))


def settle_overtaken(session: Session, now: datetime) -> int:
    """End sends of unclear fate, or unsent, whose subject a final log has settled; return how many.

    Theirs was not the transaction. Nobody asks about those subjects any more, so they would stay as they are for ever.
    """
    unknown = select(ChainSend.id).where(ChainSend.status == SendStatus.UNKNOWN)
    minted = unknown.join(Batch, Batch.id == ChainSend.subject_id).where(
        ChainSend.purpose == batches.MINT, Batch.status.in_(_NUMBER_CONSUMED)
    )
    deployed = unknown.join(Collection, Collection.id == ChainSend.subject_id).where(
        ChainSend.purpose == deploy.DEPLOY, Collection.status.in_(_DEPLOYED)
    )
    ended = 0
    for send_id in sorted({*session.scalars(minted), *session.scalars(deployed)}):
        try:
            outbox.settle_unknown(session, send_id, happened=True, now=now)
        except outbox.FateUnclear:
            # Bytes of it may still be mined, to no effect; the watch says when they no longer can.
            _log.info("overtaken_send_unclear", send_id=str(send_id))
        else:
            ended += 1
    unsent = select(ChainSend.id).join(Batch, Batch.id == ChainSend.subject_id)
    unsent = unsent.where(ChainSend.purpose == batches.MINT, Batch.status.in_(_NUMBER_CONSUMED))
    for send_id in session.scalars(unsent.where(ChainSend.status.in_(_UNSENT)).order_by(ChainSend.id)).all():
        ended += outbox.cancel(session, send_id, now)
    return ended


def _happened(port: ChainReader, asked: Question, block: Tag) -> bool:
    output = port.call(asked.collection, abi.encode_call(_CONTRACT, asked.function, asked.arguments), block)
    values = list(abi.decode_output(_CONTRACT, asked.function, output).values())
    return bool(values[asked.place] == asked.expected)
