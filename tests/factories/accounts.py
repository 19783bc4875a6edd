"""People, their wallets and what they may do."""

from datetime import UTC, datetime
from itertools import count

from eth_account import Account as Key
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.signers.local import LocalAccount
from sqlalchemy.orm import Session

from backend.accounts import grants, service, sessions
from backend.accounts.models import Account, Organisation, Role, RoleGrant

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
_numbers = count(1)


def make_key(number: int | None = None) -> LocalAccount:
    """Return a private key that nobody else in the run has, or always the same for one number."""
    return Key.from_key((0xBAC << 64 | (number or next(_numbers) << 32)).to_bytes(32))


def address_of(key: LocalAccount) -> bytes:
    """Return the key's address as 20 bytes."""
    return bytes.fromhex(key.address[2:])


def sign(key: LocalAccount, message: str) -> bytes:
    """Sign a message as a wallet does (personal_sign)."""
    return bytes(key.sign_message(encode_defunct(text=message)).signature)


def sign_typed_data(key: LocalAccount, typed_data: dict) -> bytes:
    """Sign typed data as a wallet does (eth_signTypedData_v4)."""
    return bytes(key.sign_message(encode_typed_data(full_message=typed_data)).signature)


def make_account(session: Session, address: bytes | None = None, now: datetime = NOON) -> Account:
    """Return the account of a wallet, a new one unless `address` is given."""
    return service.account_for_wallet(session, address or address_of(make_key()), now)


def make_organisation(session: Session, name: str = "Night Owl Concerts AB", now: datetime = NOON) -> Organisation:
    """Return a new organisation."""
    organisation = Organisation(name=name, created_at=now)
    session.add(organisation)
    session.flush()
    return organisation


def grant(session: Session, address: bytes, role: Role, organisation_id=None, event_id=None) -> RoleGrant:
    """Give a role without asking who gives it."""
    return grants.grant(session, address, role, None, NOON, organisation_id=organisation_id, event_id=event_id)


def signed_in(session: Session, address: bytes | None = None, now: datetime = NOON, hours: int = 12) -> dict[str, str]:
    """Return the headers of a signed-in wallet, a new one unless `address` is given."""
    wallet = service.wallet_for(session, address or address_of(make_key()), now)
    token, _ = sessions.start(session, wallet, now, hours)
    return {"Authorization": f"Bearer {token}"}


def as_admin(session: Session) -> dict[str, str]:
    """Return the headers of a new admin."""
    address = address_of(make_key())
    grant(session, address, Role.ADMIN)
    return signed_in(session, address)


def as_promoter(session: Session, organisation_id) -> dict[str, str]:
    """Return the headers of a new promoter of the organisation."""
    address = address_of(make_key())
    grant(session, address, Role.PROMOTER, organisation_id)
    return signed_in(session, address)


def as_steward(session: Session, organisation_id, event_id) -> dict[str, str]:
    """Return the headers of a new steward of the event."""
    address = address_of(make_key())
    grant(session, address, Role.STEWARD, organisation_id, event_id)
    return signed_in(session, address)
