"""What became of a batch's transaction: its receipt is read entry by entry, never taken on trust."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select, text
from sqlalchemy.orm import Session

from backend.chain import abi, outbox
from backend.chain.models import SendStatus
from backend.chain.onlog import Log
from backend.kit import logs
from backend.kit.db import forget
from backend.kit.nudges import nudge
from backend.tickets import batches, locks, numbers
from backend.tickets.models import Batch, Collection, MintJob, Ticket
from backend.tickets.numbers import Answer, Said
from backend.tickets.rules import IN_FLIGHT, ZERO_ADDRESS, decode_entries, may_follow, step, token_id
from backend.tickets.states import BatchStatus, JobStatus

_CONTRACT = "TicketCollection"
_OUT_OF_ORDER = "BatchOutOfOrder"
_MOST_SENDINGS = 25
"""Of one batch: what is refused so often with no cause that passes is a person's business."""
_LONGEST_PAUSE = 15.0
_SEND_OVER = frozenset({SendStatus.FINAL, SendStatus.REVERTED, SendStatus.CANCELLED})
IN_DOUBT = or_(
    Batch.status == BatchStatus.UNKNOWN, and_(Batch.status == BatchStatus.LANDED, Batch.run_after.is_not(None))
)
"""Batches of whose number the chain is asked: their fate is unclear, or a person doubts that they landed."""
_log = logs.get(__name__)

_B, _L = JobStatus.BATCHED, (JobStatus.MINTED, JobStatus.ESCROWED)
_NUMBER_TICKETS = text("""
    UPDATE tickets t SET token_id = :first + j.batch_index FROM mint_jobs j
    WHERE j.ticket_id = t.id AND j.batch_id = :batch
""")
_JOBS_LANDED = text(f"""
    UPDATE mint_jobs SET status = CASE WHEN recipient IS NULL THEN '{step(_B, _L[1])}' ELSE '{step(_B, _L[0])}' END
    WHERE batch_id = :batch AND status = '{_B}'
""")  # noqa: S608 - names of states
_FORGET_NUMBERS = text(f"""
    UPDATE tickets t SET token_id = NULL FROM mint_jobs j
    WHERE j.ticket_id = t.id AND j.batch_id = :batch AND j.status IN ('{_L[0]}', '{_L[1]}')
""")  # noqa: S608 - as above
_JOBS_BACK = text(f"""
    UPDATE mint_jobs SET status = '{step(_L[0], _B)}' WHERE batch_id = :batch AND status IN ('{_L[0]}', '{_L[1]}')
""")  # noqa: S608 - as above


def mined(session: Session, batch_id: UUID, send_id: UUID, tx_hash: str, now: datetime) -> None:
    """Compare the logs of the mined transaction with the entries: LANDED, or STUCK with what differs."""
    batch = locks.batch(session, batch_id)
    collection = session.get_one(Collection, batch.collection_id)
    wrong = differences(batch, collection.address or b"", outbox.mined_logs(session, send_id))
    if wrong is not None:
        stuck(batch, f"the receipt does not show what was asked for: {wrong}")
        return
    land(session, batch, bytes.fromhex(tx_hash.removeprefix("0x")), now)


def land(session: Session, batch: Batch, tx_hash: bytes | None, now: datetime) -> None:
    """Mark the batch LANDED and its jobs MINTED or ESCROWED, with their token ids. Twice changes nothing."""
    if not may_follow(BatchStatus(batch.status), BatchStatus.LANDED):
        return
    batch.status = step(BatchStatus(batch.status), BatchStatus.LANDED)
    batch.tx_hash, batch.landed_at, batch.last_error, batch.run_after = tx_hash, now, None, None
    locks.hold_tickets_with_jobs(session, MintJob.batch_id == batch.id)
    session.flush()
    session.execute(_NUMBER_TICKETS, {"batch": batch.id, "first": token_id(batch.number, 0)})
    session.execute(_JOBS_LANDED, {"batch": batch.id})
    forget(session, Ticket, MintJob)
    # What has gathered meanwhile can be closed now, and what was refused for coming too early can be sent.
    nudge(session, "tickets.close_batch", batch.collection_id)
    behind = select(Batch.id).where(Batch.collection_id == batch.collection_id, Batch.status == BatchStatus.UNKNOWN)
    for batch_id in session.scalars(behind):
        nudge(session, "tickets.ask_chain", batch_id)


