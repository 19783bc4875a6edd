"""Answering a challenge: read what was asked, check the signature without a transaction, then decide in one.

The two reads around the network call are why the decision looks everything up again under a lock: the ticket may have
moved, been used or been voided while the chain was asked about the signature.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.accounts.errors import BadSignature
from backend.accounts.proofs import digests, ecdsa, verify
from backend.catalog import service as catalog
from backend.catalog.models import Event, EventStatus
from backend.chain.port import ChainPort
from backend.checkin import rules, typed_data
from backend.checkin.errors import ChallengeUnknown, ClientNonceReused
from backend.checkin.models import DoorChallenge, Entry, Result, Scan
from backend.checkin.notices import TicketAdmitted
from backend.checkin.rules import Reason, SignedBy
from backend.kit import logs
from backend.kit.db import locked
from backend.kit.notices import announce
from backend.tickets import service as tickets
from backend.tickets.errors import TicketUnknown
from backend.tickets.models import Ticket

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Steward:
    """Who stands at the door, and the device's name for this scan."""

    account_id: UUID
    events: frozenset[UUID]
    client_nonce: str


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be proved, taken out of the database so that it can be checked without one."""

    network: str
    holder: bytes
    former: frozenset[bytes]
    words: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signature:
    """Whose signature it is, and the wallet (20 bytes) where one can be named."""

    by: SignedBy
    signer: bytes | None


def earlier_scan(session: Session, steward: Steward, challenge_id: UUID) -> Scan | None:
    """Return the scan this request already made: the device repeats it when it lost the answer.

    Raises ClientNonceReused when the nonce belongs to a scan of another challenge.
    """
    query = select(Scan).where(Scan.steward_account_id == steward.account_id, Scan.client_nonce == steward.client_nonce)
    scan = session.scalars(query).one_or_none()
    if scan is not None and scan.challenge_id != challenge_id:
        raise ClientNonceReused
    return scan


def question(session: Session, steward: Steward, challenge_id: UUID) -> Question:
    """Return what the challenge asks. Raises ChallengeUnknown for those of doors the steward does not work."""
    challenge = session.get(DoorChallenge, challenge_id)
    if challenge is None or challenge.event_id not in steward.events:
        raise ChallengeUnknown
    return Question(
        network=challenge.network,
        holder=challenge.holder,
        former=frozenset(tickets.former_holders(session, challenge.ticket_id)) - {challenge.holder},
        words=typed_data.admission(challenge),
    )


def check(asked: Question, signature: bytes, port: Callable[[str], ChainPort]) -> Signature:
    """Find out whose signature it is. May ask the chain: never inside a transaction. Raises what the port raises."""
    chain = port(asked.network)
    try:
        verify.verify_typed_data(asked.holder, asked.words, signature, chain)
    except BadSignature:
        return _somebody_else(asked, signature, chain)
    return Signature(SignedBy.HOLDER, asked.holder)


def _somebody_else(asked: Question, signature: bytes, chain: ChainPort) -> Signature:
    try:
        signer = ecdsa.recover(digests.of_typed_data(asked.words), signature)
    except BadSignature:
        # No key gives it; but a contract wallet that held the ticket may still call it its own.
        for former in sorted(asked.former):
            if _is_signed_by_contract(former, asked, signature, chain):
                return Signature(SignedBy.FORMER, former)
        return Signature(SignedBy.NOBODY, None)
    return Signature(SignedBy.FORMER if signer in asked.former else SignedBy.STRANGER, signer)


def _is_signed_by_contract(wallet: bytes, asked: Question, signature: bytes, chain: ChainPort) -> bool:
    try:
        verify.verify_typed_data(wallet, asked.words, signature, chain)
    except BadSignature:
        return False
    return True


def decide(session: Session, steward: Steward, challenge_id: UUID, signature: Signature, now: datetime) -> Scan:
    """Write the scan and, when every rule holds, the entry. A challenge is answered once, whatever the answer.

    The ticket's row is locked first, so that two gates decide about it one after the other; the unique open entry is
    the last word should anything ever get around the lock.
    """
    asked = session.get(DoorChallenge, challenge_id)
    if asked is None:
        raise ChallengeUnknown
    ticket = locked(session, Ticket, asked.ticket_id)
    challenge = locked(session, DoorChallenge, challenge_id)
    if ticket is None or challenge is None:
        raise TicketUnknown
    # Looked for again under the lock: the same request may have come twice at once.
    earlier = earlier_scan(session, steward, challenge_id)
    if earlier is not None:
        return earlier
    reason = _refusal(session, challenge, ticket, signature, now)
    scan = _admit(session, steward, challenge, signature, now) if reason is None else None
    if scan is None:
        reason = reason or Reason.ALREADY_ADMITTED
        scan = _scan(steward, challenge, signature, reason, now)
        session.add(scan)
    challenge.used_at = challenge.used_at or now
    session.flush()
    _log.info(
        "scanned", scan_id=str(scan.id), ticket_id=str(ticket.id), gate=scan.gate, result=scan.result, reason=reason
    )
    return scan


def _refusal(
    session: Session, challenge: DoorChallenge, ticket: Ticket, signature: Signature, now: datetime
) -> Reason | None:
    holding = tickets.holding_of(session, ticket.id)
    statuses = {str(ticket.status)} | ({str(holding.status)} if holding is not None else set())
    inside = select(Entry.id).where(Entry.ticket_id == ticket.id, Entry.closed_at.is_(None))
    return rules.refusal(
        rules.Asked(
            challenge.event_id, challenge.holder, challenge.epoch, challenge.expires_at, challenge.used_at is not None
        ),
        rules.Held(holding.owner, holding.epoch, holding.is_final) if holding is not None else None,
        signature.by,
        rules.Standing(ticket.event_id, frozenset(statuses), session.scalar(inside) is not None),
        _doors(catalog.get_event(session, challenge.event_id)),
        now,
    )


def _doors(event: Event) -> rules.Doors:
    return rules.Doors(event.doors_at, event.ends_at, is_cancelled=event.status == EventStatus.CANCELLED)


def _admit(
    session: Session, steward: Steward, challenge: DoorChallenge, signature: Signature, now: datetime
) -> Scan | None:
    scan = _scan(steward, challenge, signature, None, now)
    try:
        with session.begin_nested():
            session.add(scan)
            session.flush()
            session.add(
                Entry(
                    organisation_id=challenge.organisation_id,
                    ticket_id=challenge.ticket_id,
                    scan_id=scan.id,
                    opened_at=now,
                )
            )
    except IntegrityError:
        return None
    tickets.mark_used(session, challenge.ticket_id, now)
    announce(session, TicketAdmitted(challenge.ticket_id, scan.id))
    return scan


def _scan(
    steward: Steward, challenge: DoorChallenge, signature: Signature, reason: Reason | None, now: datetime
) -> Scan:
    return Scan(
        organisation_id=challenge.organisation_id,
        event_id=challenge.event_id,
        ticket_id=challenge.ticket_id,
        challenge_id=challenge.id,
        gate=challenge.gate,
        result=Result.ADMITTED if reason is None else Result.REFUSED,
        reason=reason,
        signer=signature.signer,
        steward_account_id=steward.account_id,
        client_nonce=steward.client_nonce,
        scanned_at=now,
    )
