"""Asking for a call that shall happen exactly once, and what its asker may do about it later.

`enqueue` writes a row; `send.py` and `watch.py` do the rest, between transactions. The asker learns of it by the
notices of `notices.py`.

A send is locked before its subject, as the outbox does when it announces (docs/decisions/0008-lock-order.md). `enqueue`
locks nothing and may come at any point; `lock_all`, `cancel`, `hurry` and `settle_unknown` come first.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain import rules
from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend, SendStatus
from backend.chain.networks import network as known_network
from backend.chain.onlog import Log
from backend.kit import logs
from backend.kit.db import locked
from backend.kit.errors import Conflict, NotFound, Retryable
from backend.kit.ids import new_id
from backend.kit.nudges import nudge
from backend.settings import get_settings

PAUSED = "ScopePaused"
_log = logs.get(__name__)


class SendDiffers(Conflict):
    """The same thing was asked for before with other contents; what is sent once cannot change."""

    code = "send_differs"


class FateUnclear(Conflict, Retryable):
    """Bytes of an earlier attempt could still be mined; sending again now could do it twice."""

    code = "fate_unclear"


class NoSuchSend(NotFound):
    """There is no such send."""

    code = "no_such_send"


class SendOver(Conflict):
    """The send is mined, given up, or of unclear fate: its fee is of no interest any more."""

    code = "send_over"


class CeilingNotHigher(Conflict):
    """The send may offer as much already; `details.now` is its ceiling in wei a unit of gas."""

    code = "ceiling_not_higher"


def enqueue(
    session: Session,
    network: str,
    signer_role: str,
    to: bytes,
    data: bytes,
    purpose: str,
    subject_id: UUID,
    now: datetime,
    value: int = 0,
    generation: int = 0,
    gas_limit: int | None = None,
    waits_on: Sequence[str] = (PAUSED,),
    signer: bytes | None = None,
    fee_ceiling: int | None = None,
) -> ChainSend:
    """Ask for one call from the key `signer` of `signer_role`, or its first; asked twice, it is the same send.

    `purpose`, `subject_id` and `generation` are its identity; `value` is in wei; `waits_on` names custom errors that
    mean "not yet" for this call, so that it waits instead of being given up. Not mined within
    settings.mint_deadline_seconds of its first generation, it is OVERDUE. `fee_ceiling` is what a person has allowed it
    already, in wei a unit of gas; a later generation keeps what the earlier ones were allowed. Raises SendDiffers when
    the identity was used for another call.
    """
    deadline, allowed = _earlier(session, purpose, subject_id) if generation > 0 else (None, None)
    statement = (
        insert(ChainSend)
        .values(
            id=new_id(),
            network=network,
            signer_role=signer_role,
            signer=signer,
            to_address=to,
            data=data,
            value=value,
            purpose=purpose,
            subject_id=subject_id,
            generation=generation,
            status=SendStatus.QUEUED,
            waits_on=list(waits_on),
            gas_limit=gas_limit,
            fee_ceiling=max(fee_ceiling or 0, allowed or 0) or None,
            deadline=deadline or now + timedelta(seconds=get_settings().mint_deadline_seconds),
            trace_id=logs.trace_id(),
            created_at=now,
            status_since=now,
        )
        .on_conflict_do_nothing(index_elements=["purpose", "subject_id", "generation"])
    )
    session.execute(statement)
    send = session.scalars(
        select(ChainSend).where(
            ChainSend.purpose == purpose, ChainSend.subject_id == subject_id, ChainSend.generation == generation
        )
    ).one()
    stored = (send.network, send.signer_role, send.to_address, send.data, send.value)
    if stored != (network, signer_role, to, data, value):
        raise SendDiffers(send_id=str(send.id))
    nudge(session, "chain.send", send.id)
    return send


def _earlier(session: Session, purpose: str, subject_id: UUID) -> tuple[datetime | None, int | None]:
    """Return until when it should be mined and what a person allowed it: asked for again, it is as late as it was."""
    query = select(func.min(ChainSend.deadline), func.max(ChainSend.fee_ceiling)).where(
        ChainSend.purpose == purpose, ChainSend.subject_id == subject_id
    )
    deadline, allowed = session.execute(query).one()
    return deadline, allowed


def find(session: Session, purpose: str, subject_id: UUID) -> ChainSend | None:
    """Return the newest generation of what was asked for by `purpose` about `subject_id`."""
    query = select(ChainSend).where(ChainSend.purpose == purpose, ChainSend.subject_id == subject_id)
    return session.scalars(query.order_by(ChainSend.generation.desc()).limit(1)).one_or_none()


def lock_all(session: Session, purpose: str, subject_id: UUID) -> list[ChainSend]:
    """Lock every generation of what was asked for, until the transaction ends. Comes before the subject's own lock."""
    query = (
        select(ChainSend)
        .where(ChainSend.purpose == purpose, ChainSend.subject_id == subject_id)
        .order_by(ChainSend.id)
        .with_for_update(key_share=True)
    )
    return list(session.scalars(query.execution_options(populate_existing=True)))


