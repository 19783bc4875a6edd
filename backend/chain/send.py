"""Getting a send onto the network: simulate, allot a nonce, sign, store, hand over.

Each step leaves a row from which the next run goes on, so a crash anywhere sends the same bytes again and never others:

    no attempt   simulate -> T6: nonce allotted under the signer's lock, with fee and gas fixed       -> ALLOTTED
    ALLOTTED     sign between transactions -> T7: bytes and hash stored                               -> SIGNED
    SIGNED       hand the stored bytes to the network -> T8: done                                     -> BROADCAST
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from backend.chain import preflight, registry, rules, signers
from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend, SendStatus
from backend.chain.networks import network
from backend.chain.notices import SendReverted
from backend.chain.outbox import ceiling_of, set_status
from backend.chain.port import (
    AlreadyKnown,
    ChainPort,
    FeeTooLow,
    InsufficientFunds,
    NonceTooLow,
    Signer,
    Transaction,
)
from backend.chain.rules import Offer
from backend.kit import clock, jobs, logs
from backend.kit.db import unit_of_work
from backend.kit.errors import Retryable, Unavailable
from backend.kit.notices import announce
from backend.kit.nudges import nudge

_log = logs.get(__name__)

LEASE_SECONDS = 20.0
"""Short: after a crash the send stands still for so long. A lease that runs out costs nothing but a second look."""

_LONGEST_OUTAGE_PAUSE = timedelta(seconds=30)
_SENDABLE = ChainSend.status.in_(rules.SENDABLE)


class SignerChanged(Unavailable):
    """The nonce belongs to a key that no longer stands for the role; put the old key back to finish it."""

    code = "signer_changed"


@dataclass(frozen=True)
class Claimed:
    """A send under our lease, with the attempts it had when we claimed it."""

    send: ChainSend
    lease_id: UUID
    attempts: Sequence[ChainAttempt]

    @property
    def live(self) -> ChainAttempt | None:
        """The attempt that holds the nonce now, if there is one."""
        holding = [attempt for attempt in self.attempts if rules.holds_nonce(attempt.status)]
        return holding[-1] if holding else None


def claim(send_id: UUID, *where: ColumnElement[bool]) -> Claimed | None:
    """Lease a send; None when it is taken, not due, or in none of the states of `where`."""
    with unit_of_work() as session:
        send = jobs.claim(session, ChainSend, send_id, clock.now(), LEASE_SECONDS, *where)
        if send is None or send.lease_id is None:
            return None
        query = select(ChainAttempt).where(ChainAttempt.send_id == send_id).order_by(ChainAttempt.id)
        return Claimed(send, send.lease_id, list(session.scalars(query)))


def give_back(claimed: Claimed, error: Exception) -> None:
    """End the lease after a failure; the send is tried again after a growing pause, soon if the trouble is passing."""
    with unit_of_work() as session:
        row = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        now = clock.now()
        jobs.retry_later(row, now, error)
        if isinstance(error, Retryable) and row.run_after is not None:
            row.run_after = min(row.run_after, now + _LONGEST_OUTAGE_PAUSE)


def send(send_id: UUID) -> None:
    """Take a send as far as BROADCAST, from wherever it stands. Harmless when repeated. A door: opens transactions."""
    claimed = claim(send_id, _SENDABLE)
    if claimed is None:
        return
    with logs.trace(claimed.send.trace_id):
        try:
            _send(claimed)
        except jobs.LeaseLost:
            _log.info("chain_send_taken_over", send_id=str(send_id))
        except Exception as error:
            give_back(claimed, error)
            raise


def _send(claimed: Claimed) -> None:
    port = registry.port(claimed.send.network)
    attempt = claimed.live
    if attempt is None:
        attempt = _allot(port, claimed)
        if attempt is None:
            return
    if attempt.status == AttemptStatus.ALLOTTED:
        raw, tx_hash = _sign(claimed, attempt)
        attempt = _store(claimed, attempt, raw, tx_hash)
    if attempt.status == AttemptStatus.SIGNED:
        hand_over(port, claimed, attempt)
        return
    # It is on its way already: nothing for us to do but to let the watch have it.
    with unit_of_work() as session:
        jobs.release(jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id))
        nudge(session, "chain.watch", claimed.send.id)


def _allot(port: ChainPort, claimed: Claimed) -> ChainAttempt | None:
    """Allot a nonce to a call that would succeed; None when it has to wait or is refused."""
    send = claimed.send
    signer = registry.signer(send.network, send.signer_role)
    signers.enroll(port, send.network, send.signer_role, signer.address)
    with unit_of_work() as session:
        place = preflight.place_of(session, send, signer.address)
    outcome = preflight.check(port, send, signer.address, place)
    if not isinstance(outcome, preflight.Go):
        _put_off(claimed, outcome)
        return None
    with unit_of_work() as session:
        row = jobs.held(session, ChainSend, send.id, claimed.lease_id)
        now = clock.now()
        attempt = ChainAttempt(
            send_id=send.id,
            network=send.network,
            signer=signer.address,
            nonce=signers.allot(session, send.network, signer.address, outcome.final_nonces),
            status=AttemptStatus.ALLOTTED,
            gas_limit=outcome.gas_limit,
            max_fee=outcome.offer.max_fee,
            priority_fee=outcome.offer.priority_fee,
            created_at=now,
        )
        session.add(attempt)
        set_status(row, SendStatus.SENDING, now, None)
    _log.info("chain_nonce_allotted", send_id=str(send.id), purpose=send.purpose, nonce=attempt.nonce)
    return attempt


def _put_off(claimed: Claimed, outcome: preflight.Wait | preflight.Behind | preflight.Refused) -> None:
    with unit_of_work() as session:
        row = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        now = clock.now()
        jobs.release(row)
        if isinstance(outcome, preflight.Behind):
            row.run_after = now + preflight.SOON
            return
        if isinstance(outcome, preflight.Wait):
            set_status(row, SendStatus.WAITING, now, outcome.reason)
            row.run_after = now + outcome.pause
        else:
            set_status(row, SendStatus.REVERTED, now, outcome.reason)
            announce(session, SendReverted(row.id, row.purpose, row.subject_id, outcome.reason))
    _log.info("chain_send_put_off", send_id=str(claimed.send.id), purpose=claimed.send.purpose, reason=outcome.reason)


def transaction_of(send: ChainSend, attempt: ChainAttempt) -> Transaction:
    """Return what is signed for an attempt: only stored values, so that it is the same each time."""
    return {
        "chainId": network(send.network).chain_id,
        "nonce": attempt.nonce,
        "gas": attempt.gas_limit,
        "maxFeePerGas": attempt.max_fee,
        "maxPriorityFeePerGas": attempt.priority_fee,
        "to": send.to_address,
        "value": send.value,
        "data": send.data,
    }


def _sign(claimed: Claimed, attempt: ChainAttempt) -> tuple[bytes, bytes]:
    """Return bytes and hash; the key may live far away, so no transaction is open."""
    signer: Signer = registry.signer(claimed.send.network, claimed.send.signer_role)
    if signer.address != attempt.signer:
        raise SignerChanged(role=claimed.send.signer_role, nonce=attempt.nonce, signer="0x" + attempt.signer.hex())
    raw = signer.sign_transaction(transaction_of(claimed.send, attempt))
    return raw, signer.hash_of(raw)


def _store(claimed: Claimed, attempt: ChainAttempt, raw: bytes, tx_hash: bytes) -> ChainAttempt:
    """Store bytes and hash before anybody outside sees them. Whoever lost the lease stores, and sends, nothing."""
    with unit_of_work() as session:
        jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        row = session.get_one(ChainAttempt, attempt.id)
        rules.check_attempt_step(AttemptStatus(row.status), AttemptStatus.SIGNED)
        row.status, row.raw, row.tx_hash = AttemptStatus.SIGNED, raw, tx_hash
        return row


def hand_over(port: ChainPort, claimed: Claimed, attempt: ChainAttempt) -> None:
    """Hand the stored bytes to the network, however often it takes, and write down that a node has them."""
    if attempt.raw is None:
        raise rules.IllegalStep(f"attempt {attempt.id} has no bytes to send")
    try:
        port.send_raw(attempt.raw)
    except (AlreadyKnown, NonceTooLow) as answer:
        # The node has these bytes, or their nonce is used: by themselves, most likely. The watch asks for receipts.
        _log.info("chain_bytes_known", send_id=str(claimed.send.id), nonce=attempt.nonce, answer=answer.code)
    except FeeTooLow as answer:
        _log.info("chain_fee_too_low", send_id=str(claimed.send.id), nonce=attempt.nonce, answer=answer.message)
        offer_more(port, claimed, attempt)
        return
    except InsufficientFunds as empty:
        _hold_up(claimed, f"signer not funded: {empty.message}")
        return
    _acknowledge(claimed, attempt)


def _acknowledge(claimed: Claimed, attempt: ChainAttempt) -> None:
    with unit_of_work() as session:
        send = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        row = session.get_one(ChainAttempt, attempt.id)
        now = clock.now()
        if row.status == AttemptStatus.SIGNED:
            row.status = AttemptStatus.BROADCAST
        if send.status in {SendStatus.WAITING, SendStatus.OVERDUE}:
            set_status(send, SendStatus.SENDING, now, None)
        jobs.release(send)
        if row.broadcast_at is None:
            row.broadcast_at = now
            nudge(session, "chain.watch", send.id)
            _call_next(session, send)
        else:
            send.run_after = now + timedelta(seconds=network(send.network).poll_seconds)
        shown = "0x" + (row.tx_hash or b"").hex()
    _log.info("chain_broadcast", send_id=str(claimed.send.id), nonce=attempt.nonce, tx_hash=shown)


def _call_next(session: Session, send: ChainSend) -> None:
    """Let the call that waits behind this one try at once, on top of the pending state that now has this one in it."""
    unsent = ChainSend.status.in_([SendStatus.QUEUED, SendStatus.WAITING, SendStatus.OVERDUE])
    query = preflight.neighbours(send).where(unsent, preflight.is_later(send))
    behind = session.scalars(
        query.order_by(ChainSend.created_at, ChainSend.id).limit(1).with_for_update(skip_locked=True, key_share=True)
    )
    for row in behind:
        row.run_after = None
        nudge(session, "chain.send", row.id)


def offer_more(port: ChainPort, claimed: Claimed, attempt: ChainAttempt) -> None:
    """Replace an attempt by one with the same nonce and call and a higher offer; at the ceiling the send waits.

    The old bytes stay: they may still be the ones that are mined.
    """
    market = network(claimed.send.network).offer(port.fees())
    ceiling = ceiling_of(claimed.send)
    offer = rules.raised(Offer(attempt.max_fee, attempt.priority_fee), market, ceiling)
    if offer is None:
        _hold_up(claimed, f"fee ceiling: {attempt.max_fee} wei offered, the ceiling is {ceiling} wei")
        return
    with unit_of_work() as session:
        send = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        old = session.get_one(ChainAttempt, attempt.id)
        rules.check_attempt_step(AttemptStatus(old.status), AttemptStatus.REPLACED)
        old.status = AttemptStatus.REPLACED
        # One live attempt a nonce, at every moment: the old one steps down first.
        session.flush()
        now = clock.now()
        session.add(
            ChainAttempt(
                send_id=send.id,
                network=send.network,
                signer=old.signer,
                nonce=old.nonce,
                status=AttemptStatus.ALLOTTED,
                gas_limit=old.gas_limit,
                max_fee=offer.max_fee,
                priority_fee=offer.priority_fee,
                created_at=now,
            )
        )
        set_status(send, SendStatus.SENDING, now, None)
        jobs.release(send)
        nudge(session, "chain.send", send.id)
    _log.info("chain_offer_raised", send_id=str(send.id), nonce=attempt.nonce, max_fee=offer.max_fee)


def _hold_up(claimed: Claimed, reason: str) -> None:
    with unit_of_work() as session:
        send = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        now = clock.now()
        set_status(send, SendStatus.WAITING, now, reason)
        jobs.release(send)
        send.run_after = now + preflight.LATER
    _log.warning("chain_send_held_up", send_id=str(claimed.send.id), reason=reason)
