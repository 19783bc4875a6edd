"""Whether the keys that mint are here and can pay for what is sold, each for its own events.

New sales stop first, and no mint. They are looked at by the beat: what is sold between two looks is what the reserve of
settings.sales_reserve_tickets is for.
What a sale promises is counted from the moment of the checkout: seats on hold cost gas too once they are paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.catalog.models import Event, Tier
from backend.chain import networks, registry
from backend.chain.keyring import Keyring
from backend.chain.networks import UnknownNetwork
from backend.chain.port import ChainPort, SignerMissing
from backend.kit import clock, logs
from backend.kit.db import unit_of_work
from backend.kit.errors import Unavailable
from backend.settings import get_settings
from backend.tickets import rules
from backend.tickets.models import Collection, MinterFunds, MintJob
from backend.tickets.states import CollectionStatus, JobStatus

MINTER = "minter"
NOBODY = bytes(20)
"""The minter of a collection that was rotated to none."""

LOW = "minter_balance_low"
NO_MINTER = "no_minter"
"""The role is nobody's: it was taken from a key, and given to none yet."""
KEY_MISSING = "minter_key_missing"
"""The role is a key's that this house does not have."""
_RESUMES_AT = 1.5
"""How many reserves it takes to go on again after a stop."""

_OWED = (JobStatus.QUEUED, JobStatus.BATCHED)
_log = logs.get(__name__)


def check() -> None:
    """Look at every minter of a collection, and those for the next; stop sales or let them go on. A door.

    Raises ChainUnreachable: what was written at the last look stays.
    """
    with unit_of_work() as session:
        live = select(Collection.network, Collection.minter).where(
            Collection.status == CollectionStatus.LIVE, Collection.minter.is_not(None)
        )
        minters: dict[str, set[bytes]] = {}
        for network, key in session.execute(live.distinct()):
            minters.setdefault(network, set()).add(bytes(key or b""))
    for network, at_work in sorted(minters.items()):
        try:
            port = registry.port(network)
        except UnknownNetwork:
            # A network we served once: nothing is minted there any more.
            continue
        keyring = registry.keyring(network, MINTER)
        found = at_work | {key.address for key in keyring.all()}
        price = min(port.fees().max_fee, networks.network(network).fee_ceiling)
        looks = [_look(port, keyring, address) for address in sorted(found)]
        for look in looks:
            with unit_of_work() as session:
                seen(session, network, look, price, clock.now())
        with unit_of_work() as session:
            gone = delete(MinterFunds).where(MinterFunds.network == network, MinterFunds.address.not_in(found))
            session.execute(gone)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a minter showed; `is_here`: we have its key, or None while a key service does not say."""

    address: bytes
    balance: int
    is_here: bool | None = True


def _look(port: ChainPort, keyring: Keyring, address: bytes) -> Look:
    if address == NOBODY:
        return Look(address, 0, is_here=False)
    return Look(address, port.balance(address), _is_here(keyring, address))


def _is_here(keyring: Keyring, address: bytes) -> bool | None:
    try:
        keyring.find(address)
    except SignerMissing:
        return False
    except Unavailable as away:
        _log.warning("minter_key_unclear", minter="0x" + address.hex(), answer=away.code)
        return None
    return True


def seen(session: Session, network: str, look: Look, price: int, now: datetime) -> str | None:
    """Write down what a minter holds and needs at `price` wei a unit of gas, and tell its events.

    Returns why their sales stop; None: they do not.
    """
    settings = get_settings()
    address, balance = look.address, look.balance
    funds = _locked(session, network, address, now)
    told = reason(session, funds)
    owed, reserve = owed_tickets(session, network, address), settings.sales_reserve_tickets
    payer = 0 if address == NOBODY else price
    funds.owed_tickets, funds.balance, funds.checked_at = owed, balance, now
    funds.needed = cost(owed + reserve, payer, settings.batch_size)
    funds.resumes_at = cost(owed + int(reserve * _RESUMES_AT), payer, settings.batch_size)
    is_low = balance < (funds.resumes_at if told == LOW else funds.needed)
    why = _absence(look, told) or (LOW if is_low else None)
    if why != told:
        funds.suspended_since = None if why is None else funds.suspended_since or now
        log = _log.info if why is None else _log.error
        shown = {"network": network, "minter": "0x" + address.hex(), "balance": balance, "needed": funds.needed}
        log("sales_resumed" if why is None else "sales_suspended", reason=why, **shown)
    session.flush()
    # Told at each look: an event whose collection came to life meanwhile hears it too.
    catalog.suspend_sales(session, _events(session, network, address), why)
    return why


def reason(session: Session, funds: MinterFunds) -> str | None:
    """Return why a minter keeps sales stopped, as its events were told; None: it does not."""
    if funds.suspended_since is None:
        return None
    if funds.address == NOBODY:
        return NO_MINTER
    query = select(Event.sales_suspended_reason).where(
        Event.id.in_(_events(session, funds.network, funds.address)), Event.sales_suspended_reason == KEY_MISSING
    )
    return session.scalars(query.limit(1)).first() or LOW


def _absence(look: Look, told: str | None) -> str | None:
    """Say why nobody could sign, whatever the balance; while that is unclear, what was said before."""
    if look.address == NOBODY:
        return NO_MINTER
    if look.is_here is None:
        return told if told == KEY_MISSING else None
    return None if look.is_here else KEY_MISSING


def cost(tickets: int, price: int, batch_size: int) -> int:
    """Return the wei it takes to mint so many tickets at `price` wei a unit of gas, the last batch not full."""
    full, rest = divmod(tickets, batch_size)
    return price * (full * rules.mint_gas(batch_size) + (rules.mint_gas(rest) if rest else 0))


def owed_tickets(session: Session, network: str, minter: bytes) -> int:
    """Count what is sold and not minted of the minter's collections, and what checkouts may still turn into sales."""
    here = (Collection.network == network, Collection.minter == minter, Collection.status == CollectionStatus.LIVE)
    queued = (
        select(func.count())
        .select_from(MintJob)
        .join(Collection, Collection.id == MintJob.collection_id)
        .where(MintJob.status.in_(_OWED), *here)
    )
    held = select(func.coalesce(func.sum(Tier.held), 0)).join(Collection, Collection.event_id == Tier.event_id)
    return (session.scalar(queued) or 0) + int(session.scalar(held.where(*here)) or 0)


def _locked(session: Session, network: str, address: bytes, now: datetime) -> MinterFunds:
    empty = {"balance": 0, "needed": 0, "resumes_at": 0, "owed_tickets": 0, "checked_at": now}
    statement = insert(MinterFunds).values(network=network, address=address, **empty)
    session.execute(statement.on_conflict_do_nothing(index_elements=["network", "address"]))
    query = select(MinterFunds).where(MinterFunds.network == network, MinterFunds.address == address)
    return session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)).one()


def _events(session: Session, network: str, minter: bytes) -> Sequence[UUID]:
    here = (Collection.network == network, Collection.minter == minter, Collection.status == CollectionStatus.LIVE)
    return list(session.scalars(select(Collection.event_id).where(*here)))
