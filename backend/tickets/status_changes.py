"""Statuses the platform decides (USED at the door, LOCKED by a refund, VOID after it) on their way to the chain.

The ticket's own row says it at once; the chain follows by the operator's `setStatus`. A ticket whose mint is not final
waits: there is no token to set it on yet.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain import abi, outbox
from backend.kit import jobs, logs
from backend.kit.db import locked
from backend.kit.notices import announce
from backend.kit.nudges import nudge
from backend.tickets.errors import StatusChangeNotStuck, StatusChangeUnknown
from backend.tickets.models import Collection, MintJob, StatusChange, Ticket
from backend.tickets.notices import TicketStatusDecided
from backend.tickets.rules import ON_CHAIN_STATUS, may_follow, step
from backend.tickets.states import JobStatus, StatusChangeStatus, TicketStatus

TICKET_STATUS = "ticket_status"
SIGNER = "operator"
WAITS_ON = ("NotOperator",)
_log = logs.get(__name__)


def want(session: Session, ticket: Ticket, status: TicketStatus, now: datetime) -> None:
    """Set the ticket's status and have the chain follow. The ticket's row is locked by the caller. Twice is once.

    A ticket that is unlocked before its mint is final is PENDING again.
    """
    shown = TicketStatus.PENDING if status is TicketStatus.LIVE and ticket.token_id is None else status
    ticket.status = step(TicketStatus(ticket.status), shown)
    announce(session, TicketStatusDecided(ticket.id))
    query = select(StatusChange).where(StatusChange.ticket_id == ticket.id).order_by(StatusChange.sequence.desc())
    latest = session.scalars(query.limit(1)).one_or_none()
    if latest is not None and latest.wanted == status:
        return
    # The ticket's lock keeps two of these apart; should anything get around it, one of them gives way here.
    change = StatusChange(
        organisation_id=ticket.organisation_id,
        ticket_id=ticket.id,
        sequence=0 if latest is None else latest.sequence + 1,
        wanted=status,
        status=StatusChangeStatus.WAITING,
        generation=0,
        attempts=0,
        created_at=now,
    )
    session.add(change)
    session.flush()
    send(session, change, now)


def send(session: Session, change: StatusChange, now: datetime) -> None:
    """Ask the outbox for `setStatus`, if the token is there and the status before this one is; else wait."""
    if _earlier(session, change):
        jobs.retry_later(change, now, "an earlier status is not final on chain yet")
        return
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
        signer=collection.operator,
    )
    change.status = step(StatusChangeStatus(change.status), StatusChangeStatus.SENT)
    jobs.release(change)


def retry(session: Session, change_id: UUID, now: datetime) -> StatusChange:
    """Send a status that the contract refused again, under a new transaction.

    Raises StatusChangeUnknown, StatusChangeNotStuck.
    """
    seen = session.get(StatusChange, change_id)
    if seen is None:
        raise StatusChangeUnknown
    locked(session, Ticket, seen.ticket_id)  # before its changes
    change = locked(session, StatusChange, change_id)
    if change is None or change.status != StatusChangeStatus.STUCK:
        raise StatusChangeNotStuck(status=seen.status)
    change.generation += 1
    send(session, change, now)
    if change.status == StatusChangeStatus.STUCK:
        raise StatusChangeNotStuck(change.last_error, status=change.status)
    return change


def sent_final(session: Session, change_id: UUID) -> None:
    """Mark the change DONE: the chain says it too, for good."""
    _move(session, change_id, StatusChangeStatus.DONE, None)


def sent_reverted(session: Session, change_id: UUID, reason: str) -> None:
    """Hand the change to a person: the house has decided, the contract refused."""
    _move(session, change_id, StatusChangeStatus.STUCK, reason)
    _log.error("status_change_stuck", status_change_id=str(change_id), reason=reason)


def confirmed(session: Session, ticket_id: UUID, status: TicketStatus) -> None:
    """Mark the change DONE because a final StatusChanged log says so, whoever sent it."""
    query = (
        select(StatusChange.id)
        .where(
            StatusChange.ticket_id == ticket_id,
            StatusChange.wanted == status,
            StatusChange.status != StatusChangeStatus.DONE,
        )
        .order_by(StatusChange.sequence)
    )
    change_id = session.scalar(query.limit(1))
    if change_id is not None:
        _move(session, change_id, StatusChangeStatus.DONE, None)


def outweighs(session: Session, ticket_id: UUID, said: TicketStatus) -> bool:
    """Tell whether what the house decided last stands against a final log that says otherwise.

    It does while it is on its way, and for ever when it is anything but LIVE: the log of a lock that was taken back is
    older than the lock that was set again, and a door must not be open in between.
    """
    query = select(StatusChange).where(StatusChange.ticket_id == ticket_id).order_by(StatusChange.sequence.desc())
    latest = session.scalars(query.limit(1)).one_or_none()
    if latest is None or latest.wanted == said:
        return False
    return latest.status != StatusChangeStatus.DONE or latest.wanted != TicketStatus.LIVE


def _earlier(session: Session, change: StatusChange) -> bool:
    query = select(StatusChange.id).where(
        StatusChange.ticket_id == change.ticket_id,
        StatusChange.sequence < change.sequence,
        StatusChange.status != StatusChangeStatus.DONE,
    )
    return session.scalar(query.limit(1)) is not None


def _move(session: Session, change_id: UUID, after: StatusChangeStatus, reason: str | None) -> None:
    change = locked(session, StatusChange, change_id)
    if change is None or not may_follow(StatusChangeStatus(change.status), after):
        return
    change.status = step(StatusChangeStatus(change.status), after)
    change.last_error = reason
    session.flush()
    if after is StatusChangeStatus.DONE:
        _go_on(session, change)


def _go_on(session: Session, done: StatusChange) -> None:
    """Have the next status of the ticket sent, and tell a refund that waits for its lock."""
    query = select(StatusChange).where(
        StatusChange.ticket_id == done.ticket_id, StatusChange.sequence == done.sequence + 1
    )
    following = session.scalars(query.with_for_update(key_share=True)).one_or_none()
    if following is not None and following.status == StatusChangeStatus.WAITING:
        following.run_after = None
        nudge(session, "tickets.send_status", following.id)
    if done.wanted == TicketStatus.LOCKED:
        nudge(session, "tickets.payouts_of", done.ticket_id)
