"""Giving a batch up: its number is consumed on chain by `cancelBatch`, and only then may its jobs join another.

The mint's bytes may still be on their way. That is harmless: the contract consumes a number once, so either the mint
lands and the cancellation reverts, or the other way round, and the chain's final log says which.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain import abi, outbox
from backend.chain.models import ChainSend, SendStatus
from backend.chain.rules import OPEN_SENDS
from backend.kit.db import locked
from backend.kit.errors import Conflict
from backend.kit.nudges import nudge
from backend.tickets import batches, locks, minted, status_changes
from backend.tickets.models import Batch, Collection, MintJob
from backend.tickets.rules import may_follow, step
from backend.tickets.states import BatchStatus, JobStatus, TicketStatus

CANCEL = "cancel_batch"
_HELD_UP = frozenset({BatchStatus.WAITING, BatchStatus.OVERDUE})
_SHOWN: dict[str, BatchStatus] = {SendStatus.WAITING: BatchStatus.WAITING, SendStatus.OVERDUE: BatchStatus.OVERDUE}
"""What a batch's send being held up means for the batch; everything else is CLOSED: on its way."""

_OVER = frozenset({BatchStatus.LANDED, BatchStatus.FINAL, BatchStatus.CANCELLED})


class CannotCancel(Conflict):
    """The batch has landed or is given up already."""

    code = "batch_cannot_be_cancelled"


class CannotRetry(Conflict):
    """A batch that is under way, final or cancelled cannot be tried again."""

    code = "batch_cannot_be_retried"


def ask(session: Session, batch_id: UUID, now: datetime) -> Batch:
    """Ask the chain to consume the batch's number without minting. Raises CannotCancel."""
    seen = session.get_one(Batch, batch_id)
    if seen.send_id is not None and seen.status not in _OVER:
        # What has no nonce yet is withdrawn, so that it does not mint first; what has one runs its course. The send's
        # row is locked before the batch's, as the outbox does when it announces.
        outbox.cancel(session, seen.send_id, now)
    batch = locks.batch(session, batch_id)
    if batch.status == BatchStatus.CANCELLING:
        return batch
    if batch.status in _OVER:
        raise CannotCancel(status=batch.status)
    minting = outbox.find(session, batches.MINT, batch.id)
    collection = session.get_one(Collection, batch.collection_id)
    assert collection.address is not None  # noqa: S101 - a batch exists only of a deployed collection
    batch.status = step(BatchStatus(batch.status), BatchStatus.CANCELLING)
    batch.cancel_generation += 1
    outbox.enqueue(
        session,
        collection.network,
        batches.SIGNER,
        collection.address,
        abi.encode_call("TicketCollection", "cancelBatch", [batch.number]),
        CANCEL,
        batch.id,
        now,
        generation=batch.cancel_generation,
        waits_on=("NotMinter",),
        signer=collection.minter,
        # What the batch was allowed for its mint it may pay for being given up.
        fee_ceiling=minting.fee_ceiling if minting is not None else None,
    )
    return batch


def refused(session: Session, batch_id: UUID, reason: str) -> None:
    """`cancelBatch` reverted: the number was consumed by the mint, or something else is wrong. The chain knows."""
    batch = locked(session, Batch, batch_id)
    if batch is not None and batch.status == BatchStatus.CANCELLING:
        minted.ask_chain(session, batch, f"cancelBatch was refused: {reason}")


def done(session: Session, batch: Batch) -> set[UUID]:
    """BatchCancelled is final: the jobs go back to the queue for a batch of another number.

    Those whose ticket has become VOID meanwhile are given up instead; returns their orders. The batch's orders, the
    batch and its tickets are locked by the caller.
    """
    if not may_follow(BatchStatus(batch.status), BatchStatus.CANCELLED):
        return set()
    batch.status = step(BatchStatus(batch.status), BatchStatus.CANCELLED)
    refunded: set[UUID] = set()
    for ticket, job in locks.tickets_with_jobs(session, MintJob.batch_id == batch.id):
        job.batch_id = job.batch_index = ticket.token_id = None
        if job.status != JobStatus.BATCHED:
            job.status = step(JobStatus(job.status), JobStatus.BATCHED)
        job.status = step(JobStatus.BATCHED, JobStatus.QUEUED)
        if ticket.status == TicketStatus.VOID:
            job.status = step(JobStatus.QUEUED, JobStatus.REFUNDING)
            # There never will be a token to say it of.
            status_changes.confirmed(session, ticket.id, TicketStatus.VOID)
            refunded.add(ticket.order_id)
    session.flush()
    nudge(session, "tickets.close_batch", batch.collection_id)
    return refunded


def retry(session: Session, batch_id: UUID) -> Batch:
    """Try again what waits for a person: ask the chain for the number first, then send if it is unused.

    Of one that LANDED the chain is asked as well: what is not there for good is sent again.
    Raises CannotRetry.
    """
    seen = session.get_one(Batch, batch_id)
    if seen.status in _HELD_UP and seen.send_id is not None:
        outbox.hurry(session, seen.send_id)
    is_asked = seen.status == BatchStatus.CANCELLING and _hurry_cancellation(session, batch_id)
    batch = locks.batch(session, batch_id)
    if batch.status == BatchStatus.WAITING:
        batch.status = step(BatchStatus.WAITING, BatchStatus.CLOSED)
    elif batch.status == BatchStatus.OVERDUE:
        # Looked at now; what it is late by does not change.
        return batch
    elif batch.status == BatchStatus.CANCELLING:
        if not is_asked:  # the send has ended, and no final log has told of it yet
            minted.ask_chain(session, batch, "retried while it was being cancelled")
    elif batch.status == BatchStatus.STUCK:
        minted.ask_chain(session, batch, f"retried after: {batch.last_error}")
    elif batch.status == BatchStatus.UNKNOWN:
        batch.run_after = None
        nudge(session, "tickets.ask_chain", batch.id)
    elif batch.status == BatchStatus.LANDED:
        minted.doubt(session, batch)
    else:
        raise CannotRetry(status=batch.status)
    return batch


def _hurry_cancellation(session: Session, batch_id: UUID) -> bool:
    """Have an unfinished `cancelBatch` looked at now; False when it has come to its end."""
    asked = outbox.find(session, CANCEL, batch_id)
    if asked is None or asked.status not in OPEN_SENDS:
        return False
    outbox.hurry(session, asked.id)
    return True


def mirror_waiting(session: Session) -> None:
    """Show on the batches which of their sends wait for something outside or are late, and which are so no more."""
    query = (
        select(Batch, ChainSend.status, ChainSend.reason)
        .join(ChainSend, ChainSend.id == Batch.send_id)
        .where(Batch.status.in_([BatchStatus.CLOSED, *sorted(_HELD_UP)]))
        .with_for_update(of=Batch, skip_locked=True, key_share=True)
    )
    for batch, status, reason in session.execute(query):
        shown = _SHOWN.get(status, BatchStatus.CLOSED)
        batch.status = step(BatchStatus(batch.status), shown)
        batch.last_error = reason if shown in _HELD_UP else None
