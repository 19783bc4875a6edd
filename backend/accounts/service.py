"""Accounts and the two halves of signing in: a nonce is given, a proven message is exchanged for a session."""

import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.accounts import limits, sessions
from backend.accounts.errors import SignInRefused
from backend.accounts.models import Account, LoginSession, SiweNonce, Wallet
from backend.kit import logs

_log = logs.get(__name__)
_ALPHABET = string.ascii_letters + string.digits
_NONCE_LENGTH = 22  # 62^22 is above 2^130: nothing to guess; EIP-4361 wants at least 8
_KEPT = timedelta(days=7)


def account_for_wallet(session: Session, address: bytes, now: datetime) -> Account:
    """Return the account of the wallet; its first time here makes one."""
    return session.get_one(Account, wallet_for(session, address, now).account_id)


def wallet_for(session: Session, address: bytes, now: datetime) -> Wallet:
    """Return the wallet's row; its first time here makes it and an account. Two at once make one."""
    query = select(Wallet).where(Wallet.address == address)
    wallet = session.scalars(query).one_or_none()
    if wallet is not None:
        return wallet
    try:
        with session.begin_nested():
            account = Account(created_at=now)
            session.add(account)
            session.flush()
            wallet = Wallet(account_id=account.id, address=address, created_at=now)
            session.add(wallet)
    except IntegrityError:
        # Somebody else's transaction made it a moment before ours; the savepoint took our account back.
        return session.scalars(query).one()
    return wallet


def find_wallet(session: Session, address: bytes) -> Wallet | None:
    """Return the wallet's row if its owner has ever been here."""
    return session.scalars(select(Wallet).where(Wallet.address == address)).one_or_none()


def give_nonce(session: Session, address: bytes, now: datetime, minutes: int, client: bytes | None = None) -> SiweNonce:
    """Write down a fresh nonce that only `address` may use, once, within `minutes`.

    `client` is the hash of where the request came from; with it the request is counted. Raises TooMany.
    """
    if client is not None:
        limits.check_nonces(session, address, client, now)
    row = SiweNonce(
        nonce="".join(secrets.choice(_ALPHABET) for _ in range(_NONCE_LENGTH)),
        address=address,
        client=client,
        created_at=now,
        expires_at=now + timedelta(minutes=minutes),
    )
    session.add(row)
    session.flush()
    return row


def check_nonce(session: Session, address: bytes, nonce: str, now: datetime) -> None:
    """Refuse early what `sign_in` would refuse, before the network is asked about a signature.

    Spends nothing: a stranger with a bad signature must not be able to burn somebody's nonce. Raises SignInRefused.
    """
    row = session.scalars(select(SiweNonce).where(SiweNonce.nonce == nonce)).one_or_none()
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise SignInRefused(reason="nonce")
    if row.address != address:
        raise SignInRefused(reason="address")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session; the token is nowhere else."""

    token: str
    login: LoginSession
    wallet: Wallet


def sign_in(session: Session, address: bytes, nonce: str, now: datetime, hours: int) -> SignedIn:
    """Spend the nonce and open a session, for an address whose signature has been proved. Raises SignInRefused."""
    # One statement decides: of two at once, the second waits for the row, finds `used_at` set, and gets nothing.
    spent = session.scalars(
        update(SiweNonce)
        .where(
            SiweNonce.nonce == nonce,
            SiweNonce.address == address,
            SiweNonce.used_at.is_(None),
            SiweNonce.expires_at > now,
        )
        .values(used_at=now)
        .returning(SiweNonce.id)
    ).one_or_none()
    if spent is None:
        raise SignInRefused(reason="nonce")
    wallet = wallet_for(session, address, now)
    token, login = sessions.start(session, wallet, now, hours)
    _log.info("signed_in", account_id=str(wallet.account_id), session_id=str(login.id))
    return SignedIn(token, login, wallet)


def forget_expired(session: Session, now: datetime) -> int:
    """Delete nonces and sessions that ended more than a week ago; return how many rows went."""
    old = now - _KEPT
    nonces = session.execute(delete(SiweNonce).where(SiweNonce.expires_at < old).returning(SiweNonce.id)).all()
    ended = session.execute(
        delete(LoginSession)
        .where(or_(LoginSession.expires_at < old, LoginSession.revoked_at < old))
        .returning(LoginSession.id)
    ).all()
    return len(nonces) + len(ended)