def unmined(session: Session, batch_id: UUID) -> None:
    """Take LANDED back, since a reorg undid the block: the same bytes are on their way again, so it is CLOSED."""
    batch = locks.batch(session, batch_id)
    if batch.status != BatchStatus.LANDED:
        return
    batch.status = step(BatchStatus.LANDED, BatchStatus.CLOSED)
    batch.tx_hash = batch.landed_at = batch.last_error = batch.run_after = None
    locks.hold_tickets_with_jobs(session, MintJob.batch_id == batch.id)
    session.flush()
    session.execute(_FORGET_NUMBERS, {"batch": batch.id})
    session.execute(_JOBS_BACK, {"batch": batch.id})
    forget(session, Ticket, MintJob)


def final(session: Session, batch_id: UUID, now: datetime) -> None:
    """Mark the batch FINAL: its transaction cannot be undone any more."""
    batch = locks.batch(session, batch_id)
    if may_follow(BatchStatus(batch.status), BatchStatus.LANDED):
        land(session, batch, batch.tx_hash, now)
    if may_follow(BatchStatus(batch.status), BatchStatus.FINAL):
        batch.status = step(BatchStatus(batch.status), BatchStatus.FINAL)
        batch.last_error = batch.run_after = None


def reverted(session: Session, batch_id: UUID, reason: str) -> None:
    """Act on the contract's refusal.

    An out-of-order number may be consumed already, or stand behind one that is not; what the contract refuses for now
    (a pause that came while the batch was under way) is sent again. In both cases the chain is asked for the number
    first.
    """
    batch = locks.batch(session, batch_id)
    if batch.status in {BatchStatus.LANDED, BatchStatus.FINAL, BatchStatus.CANCELLED, BatchStatus.CANCELLING}:
        return
    passes = reason.partition("(")[0] in {_OUT_OF_ORDER, *batches.WAITS_ON}
    if passes and batch.generation < _MOST_SENDINGS:
        ask_chain(session, batch, reason)
    else:
        stuck(batch, reason)


def unknown(session: Session, batch_id: UUID) -> None:
    """Our nonce was used by bytes we do not know: only the chain can say whether the number is consumed."""
    batch = locks.batch(session, batch_id)
    if may_follow(BatchStatus(batch.status), BatchStatus.UNKNOWN):
        ask_chain(session, batch, "the fate of the transaction is unclear")


def ask_chain(session: Session, batch: Batch, reason: str) -> None:
    """Put the batch into UNKNOWN and let a task ask for its number."""
    batch.status = step(BatchStatus(batch.status), BatchStatus.UNKNOWN)
    batch.last_error, batch.run_after = reason, None
    nudge(session, "tickets.ask_chain", batch.id)


def answered(session: Session, batch: Batch, said: Said, now: datetime) -> None:
    """Act on what the chain says of the number of a batch that is UNKNOWN."""
    if batch.status != BatchStatus.UNKNOWN:
        return
    if said.state == numbers.MINTED and said.contents_hash == batch.contents_hash:
        land(session, batch, batch.tx_hash, now)
    elif said.state == numbers.MINTED:
        stuck(batch, f"the number was minted with other contents: 0x{said.contents_hash.hex()}")
    elif said.state == numbers.CANCELLED:
        # Its jobs go back to the queue when the BatchCancelled log is final, not before.
        batch.status = step(BatchStatus.UNKNOWN, BatchStatus.CANCELLING)
    elif _is_behind(session, batch):
        # Refused because an earlier number is not consumed: it is asked about again when that one lands.
        batch.last_error = "behind an earlier batch"
    else:
        send_again(session, batch, now)


def doubt(session: Session, batch: Batch) -> None:
    """Have the chain asked whether a batch that is LANDED, and whose tickets do not appear, is there at all."""
    # Due since it landed: so the sweeper finds it when the nudge is lost.
    batch.run_after = batch.landed_at or batch.created_at
    nudge(session, "tickets.ask_chain", batch.id)