def cancel(session: Session, send_id: UUID, now: datetime) -> bool:
    """Withdraw a send none of whose bytes can be mined; False when some can, at any time."""
    send = _locked(session, send_id)
    if send.status == SendStatus.CANCELLED:
        return True
    tried = [(attempt.nonce, attempt.status) for attempt in _attempts(session, send_id)]
    if send.status not in {SendStatus.QUEUED, SendStatus.WAITING, SendStatus.OVERDUE} or rules.may_be_mined(tried):
        return False
    set_status(send, SendStatus.CANCELLED, now, "withdrawn")
    # Whoever is simulating it right now loses the lease, and with it the right to allot a nonce.
    send.lease_id = send.lease_expires_at = None
    return True


def hurry(session: Session, send_id: UUID) -> None:
    """Look at a waiting send now instead of at its next turn: somebody has removed what it waited for."""
    send = _locked(session, send_id)
    send.run_after = None
    nudge(session, "chain.send", send.id)


def assign(
    session: Session, network: str, to: bytes, purposes: Collection[str], signer: bytes, since: int, now: datetime
) -> int:
    """Have the unfinished calls of `purposes` to the contract `to` signed by `signer`; return how many that changes.

    The contract takes them from nobody else, as its logs up to the final block `since` say: what another key has signed
    is watched until then, and given up if it has not happened. A word older than the last one changes nothing.
    """
    query = (
        select(ChainSend)
        .where(
            ChainSend.network == network,
            ChainSend.to_address == to,
            ChainSend.purpose.in_(purposes),
            ChainSend.status.in_(rules.OPEN_SENDS),
            ChainSend.signer.is_distinct_from(signer),
            or_(ChainSend.signer_since.is_(None), ChainSend.signer_since <= since),
        )
        .order_by(ChainSend.id)
        .with_for_update(key_share=True)
    )
    found = list(session.scalars(query.execution_options(populate_existing=True)))
    for send in found:
        send.signer, send.signer_since = signer, since
        send.run_after = None
        nudge(session, "chain.send", send.id)
    if found:
        shown = {"network": network, "to": "0x" + to.hex(), "signer": "0x" + signer.hex(), "since_block": since}
        _log.warning("chain_signer_assigned", sends=len(found), at=now.isoformat(), **shown)
    return len(found)


def raise_ceiling(session: Session, send_ids: Collection[UUID], max_fee: int) -> int:
    """Let sends offer up to `max_fee` wei a unit of gas, above the network's ceiling, and look at them now.

    Of several, those that are over, or may offer as much, are left alone. Returns the lowest ceiling of the unfinished
    ones before. Raises NoSuchSend; SendOver when none is unfinished; CeilingNotHigher when none would be raised.
    """
    sends = [_locked(session, send_id) for send_id in sorted(send_ids)]
    unfinished = {send.id: ceiling_of(send) for send in sends if send.status in rules.SENDABLE}
    if not unfinished:
        raise SendOver(status=sends[-1].status) if sends else NoSuchSend
    lowest = min(unfinished.values())
    if max_fee <= lowest:
        raise CeilingNotHigher(now=str(lowest))
    for send in sends:
        before = unfinished.get(send.id)
        if before is not None and before < max_fee:
            send.fee_ceiling, send.run_after = max_fee, None
            nudge(session, "chain.send", send.id)
            _log.warning("fee_ceiling_raised", send_id=str(send.id), before=before, after=max_fee)
    return lowest


def ceiling_of(send: ChainSend) -> int:
    """Return the most the send may offer, in wei a unit of gas: the network's ceiling, or what a person allowed it."""
    return max(known_network(send.network).fee_ceiling, send.fee_ceiling or 0)


