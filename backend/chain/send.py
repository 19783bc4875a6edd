"""Getting a send onto the network: simulate, allot a nonce, sign, store, hand over.

Each step leaves a row from which the next run goes on, so a crash anywhere sends the same bytes again and never others:

    no attempt   simulate -> T6: nonce allotted under the signer's lock, with fee and gas fixed       -> ALLOTTED
    ALLOTTED     sign between transactions -> T7: bytes and hash stored                               -> SIGNED
    SIGNED       hand the stored bytes to the network -> T8: done                                     -> BROADCAST

The key is the one the contract takes the call from now. A nonce of another key is given up if nothing was ever signed
under it; what was signed is left to the watch (docs/decisions/0017-keys.md).
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from backend.chain import preflight, registry, rules, signers
from backend.chain.claimed import Claimed, claim, give_back
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
    SignerMissing,
    Transaction,
)
from backend.chain.rules import Offer
from backend.kit import clock, jobs, logs
from backend.kit.db import unit_of_work
from backend.kit.notices import announce
from backend.kit.nudges import nudge

_log = logs.get(__name__)

_SENDABLE = ChainSend.status.in_(rules.SENDABLE)


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
    if attempt is None or attempt.status == AttemptStatus.ALLOTTED:
        try:
            key = claimed.key(attempt)
        except SignerMissing as missing:
            _without_key(claimed, attempt, missing)
            return
        if attempt is not None and attempt.signer != key.address:
            if not _give_up(claimed, attempt):
                return
            attempt = None
        attempt = attempt or _allot(port, claimed, key)
        if attempt is None:
            return
        raw, tx_hash = _sign(claimed, attempt, key)
        attempt = _store(claimed, attempt, raw, tx_hash)
    if attempt.status == AttemptStatus.SIGNED and claimed.is_for(attempt):
        hand_over(port, claimed, attempt)
        return
    # It is on its way already, or must not go: nothing for us to do but to let the watch have it.
    with unit_of_work() as session:
        jobs.release(jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id))
        nudge(session, "chain.watch", claimed.send.id)


def _without_key(claimed: Claimed, attempt: ChainAttempt | None, missing: SignerMissing) -> None:
    """Wait for the key; a nonce that another key has to leave is given up at once, an offer it cannot raise as well."""
    if attempt is not None and (not claimed.is_for(attempt) or claimed.signed_before(attempt) is not None):
        if not _give_up(claimed, attempt):
            return
        attempt = None
    wanted = claimed.send.signer or (attempt.signer if attempt is not None else None)
    _hold_up(claimed, f"{missing.code}: {claimed.send.signer_role} {'0x' + wanted.hex() if wanted else ''}".strip())


def _give_up(claimed: Claimed, attempt: ChainAttempt) -> bool:
    """Leave a nonce of a key that does not sign this call any more; nothing was signed by `attempt` itself.

    False: bytes exist under that nonce, signed before their offer was to be raised. They are what is watched again.
    """
    older = claimed.signed_before(attempt)
    with unit_of_work() as session:
        send = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        now = clock.now()
        row = session.get_one(ChainAttempt, attempt.id)
        after = AttemptStatus.DROPPED if older is None else AttemptStatus.REPLACED
        rules.check_attempt_step(AttemptStatus(row.status), after)
        row.status = after
        session.flush()
        if older is None:
            set_status(send, SendStatus.QUEUED, now, None)
        else:
            before = session.get_one(ChainAttempt, older.id)
            rules.check_attempt_step(AttemptStatus(before.status), AttemptStatus.BROADCAST)
            before.status = AttemptStatus.BROADCAST
            jobs.release(send)
            nudge(session, "chain.watch", send.id)
    shown = "0x" + attempt.signer.hex()
    _log.warning("chain_nonce_given_up", send_id=str(claimed.send.id), signer=shown, nonce=attempt.nonce)
    return older is None


def _allot(port: ChainPort, claimed: Claimed, signer: Signer) -> ChainAttempt | None:
    """Allot a nonce of `signer` to a call that would succeed; None when it has to wait or is refused."""
    send = claimed.send
    signers.enroll(port, send.network, send.signer_role, signer.address)
    with unit_of_work() as session:
        place = preflight.place_of(session, send, signer.address)
    outcome = preflight.check(port, send, signer.address, place)
    if isinstance(outcome, preflight.Refused):
        with unit_of_work() as session:
            known = preflight.final_seen(session, send)
        outcome = preflight.confirm(port, send, signer.address, outcome, known)
    if not isinstance(outcome, preflight.Go):
        _put_off(claimed, outcome)
        return None
    with unit_of_work() as session:
        row = jobs.held(session, ChainSend, send.id, claimed.lease_id)
        if row.signer != send.signer:
            # Another key has to sign it since we looked: begin again.
            jobs.release(row)
            nudge(session, "chain.send", row.id)
            return None
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


def _sign(claimed: Claimed, attempt: ChainAttempt, signer: Signer) -> tuple[bytes, bytes]:
    """Return bytes and hash; the key may live far away, so no transaction is open."""
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

    The old bytes stay: they may still be the ones that are mined. Without their key, or when another has to sign, they
    are all there is.
    """
    if not claimed.is_for(attempt):
        _hold_up(claimed, f"rotated: 0x{attempt.signer.hex()} does not sign this call any more")
        return
    try:
        registry.keyring(claimed.send.network, claimed.send.signer_role).find(attempt.signer)
    except SignerMissing as missing:
        _hold_up(claimed, f"{missing.code}: {claimed.send.signer_role} 0x{attempt.signer.hex()}")
        return
    dearer = claimed.dearer(attempt)
    if dearer is not None:
        _take_up(claimed, attempt, dearer)
        return
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


def _take_up(claimed: Claimed, attempt: ChainAttempt, dearer: ChainAttempt) -> None:
    """Go on with bytes that were signed when more was offered before: those of `attempt` won, and were undone again.

    A raised offer would be the same once more, to the wei, and so would its bytes.
    """
    with unit_of_work() as session:
        send = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        now = clock.now()
        for one, after in ((attempt, AttemptStatus.REPLACED), (dearer, AttemptStatus.BROADCAST)):
            row = session.get_one(ChainAttempt, one.id)
            rules.check_attempt_step(AttemptStatus(row.status), after)
            row.status = after
            # One live attempt a nonce, at every moment: the old one steps down first.
            session.flush()
        row.broadcast_at = now
        set_status(send, SendStatus.SENDING, now, None)
        jobs.release(send)
        nudge(session, "chain.watch", send.id)
    _log.info("chain_offer_taken_up", send_id=str(send.id), nonce=attempt.nonce, max_fee=dearer.max_fee)


def _hold_up(claimed: Claimed, reason: str) -> None:
    with unit_of_work() as session:
        send = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        now = clock.now()
        set_status(send, SendStatus.WAITING, now, reason)
        jobs.release(send)
        send.run_after = now + preflight.LATER
    _log.warning("chain_send_held_up", send_id=str(claimed.send.id), reason=reason)
