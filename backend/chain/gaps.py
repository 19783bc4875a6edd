"""Nonces that were given out and that nothing will use: everything after one stands still until it is filled.

They come of a chain that lost blocks it had called final, of somebody's own transaction that was pending when we first
met the key and never mined, and of a key whose unsigned sends moved to another. Two cases, and they are never mixed:
- bytes of ours with that nonce exist: they may be mined at any time, so the same bytes are handed over again;
- none were ever signed: the key sends nothing to itself under that nonce.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_OID, UUID, uuid5

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.chain import outbox, registry, rules, signers
from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend, ChainSigner, SendStatus
from backend.chain.networks import UnknownNetwork, network
from backend.chain.port import AlreadyKnown, ChainError, ChainPort, InsufficientFunds, NonceTooLow, SignerMissing
from backend.chain.rules import Offer
from backend.kit import clock, logs
from backend.kit.db import unit_of_work
from backend.kit.errors import Unavailable

FILL = "fill_nonce"
_GAS_OF_A_TRANSFER = 21_000
_MOST_AT_ONCE = 16
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a key's unused nonces need: bytes to hand over again, by nonce, and nonces that never had any.

    `is_in_the_way`: something of ours waits behind one of them.
    """

    bytes_of: Sequence[tuple[int, bytes]]
    empty: Sequence[int]
    is_in_the_way: bool


def close(ports: Callable[[str], ChainPort]) -> None:
    """Close the gaps of every key whose count has not moved since the last look. A door: opens transactions.

    The last look is the proof that nothing is just on its way, and that the node is not simply behind.
    """
    with unit_of_work() as session:
        query = select(ChainSigner).where(ChainSigner.next_nonce > ChainSigner.seen_nonce)
        still = list(session.scalars(query.order_by(ChainSigner.id)))
        _settle_lost(session, clock.now())
        _settle_keyless(session, clock.now())
    for row in still:
        try:
            _close(ports(row.network), row)
        except UnknownNetwork:
            # A network we served once; its rows are history.
            continue


def _close(port: ChainPort, row: ChainSigner) -> None:
    count = port.nonce(row.address)
    if count != row.seen_nonce:
        return
    # What the pool can run next is on its way, whoever signed it.
    first = max(count, port.nonce(row.address, "pending"))
    with unit_of_work() as session:
        found = find(session, row, first)
    if not (found.empty or found.bytes_of):
        return
    is_here = _is_here(row, is_needed=found.is_in_the_way)
    if not is_here and not found.is_in_the_way:
        # A key that was retired, and nothing waits for it.
        return
    offer = _offer(port, row) if found.empty and is_here else None
    if offer is not None:
        with unit_of_work() as session:
            found = find(session, row, first)
            _fill(session, row, found.empty[:_MOST_AT_ONCE], offer, clock.now())
    for nonce, raw in found.bytes_of[:_MOST_AT_ONCE]:
        _hand_over(port, row, nonce, raw)


def find(session: Session, row: ChainSigner, first: int) -> Gaps:
    """Return the gaps from nonce `first` on, the key's row locked: nobody allots while we look."""
    key = signers.locked(session, row.network, row.address)
    query = (
        select(ChainAttempt.nonce, ChainAttempt.status, ChainAttempt.raw, ChainSend.status)
        .join(ChainSend, ChainSend.id == ChainAttempt.send_id)
        .where(ChainAttempt.network == row.network, ChainAttempt.signer == row.address, ChainAttempt.nonce >= first)
        .order_by(ChainAttempt.id)
    )
    held, raws = set(), {}
    for nonce, attempt, raw, send in session.execute(query):
        if send in rules.OPEN_SENDS and rules.holds_nonce(attempt):
            held.add(nonce)
        if raw is not None:
            raws[nonce] = raw
    unused = [nonce for nonce in range(first, key.next_nonce) if nonce not in held]
    return Gaps(
        [(nonce, raws[nonce]) for nonce in unused if nonce in raws],
        [nonce for nonce in unused if nonce not in raws],
        bool(unused and held) and max(held) > unused[0],
    )


def subject_of(network_id: str, address: bytes, nonce: int) -> UUID:
    """Return the identity of a fill: one nonce of one key is filled once."""
    return uuid5(NAMESPACE_OID, f"{FILL}:{network_id}:{address.hex()}:{nonce}")