def mark_overdue(session: Session, now: datetime) -> int:
    """Name what is past its deadline; return how many. Who holds a lease goes on: a late send is sent all the same."""
    query = (
        select(ChainSend)
        .where(ChainSend.status.in_(rules.MAY_BE_LATE), ChainSend.deadline <= now)
        .order_by(ChainSend.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    late = list(session.scalars(query.execution_options(populate_existing=True)))
    for send in late:
        set_status(send, SendStatus.OVERDUE, now, send.reason)
        _log.error("chain_send_overdue", send_id=str(send.id), purpose=send.purpose, reason=send.reason)
    return len(late)


def settle_unknown(session: Session, send_id: UUID, happened: bool, now: datetime) -> None:  # noqa: FBT001 - the answer
    """Answer SendUnknown after asking the chain whether the call's effect is there.

    Happened: the send is closed as CANCELLED, done by other means. Not happened: it is sent again under a new nonce,
    but only when no bytes of it can be mined any more. Raises FateUnclear until then. A send that has meanwhile found
    its own receipt is left alone.
    """
    send = _locked(session, send_id)
    if send.status != SendStatus.UNKNOWN:
        return
    if rules.may_be_mined((attempt.nonce, attempt.status) for attempt in _attempts(session, send_id)):
        raise FateUnclear(send_id=str(send_id))
    if happened:
        set_status(send, SendStatus.CANCELLED, now, "its effect is on chain by another transaction")
        return
    set_status(send, SendStatus.QUEUED, now, None)
    send.run_after = None
    nudge(session, "chain.send", send.id)


def tx_hashes(session: Session, send_id: UUID) -> list[bytes]:
    """Return every hash under which this send's bytes were ever signed, oldest first."""
    return [attempt.tx_hash for attempt in _attempts(session, send_id) if attempt.tx_hash is not None]


def tx_hash(session: Session, send_id: UUID) -> bytes | None:
    """Return the hash to show: the mined one, else the newest. One that reverted steps back for one under way."""
    attempts = [attempt for attempt in _attempts(session, send_id) if attempt.tx_hash is not None]
    mined = [attempt for attempt in attempts if attempt.block_hash is not None]
    holding = [attempt for attempt in attempts if rules.holds_nonce(attempt.status)]
    chosen = ([one for one in mined if one in holding] or holding or mined or attempts)[-1:]
    return chosen[0].tx_hash if chosen else None


def mined_logs(session: Session, send_id: UUID) -> list[Log]:
    """Return the logs of the send's receipt, in order; empty when it is in no block."""
    for attempt in _attempts(session, send_id):
        if attempt.receipt is not None and attempt.status in {AttemptStatus.MINED, AttemptStatus.FINAL}:
            receipt, mined = attempt.receipt, attempt
            return [
                Log(
                    network=mined.network,
                    block_number=receipt["block_number"],
                    block_hash=bytes.fromhex(receipt["block_hash"]),
                    block_timestamp=datetime.fromisoformat(receipt["block_timestamp"]),
                    tx_hash=bytes.fromhex(receipt["tx_hash"]),
                    log_index=log["log_index"],
                    address=bytes.fromhex(log["address"]),
                    topics=tuple(bytes.fromhex(topic) for topic in log["topics"]),
                    data=bytes.fromhex(log["data"]),
                )
                for log in receipt["logs"]
            ]
    return []


def set_status(send: ChainSend, status: SendStatus, now: datetime, reason: str | None) -> None:
    """Move `send` along an edge of the state machine and remember why; a late one stays OVERDUE until it is mined.

    Raises rules.IllegalStep.
    """
    status = rules.unless_late(SendStatus(send.status), status)
    rules.check_send_step(SendStatus(send.status), status)
    if send.status != status:
        send.status, send.status_since = status, now
    send.reason = reason


def _locked(session: Session, send_id: UUID) -> ChainSend:
    send = locked(session, ChainSend, send_id)
    if send is None:
        raise NoSuchSend
    return send


def _attempts(session: Session, send_id: UUID) -> list[ChainAttempt]:
    query = select(ChainAttempt).where(ChainAttempt.send_id == send_id).order_by(ChainAttempt.id)
    return list(session.scalars(query))
