"""Sessions: a token that only its owner holds, and the row that says until when it is good."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.accounts.models import LoginSession, Wallet

_TOKEN_BYTES = 32
LONGEST_TOKEN = 128


def _hash(token: str) -> bytes:
    # A plain hash is enough: 256 random bits leave nothing to guess, so there is nothing to slow down.
    return hashlib.sha256(token.encode()).digest()


def start(session: Session, wallet: Wallet, now: datetime, hours: int) -> tuple[str, LoginSession]:
    """Open a session for the wallet's account; return its token (shown once, never stored) and its row."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = LoginSession(
        account_id=wallet.account_id,
        wallet_id=wallet.id,
        token_hash=_hash(token),
        created_at=now,
        expires_at=now + timedelta(hours=hours),
    )
    session.add(row)
    session.flush()
    return token, row


def find(session: Session, token: str, now: datetime) -> tuple[LoginSession, bytes | None] | None:
    """Return the live session of `token` with its wallet's address; None when unknown, expired or logged out."""
    query = (
        select(LoginSession, Wallet.address)
        .outerjoin(Wallet, Wallet.id == LoginSession.wallet_id)
        .where(
            LoginSession.token_hash == _hash(token),
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
        )
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def end(session: Session, session_id: UUID, now: datetime) -> None:
    """Log out: the token is refused from the next request on. Ending twice keeps the first time."""
    session.execute(
        update(LoginSession)
        .where(LoginSession.id == session_id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )
