"""Following what was broadcast until it is final: look at the chain, judge, write, then act.

The looking happens before the transaction and the acting after it; `rules.judge` decides in between.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from backend.chain import abi, registry, rules
from backend.chain.claimed import Claimed, claim, give_back
from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend, SendStatus
from backend.chain.networks import network
from backend.chain.notices import SendFinal, SendMined, SendReverted, SendUnknown, SendUnmined
from backend.chain.outbox import set_status
from backend.chain.port import BlockRef, CallReverted, ChainReader, Look, Receipt, RefusedByNode
from backend.chain.rules import Act, Found, Say, Sight, Try, Verdict
from backend.chain.send import hand_over, offer_more
from backend.kit import clock, jobs, logs
from backend.kit.db import unit_of_work
from backend.kit.notices import Notice, announce

_log = logs.get(__name__)

_WATCHED = ChainSend.status.in_([*rules.SENDABLE, SendStatus.MINED, SendStatus.UNKNOWN])
_PATIENT = {SendStatus.WAITING: 15.0, SendStatus.OVERDUE: 15.0, SendStatus.UNKNOWN: 3.0}
_OVER = {AttemptStatus.DROPPED, AttemptStatus.REVERTED}
_SIMPLE_NOTICES: dict[Say, type[SendMined] | type[SendFinal] | type[SendUnmined]] = {
    Say.MINED: SendMined,
    Say.FINAL: SendFinal,
    Say.UNMINED: SendUnmined,
}


def watch(send_id: UUID) -> None:
    """Look once at how a send is doing. Harmless when repeated. A door: opens transactions."""
    claimed = claim(send_id, _WATCHED)
    if claimed is None:
        return
    with logs.trace(claimed.send.trace_id):
        try:
            _watch(claimed)
        except jobs.LeaseLost:
            _log.info("chain_watch_taken_over", send_id=str(send_id))
        except Exception as error:
            give_back(claimed, error)
            raise


def _watch(claimed: Claimed) -> None:
    port = registry.port(claimed.send.network)
    unknown_for = (clock.now() - claimed.send.status_since).total_seconds()
    policy = network(claimed.send.network).policy
    with port.look() as look:
        sight, receipts = _look(look, claimed)
        tries = [_as_try(claimed.send, attempt, sight.finalized) for attempt in claimed.attempts]
        verdict = rules.judge(SendStatus(claimed.send.status), tries, sight, policy, unknown_for)
        reason = _reason(look.node, claimed, verdict, receipts)
        record = _record(look, claimed, verdict, receipts)
    pause = None
    if Say.REVERTED in verdict.say:
        verdict, pause = _put_off(claimed, verdict, reason or rules.UNNAMED)
    live = _write(claimed, verdict, record, reason, pause)
    if live is not None and verdict.act is Act.SEND_AGAIN:
        hand_over(port, claimed, live)
    elif live is not None and verdict.act is Act.OFFER_MORE:
        offer_more(port, claimed, live)


def _as_try(send: ChainSend, attempt: ChainAttempt, finalized: int) -> Try:
    since = attempt.broadcast_at or attempt.created_at
    age = (clock.now() - since).total_seconds()
    is_barred = send.signer_since is not None and attempt.signer != send.signer and send.signer_since <= finalized
    return Try(attempt.id, attempt.nonce, AttemptStatus(attempt.status), attempt.block_hash, age, is_barred)


def _look(look: Look, claimed: Claimed) -> tuple[Sight, dict[UUID, Receipt]]:
    """Ask for counts first and receipts last: what is mined in between shows as a receipt, not as a lost nonce."""
    port = look.node
    finalized = port.finalized()
    live = claimed.live
    mined_nonces = port.nonce(live.signer) if live else 0
    is_doubted = live is not None and mined_nonces > live.nonce and claimed.send.status == SendStatus.UNKNOWN
    final_nonces = port.nonce(live.signer, "finalized") if live and is_doubted else 0
    receipts: dict[UUID, Receipt] = {}
    mined = next((a for a in claimed.attempts if a.status == AttemptStatus.MINED and a.receipt is not None), None)
    # The receipt we have is one node's word: before it counts as final, the second node is asked for it, by `receipt`.
    is_hearsay = look.asks_two and mined is not None and (mined.block_number or 0) <= finalized.number
    if mined is not None and not is_hearsay and _still_stands(port, mined):
        stood = Found(mined.block_number or 0, mined.block_hash or b"", bool((mined.receipt or {})["succeeded"]))
        return Sight({mined.id: stood}, frozenset(), finalized.number, mined_nonces, final_nonces), {}
    for attempt in reversed(claimed.attempts):
        if attempt.tx_hash is not None and attempt.status not in _OVER and not claimed.is_given_up(attempt):
            receipt = port.receipt(attempt.tx_hash)
            if receipt is not None and (receipt.succeeded or not receipts):
                # Sent under two nonces because the first seemed lost, it may be in two blocks: one of them refused it.
                receipts = {attempt.id: receipt}
                if receipt.succeeded:
                    break
    # Before a nonce is called lost, replaced bytes are asked about too: they may be the ones that used it.
    asked = claimed.attempts if is_doubted else [live] if live is not None else []
    known: set[UUID] = set()
    if not receipts:
        known = {one.id for one in asked if one.tx_hash is not None and port.transaction_known(one.tx_hash)}
    found = {key: Found(r.block_number, r.block_hash, r.succeeded) for key, r in receipts.items()}
    return Sight(found, frozenset(known), finalized.number, mined_nonces, final_nonces), receipts


def _still_stands(port: ChainReader, attempt: ChainAttempt) -> bool:
    """Say whether the block of the receipt we have is still part of the chain: a header instead of a big receipt."""
    block = port.block(attempt.block_number or 0)
    return block is not None and block.hash == attempt.block_hash


def _record(look: Look, claimed: Claimed, verdict: Verdict, receipts: dict[UUID, Receipt]) -> dict[str, Any] | None:
    """Return the winner's receipt as it is stored, once per block it appears in."""
    if verdict.winner is None:
        return None
    stored = next(a for a in claimed.attempts if a.id == verdict.winner)
    receipt = receipts.get(verdict.winner)
    is_stored = stored.receipt is not None and receipt is not None and stored.block_hash == receipt.block_hash
    if receipt is None or (is_stored and not look.asks_two):
        return stored.receipt
    block = look.node.block(receipt.block_hash)
    return {
        "tx_hash": receipt.tx_hash.hex(),
        "block_number": receipt.block_number,
        "block_hash": receipt.block_hash.hex(),
        "block_timestamp": (block.timestamp if block else clock.now()).isoformat(),
        "succeeded": receipt.succeeded,
        "gas_used": receipt.gas_used,
        "logs": [
            {
                "log_index": log.log_index,
                "address": log.address.hex(),
                "topics": [topic.hex() for topic in log.topics],
                "data": log.data.hex(),
            }
            for log in receipt.logs
        ],
    }


