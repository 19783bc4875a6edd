"""How often a sign-in nonce is given out: a brake on floods, counted in Postgres over the last minute.

The nonces' own rows are counted, so there is nothing else to keep, to expire or to be down. Requests that are refused
are not counted: whoever waits as told gets through. Two at the very same moment may both be the last one.
"""

import hashlib
import hmac
import math
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.accounts.models import SiweNonce
from backend.kit import logs
from backend.kit.errors import TooMany

WINDOW = timedelta(minutes=1)
PER_ADDRESS = 20
"""Nonces for one wallet in a minute. Anybody can ask for anybody's, so this must not lock an owner out for long."""
PER_CLIENT = 300
"""Nonces from one network address in a minute: a whole hall of people may stand behind one."""
_log = logs.get(__name__)


def client_of(host: str | None, secret_key: str) -> bytes:
    """Return the keyed hash that stands for a client's network address."""
    return hmac.new(secret_key.encode(), f"nonce-client:{host or 'unknown'}".encode(), hashlib.sha256).digest()


def check_nonces(session: Session, address: bytes, client: bytes, now: datetime) -> None:
    """Raise TooMany, with the seconds to wait, when the wallet or the client had its share in the last minute."""
    _check(session, "address", SiweNonce.address, address, PER_ADDRESS, now)
    _check(session, "client", SiweNonce.client, client, PER_CLIENT, now)


def _check(
    session: Session,
    name: str,
    column: InstrumentedAttribute[bytes] | InstrumentedAttribute[bytes | None],
    value: bytes,
    most: int,
    now: datetime,
) -> None:
    recent = select(func.count(), func.min(SiweNonce.created_at)).where(
        column == value, SiweNonce.created_at > now - WINDOW
    )
    count, oldest = session.execute(recent).one()
    if count >= most:
        _log.warning("nonces_limited", by=name, count=count)
        raise TooMany(retry_after_seconds=max(1, math.ceil((oldest + WINDOW - now).total_seconds())))
