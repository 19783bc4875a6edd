"""Closing a batch: which jobs, in which order, under which number, fixed for good before anything is signed.

A collection has one unlanded batch at a time (`rules.IN_FLIGHT`). Jobs gather while it is under way, so the batches
grow with the load by themselves, up to the size that is set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from eth_utils.crypto import keccak
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.chain import abi, outbox
from backend.kit import logs
from backend.kit.db import locked
from backend.kit.ids import new_id
from backend.tickets import locks
from backend.tickets.models import Batch, Collection, MintJob, Ticket
from backend.tickets.rules import IN_FLIGHT, Entry, encode_entries, step
from backend.tickets.states import BatchStatus, CollectionStatus, Custody, JobStatus

MINT = "mint_batch"
SIGNER = "minter"
CONTRACT_RECEIVER = "contract_receiver"
WAITS_ON = ("ScopePaused", "AllowanceExceeded", "NotMinter")
"""What the promoter or the guardian can lift: the send waits in the outbox with the same bytes."""
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Jobs that could be closed into the next batch, and whose receivers have to be looked at first."""

    network: str
    collection: bytes
    job_ids: tuple[UUID, ...]
    recipients: frozenset[bytes]
    trace_id: str
    """The oldest job's: the batch and its transaction go on under it."""


def gather(session: Session, collection_id: UUID, now: datetime, *, size: int, wait_seconds: float) -> Gathered | None:
    """Return the oldest queued jobs once `size` of them wait or the oldest has waited `wait_seconds`; else None."""
    collection = session.get(Collection, collection_id)
    if collection is None or collection.address is None or collection.status != CollectionStatus.LIVE:
        return None
    if in_flight(session, collection_id):
        return None
    queued = session.scalars(
        select(MintJob)
        .where(MintJob.collection_id == collection_id, MintJob.status == JobStatus.QUEUED)
        .order_by(MintJob.id)
        .limit(size)
    ).all()
    if not queued:
        return None
    if len(queued) < size and min(job.created_at for job in queued) > now - timedelta(seconds=wait_seconds):
        return None
    wallets = frozenset(job.recipient for job in queued if job.recipient is not None)
    return Gathered(
        collection.network, collection.address, tuple(job.id for job in queued), wallets, queued[0].trace_id
    )


def close(
    session: Session, collection_id: UUID, job_ids: Sequence[UUID], refused: frozenset[bytes], now: datetime
) -> Batch | None:
    """Fix the next batch of the collection from those of `job_ids` that still wait; None when nothing is left to do.

    `refused` are contracts the collection would not admit as receivers: their tickets wait in escrow instead. The
    collection's row lock puts workers in line; whoever comes second finds the jobs taken.
    """
    collection = locked(session, Collection, collection_id)
    if collection is None or collection.address is None or in_flight(session, collection_id):
        return None
    waiting = (MintJob.id.in_(job_ids), MintJob.status == JobStatus.QUEUED)
    found = locks.tickets_with_jobs(session, *waiting, skip_locked=True)
    if not found:
        return None
    for ticket, job in found:
        if job.recipient in refused:
            _send_to_escrow(ticket, job)
    jobs = [job for _, job in found]
    address = collection.address
    # Sorted by owner: one owner's tickets stand together, which storage as code will make use of.
    ordered = sorted(jobs, key=lambda job: (job.recipient or address, job.tier_number, job.id))
    entries = encode_entries([Entry(job.recipient or address, job.tier_number) for job in ordered])
    batch = Batch(
        id=new_id(),
        organisation_id=collection.organisation_id,
        collection_id=collection.id,
        number=collection.next_batch,
        status=step(BatchStatus.OPEN, BatchStatus.CLOSED),
        entries=entries,
        contents_hash=keccak(entries),
        count=len(ordered),
        generation=0,
        cancel_generation=0,
        created_at=now,
    )
    session.add(batch)
    session.flush()
    collection.next_batch += 1
    for index, job in enumerate(ordered):
        job.status = step(JobStatus(job.status), JobStatus.BATCHED)
        job.batch_id, job.batch_index = batch.id, index
    send(session, batch, collection, now)
    # A batch has many askers and one transaction: its line names all of their traces.
    traces = sorted({job.trace_id for job in jobs} - {""})
    _log.info("batch_closed", batch_id=str(batch.id), number=batch.number, tickets=batch.count, traces=traces)
    return batch


def send(session: Session, batch: Batch, collection: Collection, now: datetime) -> None:
    """Ask the outbox to mint the batch as it stands. A new `generation` is a new transaction for the same number."""
    assert collection.address is not None  # noqa: S101 - a batch exists only of a deployed collection
    data = abi.encode_call("TicketCollection", "mintBatch", [batch.number, batch.entries])
    sent = outbox.enqueue(
        session,
        collection.network,
        SIGNER,
        collection.address,
        data,
        MINT,
        batch.id,
        now,
        generation=batch.generation,
        waits_on=WAITS_ON,
    )
    batch.send_id = sent.id


def in_flight(session: Session, collection_id: UUID) -> bool:
    """Tell whether the collection has a batch whose number is given out and not consumed yet."""
    query = select(Batch.id).where(Batch.collection_id == collection_id, Batch.status.in_(IN_FLIGHT))
    return session.scalar(query.limit(1)) is not None


def collections_with_queue(session: Session) -> list[UUID]:
    """Return the collections that have queued jobs, the longest waiting first. For the sweeper."""
    query = (
        select(MintJob.collection_id)
        .where(MintJob.status == JobStatus.QUEUED, MintJob.collection_id.is_not(None))
        .group_by(MintJob.collection_id)
        .order_by(func.min(MintJob.created_at))
    )
    return [found for found in session.scalars(query) if found is not None]


def _send_to_escrow(ticket: Ticket, job: MintJob) -> None:
    job.recipient, job.escrow_reason = None, CONTRACT_RECEIVER
    ticket.custody = Custody.ESCROW
    _log.info("contract_receiver_to_escrow", mint_job_id=str(job.id))
