"""Statuses the platform decides (USED at the door, VOID after a refund) on their way to the chain.

The ticket's own row says it at once; the chain follows by the operator's `setStatus`. A ticket whose mint is not final
waits: there is no token to set it on yet.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain import abi, outbox
from backend.kit import jobs, logs
from backend.kit.db import locked
from backend.kit.ids import new_id
from backend.kit.notices import announce
from backend.tickets.models import Collection, MintJob, StatusChange, Ticket
from backend.tickets.notices import TicketStatusDecided
from backend.tickets.rules import ON_CHAIN_STATUS, may_follow, step
from backend.tickets.states import JobStatus, StatusChangeStatus, TicketStatus

TICKET_STATUS = "ticket_status"
SIGNER = "operator"
WAITS_ON = ("NotOperator",)
_log = logs.get(__name__)


def want(session: Session, ticket: Ticket, status: TicketStatus, now: datetime) -> None:
    """Set the ticket's status and have the chain follow. The ticket's row is locked by the caller. Twice is once."""
    ticket.status = step(TicketStatus(ticket.status), status)
    announce(session, TicketStatusDecided(ticket.id))
    change_id = session.scalar(
        insert(StatusChange)
        .values(
            id=new_id(),
            organisation_id=ticket.organisation_id,
            ticket_id=ticket.id,
            wanted=status,
            status=StatusChangeStatus.WAITING,
            generation=0,
            attempts=0,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["ticket_id", "wanted"])
        .returning(StatusChange.id)
    )
    if change_id is not None:
        send(session, session.get_one(StatusChange, change_id), now)


def send(session: Session, change: StatusChange, now: datetime) -> None:
    """Ask the outbox for `setStatus`, if the token is there; else wait for it."""
    ticket = session.get_one(Ticket, change.ticket_id)
    job = session.scalars(select(MintJob).where(MintJob.ticket_id == ticket.id)).one_or_none()
    collection = session.get(Collection, ticket.collection_id) if ticket.collection_id else None
    # What was bought on chain has no job; its row is made when it is final.
    is_final = ticket.token_id is not None and (job is None or job.status == JobStatus.FINAL)
    if not is_final or collection is None or collection.address is None:
        jobs.retry_later(change, now, "the ticket is not final on chain yet")
        return
    number = ON_CHAIN_STATUS.index(TicketStatus(change.wanted))
    data = abi.encode_call("TicketCollection", "setStatus", [[ticket.token_id], number])
    outbox.enqueue(
        session,
        collection.network,
        SIGNER,
        collection.address,
        data,
        TICKET_STATUS,
        change.id,
        now,
        generation=change.generation,
        waits_on=WAITS_ON,
    )
    change.status = step(StatusChangeStatus(change.status), StatusChangeStatus.SENT)
    jobs.release(change)


def sent_final(session: Session, change_id: UUID) -> None:
    """Mark the change DONE: the chain says it too, for good."""
    _move(session, change_id, StatusChangeStatus.DONE, None)


def sent_reverted(session: Session, change_id: UUID, reason: str) -> None:
    """Hand the change to a person: the house has decided, the contract refused."""
    _move(session, change_id, StatusChangeStatus.STUCK, reason)
    _log.error("status_change_stuck", status_change_id=str(change_id), reason=reason)


def confirmed(session: Session, ticket_id: UUID, status: TicketStatus) -> None:
    """Mark the change DONE because a final StatusChanged log says so, whoever sent it."""
    query = select(StatusChange.id).where(StatusChange.ticket_id == ticket_id, StatusChange.wanted == status)
    change_id = session.scalar(query)
    if change_id is not None:
        _move(session, change_id, StatusChangeStatus.DONE, None)


def _move(session: Session, change_id: UUID, after: StatusChangeStatus, reason: str | None) -> None:
    change = locked(session, StatusChange, change_id)
    if change is not None and may_follow(StatusChangeStatus(change.status), after):
        change.status = step(StatusChangeStatus(change.status), after)
        change.last_error = reason
