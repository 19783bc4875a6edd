"""Whether the keys that mint can pay for what is sold, each for its own events. New sales stop first, and no mint.

What a sale promises is counted from the moment of the checkout: seats on hold cost gas too once they are paid.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.catalog.models import Tier
from backend.chain import networks, registry
from backend.chain.networks import UnknownNetwork
from backend.kit import clock, logs
from backend.kit.db import unit_of_work
from backend.settings import get_settings
from backend.tickets import rules
from backend.tickets.models import Collection, MinterFunds, MintJob
from backend.tickets.states import CollectionStatus, JobStatus

MINTER = "minter"
NOBODY = bytes(20)
"""The minter of a collection that was rotated to none."""

LOW = "minter_balance_low"
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
            Collection.status == CollectionStatus.LIVE, Collection.minter.is_not(None), Collection.minter != NOBODY
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
        found = at_work | {key.address for key in registry.keyring(network, MINTER).all()}
        price = min(port.fees().max_fee, networks.network(network).fee_ceiling)
        balances = {address: port.balance(address) for address in sorted(found)}
        for address, balance in balances.items():
            with unit_of_work() as session:
                seen(session, network, address, balance, price, clock.now())
        with unit_of_work() as session:
            gone = delete(MinterFunds).where(MinterFunds.network == network, MinterFunds.address.not_in(found))
            session.execute(gone)


def seen(session: Session, network: str, address: bytes, balance: int, price: int, now: datetime) -> bool:
    """Write down what a minter holds and needs at `price` wei a unit of gas, and tell its events; True: sales stop."""
    settings = get_settings()
    funds = _locked(session, network, address, now)
    owed, reserve = owed_tickets(session, network, address), settings.sales_reserve_tickets
    funds.owed_tickets, funds.balance, funds.checked_at = owed, balance, now
    funds.needed = cost(owed + reserve, price, settings.batch_size)
    funds.resumes_at = cost(owed + int(reserve * _RESUMES_AT), price, settings.batch_size)
    enough = funds.needed if funds.suspended_since is None else funds.resumes_at
    is_low = balance < enough
    if is_low != (funds.suspended_since is not None):
        funds.suspended_since = now if is_low else None
        log = _log.error if is_low else _log.info
        shown = {"network": network, "minter": "0x" + address.hex(), "balance": balance, "needed": funds.needed}
        log("sales_suspended" if is_low else "sales_resumed", **shown)
    session.flush()
    # Told at each look: an event whose collection came to life meanwhile hears it too.
    catalog.suspend_sales(session, _events(session, network, address), LOW if is_low else None)
    return is_low


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
