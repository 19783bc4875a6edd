"""Closing a batch: which jobs, in which order, under which number, fixed for good before anything is signed.

Jobs gather while a batch of their collection is under way, so the batches grow with the load by themselves, up to the
size that is set. Full ones need not wait for the one before: some may be under way at once, sent in the order of their
numbers by one key. When one of them is in trouble, no more are closed until it is settled.

A batch may hold a thousand tickets, so its rows are written by single statements (docs/decisions/0015-batches.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from eth_hash.auto import keccak
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from backend.chain import abi, outbox
from backend.chain.models import ChainSend
from backend.kit import logs
from backend.kit.db import forget, locked
from backend.kit.ids import new_id
from backend.tickets.models import Batch, Collection, MintJob, Ticket
from backend.tickets.rules import IN_FLIGHT, Entry, encode_entries, mint_gas, step
from backend.tickets.states import BatchStatus, CollectionStatus, Custody, JobStatus

MINT = "mint_batch"
SIGNER = "minter"
CONTRACT_RECEIVER = "contract_receiver"
WAITS_ON = ("ScopePaused", "AllowanceExceeded", "MintLimitExceeded", "NotMinter")
"""What the promoter, the guardian or the next day lifts: the send waits in the outbox, for the same contents."""
_TRACES = 20
"""Traces named in the line of a batch."""
_PAST_SESSION = {"synchronize_session": False}
_log = logs.get(__name__)

_PUT_INTO_BATCH = text(f"""
    UPDATE mint_jobs j SET status = '{step(JobStatus.QUEUED, JobStatus.BATCHED)}', batch_id = :batch,
        batch_index = placed.position - 1
    FROM unnest(CAST(:jobs AS uuid[])) WITH ORDINALITY AS placed (id, position)
    WHERE j.id = placed.id
""")  # noqa: S608 - the only value put in is a state's name


@dataclass(frozen=True, slots=True)
class Gathered:
    """Jobs that could be closed into the next batch, and whose receivers have to be looked at first."""

    network: str
    collection: bytes
    job_ids: tuple[UUID, ...]
    recipients: frozenset[bytes]
    trace_id: str
    """The oldest job's: the batch and its transaction go on under it."""
    is_full: bool


def gather(
    session: Session, collection_id: UUID, now: datetime, *, size: int, wait_seconds: float, limit: int = 1
) -> Gathered | None:
    """Return the oldest queued jobs once `size` of them wait or the oldest has waited `wait_seconds`; else None.

    At most `limit` batches are under way at once.
    """
    collection = session.get(Collection, collection_id)
    if collection is None or collection.address is None or collection.status != CollectionStatus.LIVE:
        return None
    queued = session.execute(
        select(MintJob.id, MintJob.recipient, MintJob.created_at, MintJob.trace_id)
        .where(MintJob.collection_id == collection_id, MintJob.status == JobStatus.QUEUED)
        .order_by(MintJob.id)
        .limit(size)
    ).all()
    if not queued:
        return None
    is_full = len(queued) >= size
    if not has_room(session, collection_id, is_full=is_full, limit=limit):
        return None
    if not is_full and min(job.created_at for job in queued) > now - timedelta(seconds=wait_seconds):
        return None
    wallets = frozenset(job.recipient for job in queued if job.recipient is not None)
    return Gathered(
        collection.network,
        collection.address,
        tuple(job.id for job in queued),
        wallets,
        queued[0].trace_id,
        is_full=is_full,
    )


def close(
    session: Session,
    collection_id: UUID,
    job_ids: Sequence[UUID],
    refused: frozenset[bytes],
    now: datetime,
    *,
    is_full: bool = False,
    limit: int = 1,
) -> Batch | None:
    """Fix the next batch of the collection from those of `job_ids` that still wait; None when nothing is left to do.

    `refused` are contracts the collection would not admit as receivers: their tickets wait in escrow instead. The
    collection's row lock puts workers in line; whoever comes second finds the jobs taken.
    """
    collection = locked(session, Collection, collection_id)
    if collection is None or collection.address is None:
        return None
    if not has_room(session, collection_id, is_full=is_full, limit=limit):
        return None
    jobs = _lock_waiting(session, job_ids, refused)
    if not jobs:
        return None
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
    session.execute(_PUT_INTO_BATCH, {"batch": batch.id, "jobs": [job.id for job in ordered]})
    forget(session, MintJob)
    send(session, batch, collection, now)
    # A batch has many askers and one transaction: its line names all of their traces.
    traces = sorted({job.trace_id for job in jobs} - {""})
    _log.info("batch_closed", batch_id=str(batch.id), number=batch.number, tickets=batch.count, traces=traces[:_TRACES])
    return batch


def send(session: Session, batch: Batch, collection: Collection, now: datetime) -> ChainSend:
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
        gas_limit=mint_gas(batch.count),
        waits_on=WAITS_ON,
        signer=collection.minter,
    )
    batch.send_id = sent.id
    return sent


def has_room(session: Session, collection_id: UUID, *, is_full: bool, limit: int) -> bool:
    """Tell whether the collection's next number may be given out.

    Numbers count without a gap on chain, so a later batch can only land after the earlier. Part of a batch waits until
    nothing is under way: it grows meanwhile.
    """
    query = select(Batch.status).where(Batch.collection_id == collection_id, Batch.status.in_(IN_FLIGHT))
    under_way = session.scalars(query).all()
    if not under_way:
        return True
    return is_full and len(under_way) < limit and all(status == BatchStatus.CLOSED for status in under_way)


def collections_with_queue(session: Session) -> list[UUID]:
    """Return the collections that have queued jobs, the longest waiting first. For the sweeper."""
    query = (
        select(MintJob.collection_id)
        .where(MintJob.status == JobStatus.QUEUED, MintJob.collection_id.is_not(None))
        .group_by(MintJob.collection_id)
        .order_by(func.min(MintJob.created_at))
    )
    return [found for found in session.scalars(query) if found is not None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A job that is still queued, locked with its ticket."""

    id: UUID
    recipient: bytes | None
    tier_number: int
    trace_id: str


def _lock_waiting(session: Session, job_ids: Sequence[UUID], refused: frozenset[bytes]) -> list[_Waiting]:
    """Lock the jobs that still wait, with their tickets; send to escrow what a refusing contract would receive."""
    query = (
        select(MintJob.id, MintJob.recipient, MintJob.tier_number, MintJob.trace_id)
        .join(Ticket, Ticket.id == MintJob.ticket_id)
        .where(MintJob.id.in_(job_ids), MintJob.status == JobStatus.QUEUED)
        .order_by(Ticket.id)
        .with_for_update(of=[Ticket, MintJob], key_share=True, skip_locked=True)
    )
    found = [_Waiting(*row) for row in session.execute(query)]
    barred = [job.id for job in found if job.recipient in refused]
    if not barred:
        return found
    escrowed = {"recipient": None, "escrow_reason": CONTRACT_RECEIVER}
    session.execute(update(MintJob).where(MintJob.id.in_(barred)).values(escrowed), execution_options=_PAST_SESSION)
    tickets = select(MintJob.ticket_id).where(MintJob.id.in_(barred))
    custody = update(Ticket).where(Ticket.id.in_(tickets)).values(custody=Custody.ESCROW)
    session.execute(custody, execution_options=_PAST_SESSION)
    forget(session, Ticket, MintJob)
    _log.info("contract_receivers_to_escrow", mint_jobs=[str(job_id) for job_id in barred])
    return [replace(job, recipient=None) if job.recipient in refused else job for job in found]