def _reason(port: ChainReader, claimed: Claimed, verdict: Verdict, receipts: dict[UUID, Receipt]) -> str | None:
    """Return why a mined call reverted: a receipt does not say, so the call is run again around its block.

    Before it first; what stands before the call in the same block (a pause, a change of keys) shows after it only.
    """
    winner = next((a for a in claimed.attempts if a.id == verdict.winner), None)
    if winner is None:
        return verdict.reason
    receipt = receipts.get(winner.id)
    succeeded = receipt.succeeded if receipt else bool((winner.receipt or {})["succeeded"])
    if succeeded:
        return verdict.reason
    send, number = claimed.send, receipt.block_number if receipt else winner.block_number or 0
    gas_used = receipt.gas_used if receipt else int((winner.receipt or {})["gas_used"])
    if gas_used >= winner.gas_limit:
        return rules.OUT_OF_GAS
    blocks: tuple[BlockRef, ...] = (number - 1, number, "latest")
    for block in blocks:
        try:
            port.call(send.to_address, send.data, block, sender=winner.signer, value=send.value)
        except CallReverted as reverted:
            return abi.describe_revert(None, reverted.data)
        except RefusedByNode as refused:
            # Nodes drop old states; the reason is lost with them, the revert is not.
            _log.info("chain_revert_reason_lost", send_id=str(send.id), block=block, answer=refused.message)
    return f"{rules.UNNAMED} by what came before it in its block"


def _put_off(claimed: Claimed, verdict: Verdict, reason: str) -> tuple[Verdict, float | None]:
    """Have a call simulated again whose cause to revert may be gone; without a pause, the revert stands."""
    send = claimed.send
    if not rules.is_passing(reason, send.waits_on, is_gas_given=send.gas_limit is not None):
        return verdict, None
    reverts = 1 + sum(one.status == AttemptStatus.REVERTED for one in claimed.attempts)
    return rules.again(SendStatus(send.status), verdict, reverts) or (verdict, None)


def _write(
    claimed: Claimed, verdict: Verdict, record: dict[str, Any] | None, reason: str | None, pause: float | None
) -> ChainAttempt | None:
    """Write the verdict and announce it; keeps the lease and returns the live attempt when there is more to do."""
    with unit_of_work() as session:
        send = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        now = clock.now()
        before = send.status
        shown = claimed.live.tx_hash if claimed.live else None
        for attempt_id, status in verdict.attempts:
            attempt = session.get_one(ChainAttempt, attempt_id)
            rules.check_attempt_step(AttemptStatus(attempt.status), status)
            attempt.status = status
            if attempt_id == verdict.winner and record is not None:
                attempt.block_number = record["block_number"]
                attempt.block_hash = bytes.fromhex(record["block_hash"])
                attempt.receipt = record
                shown = attempt.tx_hash
            else:
                attempt.block_number = attempt.block_hash = attempt.receipt = None
            # Written one by one: the one that steps down must be gone before the other takes its nonce.
            session.flush()
        set_status(send, verdict.send, now, reason if reason or send.status != verdict.send else send.reason)
        _announce(session, send, verdict, shown or b"", reason)
        if send.status != before:
            _log.info("chain_send_moved", send_id=str(send.id), purpose=send.purpose, before=before, after=send.status)
        live = claimed.live
        if verdict.act is not Act.NOTHING and live is not None:
            return session.get_one(ChainAttempt, live.id)
        jobs.release(send)
        send.run_after = _next_look(send, now) if pause is None else now + timedelta(seconds=pause)
        return None


def _announce(session: Session, send: ChainSend, verdict: Verdict, tx_hash: bytes, reason: str | None) -> None:
    for say in verdict.say:
        notice: Notice
        if say is Say.REVERTED:
            notice = SendReverted(send.id, send.purpose, send.subject_id, reason or "Reverted")
        elif say is Say.UNKNOWN:
            notice = SendUnknown(send.id, send.purpose, send.subject_id)
        else:
            notice = _SIMPLE_NOTICES[say](send.id, send.purpose, send.subject_id, "0x" + tx_hash.hex())
        announce(session, notice)


def _next_look(send: ChainSend, now: datetime) -> datetime:
    pause = _PATIENT.get(SendStatus(send.status), network(send.network).poll_seconds)
    return now + timedelta(seconds=pause)