def filled(session: Session) -> dict[tuple[str, str], int]:
    """Count the fills there have ever been, by network and state."""
    query = select(ChainSend.network, ChainSend.status, func.count()).where(ChainSend.purpose == FILL)
    counted = session.execute(query.group_by(ChainSend.network, ChainSend.status))
    return {(network_id, status): count for network_id, status, count in counted}


def _is_here(row: ChainSigner, *, is_needed: bool) -> bool:
    """Say whether we can sign by the key. One that is not here, or away, keeps nobody from being looked at."""
    try:
        registry.keyring(row.network, row.role).find(row.address)
    except Unavailable as away:
        if is_needed:
            _log.error("chain_gap_stays", network=row.network, signer="0x" + row.address.hex(), answer=away.code)
        return False
    return True


def _offer(port: ChainPort, row: ChainSigner) -> Offer | None:
    """Return what to offer; None when the base fee is above the ceiling."""
    known, fees = network(row.network), port.fees()
    return rules.capped(known.offer(fees), known.fee_ceiling) if fees.base_fee < known.fee_ceiling else None


def _fill(session: Session, row: ChainSigner, nonces: Sequence[int], offer: Offer, now: datetime) -> None:
    """Write a send of nothing to itself for each nonce, with its nonce already allotted; the outbox does the rest."""
    for nonce in nonces:
        subject = subject_of(row.network, row.address, nonce)
        # One that was given up with its key is begun anew when the key is back: none of its bytes exist.
        before = outbox.find(session, FILL, subject)
        send = outbox.enqueue(
            session,
            row.network,
            row.role,
            row.address,
            b"",
            FILL,
            subject,
            now,
            generation=0 if before is None else before.generation + 1,
            gas_limit=_GAS_OF_A_TRANSFER,
            signer=row.address,
        )
        outbox.set_status(send, SendStatus.SENDING, now, None)
        session.add(
            ChainAttempt(
                send_id=send.id,
                network=row.network,
                signer=row.address,
                nonce=nonce,
                status=AttemptStatus.ALLOTTED,
                gas_limit=_GAS_OF_A_TRANSFER,
                max_fee=offer.max_fee,
                priority_fee=offer.priority_fee,
                created_at=now,
            )
        )
        _log.warning("chain_nonce_filled", network=row.network, signer="0x" + row.address.hex(), nonce=nonce)


def _hand_over(port: ChainPort, row: ChainSigner, nonce: int, raw: bytes) -> None:
    where = {"network": row.network, "signer": "0x" + row.address.hex(), "nonce": nonce}
    try:
        port.send_raw(raw)
    except (AlreadyKnown, NonceTooLow) as answer:
        _log.info("chain_bytes_known", answer=answer.code, **where)
    except (ChainError, InsufficientFunds) as refused:
        # The gap stays in the gauge, and is tried again at the next look.
        _log.error("chain_gap_stays", answer=refused.code, **where)
    else:
        _log.warning("chain_bytes_sent_again", **where)


def _settle_lost(session: Session, now: datetime) -> None:
    """End the fills whose nonce somebody else has used: that is all they were for."""
    lost = select(ChainSend.id).where(ChainSend.purpose == FILL, ChainSend.status == SendStatus.UNKNOWN)
    for send_id in list(session.scalars(lost.order_by(ChainSend.id))):
        try:
            outbox.settle_unknown(session, send_id, happened=True, now=now)
        except outbox.FateUnclear:
            _log.info("chain_fill_unclear", send_id=str(send_id))


def _settle_keyless(session: Session, now: datetime) -> None:
    """Give up the fills that were never signed and whose key is not here any more: nobody waits for a fill."""
    query = (
        select(ChainSend)
        .where(
            ChainSend.purpose == FILL,
            ChainSend.status.in_([SendStatus.WAITING, SendStatus.OVERDUE]),
            ChainSend.reason.startswith(SignerMissing.code),
        )
        .order_by(ChainSend.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    for send in session.scalars(query.execution_options(populate_existing=True)).all():
        tried = list(session.scalars(select(ChainAttempt).where(ChainAttempt.send_id == send.id)))
        if any(attempt.raw is not None for attempt in tried):
            continue
        for attempt in tried:
            rules.check_attempt_step(AttemptStatus(attempt.status), AttemptStatus.DROPPED)
            attempt.status = AttemptStatus.DROPPED
        outbox.set_status(send, SendStatus.CANCELLED, now, "its key is not here any more")
        send.lease_id = send.lease_expires_at = None
