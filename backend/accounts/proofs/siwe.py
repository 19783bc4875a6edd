"""Sign-In with Ethereum (EIP-4361): the text a wallet signs, and what it must say to be ours.

The `siwe` package builds and parses the text. It does not judge it: its verification misses contract wallets, so the
fields are checked here and the signature in `verify.py`.
"""

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backend.accounts.addresses import parse_address, show_address
from backend.accounts.errors import MalformedSiwe, SignInRefused

with warnings.catch_warnings():
    # Its grammar redefines core rules on import, and abnf warns of each: noise that we cannot act on.
    warnings.simplefilter("ignore")
    from siwe import ISO8601Datetime, SiweMessage

STATEMENT = "Sign in to Backstage. This costs nothing and moves nothing."
LONGEST_MESSAGE = 4_000
CLOCK_SKEW = timedelta(seconds=60)
"""How far ahead of ours the clock of whoever wrote the message may be."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where people sign in: what a message must name to be meant for us."""

    domain: str
    uri: str
    chain_id: int
    longest: timedelta
    """How old a message may be."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a well-formed message says: this address asks to sign in with this nonce."""

    address: bytes
    nonce: str


def write(site: Site, address: bytes, nonce: str, now: datetime) -> str:
    """Return the complete text for the wallet to sign."""
    text: str = SiweMessage(
        domain=site.domain,
        address=show_address(address),
        statement=STATEMENT,
        uri=site.uri,
        version="1",
        chain_id=site.chain_id,
        nonce=nonce,
        issued_at=ISO8601Datetime.from_datetime(now),
        expiration_time=ISO8601Datetime.from_datetime(now + site.longest),
    ).prepare_message()
    return text


def read(text: str, site: Site, now: datetime) -> Claim:
    """Return what the message claims, after checking that it is meant for this site and for now.

    Domain, URI and chain id must be this site's exactly; the message is at most `site.longest` old, was not written in
    the future, has not expired and is in force. Raises MalformedSiwe, SignInRefused.
    """
    try:
        message = SiweMessage.from_message(text)
        address = parse_address(message.address)
        issued, expires = _time(message.issued_at), _time(message.expiration_time)
        not_before = _time(message.not_before)
    except ValueError as error:
        raise MalformedSiwe from error
    if issued is None:
        raise MalformedSiwe
    checks = {
        "domain": message.domain == site.domain and message.scheme in {None, site.uri.partition("://")[0]},
        "uri": message.uri == site.uri,
        "chain_id": message.chain_id == site.chain_id,
        "issued_at": now - site.longest <= issued <= now + CLOCK_SKEW,
        "expired": expires is None or now < expires,
        # Ours, if it names one: `longest` after it was issued. Another was written by somebody else.
        "expiration": expires is None or expires == issued + site.longest,
        "not_yet": not_before is None or not_before <= now,
    }
    for reason, holds in checks.items():
        if not holds:
            raise SignInRefused(reason=reason)
    return Claim(address, message.nonce)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    # RFC 3339, as the standard asks. A time without an offset is no instant.
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time in the message has no offset")
    return moment.astimezone(UTC)
