"""Claim codes: who has one may choose the wallet an escrowed ticket goes to.

80 random bits in Crockford's base32, shown once; only a keyed hash is kept. A new code for a ticket ends the older one.
Wrong codes are counted by client, in Postgres, so that no process forgets.
"""

import hashlib
import hmac
import math
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from backend.settings import Settings
from backend.tickets import service
from backend.tickets.errors import ClaimCodeInvalid, ClaimUnderWay, NotEscrowed, TooManyAttempts
from backend.tickets.models import Claim, ClaimAttempt, ClaimCode, Ticket
from backend.tickets.states import ClaimStatus, Custody, TicketStatus

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 16
_GROUP = 4
_FORM = re.compile(f"[{_ALPHABET}]{{{_LENGTH}}}")
_LOOKS_LIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})
_WINDOW = timedelta(minutes=10)
MOST_WRONG = 10
"""Wrong codes from one client in ten minutes; then it has to wait."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh code. `code` exists nowhere else."""

    code: str
    expires_at: datetime


def issue(session: Session, ticket: Ticket, now: datetime, settings: Settings) -> Issued:
    """Make a code for an escrowed ticket and end the older one. Raises NotEscrowed, ClaimUnderWay."""
    locked = session.get_one(Ticket, ticket.id, with_for_update={"key_share": True}, populate_existing=True)
    holding = service.holding_of(session, locked.id)
    if locked.custody != Custody.ESCROW or locked.status != TicketStatus.LIVE or holding is None:
        raise NotEscrowed
    if holding.owner != holding.collection:
        raise NotEscrowed
    if open_claim(session, locked.id) is not None:
        raise ClaimUnderWay
    session.execute(
        update(ClaimCode).where(ClaimCode.ticket_id == locked.id, ClaimCode.revoked_at.is_(None)).values(revoked_at=now)
    )
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    expires_at = now + timedelta(days=settings.claim_code_days)
    session.add(
        ClaimCode(
            organisation_id=locked.organisation_id,
            ticket_id=locked.id,
            code_hash=hash_of(code, settings),
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    shown = "-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))
    return Issued(shown, expires_at)


def find(session: Session, code: str, now: datetime, settings: Settings) -> ClaimCode:
    """Return the usable code's row. Raises ClaimCodeInvalid, the same for every reason: it tells a guesser nothing."""
    query = select(ClaimCode).where(ClaimCode.code_hash == hash_of(code, settings), *_usable(now))
    found = session.scalars(query).one_or_none()
    if found is None:
        raise ClaimCodeInvalid
    return found


def consume(session: Session, claim_code_id: UUID, now: datetime) -> bool:
    """Use the code up; one statement decides, so of two that come at once one is told False."""
    statement = (
        update(ClaimCode)
        .where(ClaimCode.id == claim_code_id, *_usable(now))
        .values(used_at=now)
        .returning(ClaimCode.id)
        .execution_options(synchronize_session="fetch")
    )
    return session.scalar(statement) is not None


def give_back(session: Session, claim_code_id: UUID) -> None:
    """Let the code be used again after its claim failed, unless a newer one has replaced it."""
    session.execute(update(ClaimCode).where(ClaimCode.id == claim_code_id).values(used_at=None))


def open_claim(session: Session, ticket_id: UUID) -> Claim | None:
    """Return the claim of the ticket that is under way."""
    under_way = [ClaimStatus.PENDING, ClaimStatus.SENT]
    return session.scalars(select(Claim).where(Claim.ticket_id == ticket_id, Claim.status.in_(under_way))).one_or_none()


def hash_of(code: str, settings: Settings) -> bytes:
    """Return the keyed hash of a code as a person typed it: case, dashes and look-alike letters do not matter."""
    plain = re.sub(r"[\s-]", "", code).upper().translate(_LOOKS_LIKE)
    if not _FORM.fullmatch(plain):
        raise ClaimCodeInvalid
    return _keyed(settings, "claim-code", plain)


def client_of(address: str | None, settings: Settings) -> bytes:
    """Return the keyed hash that stands for a client's address."""
    return _keyed(settings, "claim-client", address or "unknown")


def check_rate(session: Session, client: bytes, now: datetime) -> None:
    """Raise TooManyAttempts when the client has tried too many wrong codes."""
    recent = select(func.count(), func.min(ClaimAttempt.at)).where(
        ClaimAttempt.client == client, ClaimAttempt.at > now - _WINDOW
    )
    count, oldest = session.execute(recent).one()
    if count >= MOST_WRONG:
        raise TooManyAttempts(retry_after_seconds=max(1, math.ceil((oldest + _WINDOW - now).total_seconds())))


def count_wrong(session: Session, client: bytes, now: datetime) -> None:
    """Remember a wrong code."""
    session.add(ClaimAttempt(client=client, at=now))


def forget_attempts(session: Session, now: datetime) -> None:
    """Delete attempts that count no more."""
    session.execute(delete(ClaimAttempt).where(ClaimAttempt.at < now - _WINDOW))


def _usable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        ClaimCode.used_at.is_(None),
        ClaimCode.revoked_at.is_(None),
        ClaimCode.expires_at > now,
    )


def _keyed(settings: Settings, purpose: str, value: str) -> bytes:
    return hmac.new(settings.secret_key.encode(), f"{purpose}:{value}".encode(), hashlib.sha256).digest()