def doubted(session: Session, batch: Batch, answer: Answer, now: datetime) -> None:
    """Take LANDED back when the number is unused for good, and send the same contents again under it.

    The batch's sends are locked by the caller, before the batch.
    """
    latest = outbox.find(session, batches.MINT, batch.id)
    if answer.is_unused and (latest is None or latest.status in _SEND_OVER):
        _log.error("batch_was_not_minted", batch_id=str(batch.id), number=batch.number)
        unmined(session, batch.id)
        send_again(session, batch, now)
    elif answer.consumed is None:
        batch.last_error = "retried: not in a final block yet"
    elif (answer.consumed.state, answer.consumed.contents_hash) == (numbers.MINTED, batch.contents_hash):
        batch.last_error = "retried: the chain has it for good, the index does not"
    else:
        # Somebody else has consumed the number: the index will have the final log of it.
        batch.last_error = f"retried: the number was consumed otherwise, state {answer.consumed.state}"


def _is_behind(session: Session, batch: Batch) -> bool:
    earlier = select(Batch.id).where(
        Batch.collection_id == batch.collection_id, Batch.number < batch.number, Batch.status.in_(IN_FLIGHT)
    )
    return session.scalar(earlier.limit(1)) is not None


def send_again(session: Session, batch: Batch, now: datetime) -> None:
    """Send the same number with the same contents again. The contract consumes a number once, so this is safe.

    The batch's sends are locked by the caller, before the batch.
    """
    collection = session.get_one(Collection, batch.collection_id)
    latest = outbox.find(session, batches.MINT, batch.id)
    batch.status = step(BatchStatus(batch.status), BatchStatus.CLOSED)
    batch.last_error, batch.run_after, batch.attempts = None, None, 0
    if latest is not None and latest.status in {"QUEUED", "WAITING", "OVERDUE"}:
        outbox.hurry(session, latest.id)
    elif latest is None or latest.status in _SEND_OVER:
        batch.generation += 1
        sent = batches.send(session, batch, collection, now)
        if latest is not None and latest.status == SendStatus.REVERTED and batch.generation > 1:
            sent.reason, sent.run_after = latest.reason, now + _pause(batch.generation)


def _pause(generation: int) -> timedelta:
    """Return how long to leave a batch alone that was refused so often: at once again would change nothing."""
    return timedelta(seconds=min(2.0 ** (generation - 2), _LONGEST_PAUSE))


def differences(batch: Batch, collection: bytes, seen: list[Log]) -> str | None:
    """Return what in a receipt's logs is not as the batch says; None when all of it is."""
    ours = [log for log in seen if log.address == collection]
    minted = [log for log in ours if log.topics[0] == abi.topic(_CONTRACT, "BatchMinted")]
    if len(minted) != 1:
        return f"{len(minted)} BatchMinted logs"
    said = abi.decode_log(_CONTRACT, "BatchMinted", minted[0].topics, minted[0].data)
    expected = {"number": batch.number, "contentsHash": batch.contents_hash, "count": batch.count}
    if said != expected:
        return f"BatchMinted says number {said['number']}, count {said['count']}, hash 0x{said['contentsHash'].hex()}"
    transfers = [
        (log.topics[1][12:], log.topics[2][12:], int.from_bytes(log.topics[3], "big"))
        for log in ours
        if log.topics[0] == abi.topic(_CONTRACT, "Transfer")
    ]
    wanted = [
        (ZERO_ADDRESS, entry.owner, token_id(batch.number, index))
        for index, entry in enumerate(decode_entries(batch.entries))
    ]
    for index, (got, want) in enumerate(zip(transfers, wanted, strict=False)):
        if got != want:
            return f"entry {index} went to 0x{got[1].hex()} as token {got[2]}"
    return None if len(transfers) == len(wanted) else f"{len(transfers)} Transfers for {len(wanted)} entries"


def stuck(batch: Batch, reason: str) -> None:
    """Hand the batch to a person."""
    batch.status = step(BatchStatus(batch.status), BatchStatus.STUCK)
    batch.last_error = reason
    _log.error("batch_stuck", batch_id=str(batch.id), number=batch.number, reason=reason)
