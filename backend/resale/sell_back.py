"""Selling back to the box office: a turn for the next in line, and the promoter's prices and money for it.

Who is named has paid the box office before, outside of this capability. A turn keeps its place in line for a quarter of
an hour, and until the chain can show no sale of it any more; then the next seller may have it.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain import abi, unsigned
from backend.chain.models import ChainCursor
from backend.chain.port import ChainPort, Signer
from backend.chain.progress import FACTS_CURSOR
from backend.kit.db import locked
from backend.resale import line, market, rules, signing, standing, typed_data
from backend.resale.models import MarketOrder
from backend.resale.signing import Person
from backend.resale.states import Kind, Status
from backend.resale.subject import Subject
from backend.tickets.errors import CollectionUnknown
from backend.tickets.models import Collection, Ticket

TURN_LIFE = timedelta(minutes=15)


def final_block(session: Session, network: str) -> int | None:
    """Return the newest block that is final and indexed; None before the first."""
    query = select(ChainCursor.finalized_number, ChainCursor.block_number)
    row = session.execute(query.where(ChainCursor.network == network, ChainCursor.name == FACTS_CURSOR)).one_or_none()
    # During a rebuild the facts are behind the checkpoint.
    return None if row is None else min(row.finalized_number, row.block_number)


def give_turn(
    session: Session,
    person: Person,
    subject: Subject,
    terms: rules.Terms,
    price: int,
    chain_time: datetime | None,
    now: datetime,
) -> MarketOrder | None:
    """Write the turn for the first place that has paid and lacks a ticket; None when there is none.

    A ticket has one turn at a time: who asks again gets the same, and cannot keep the whole line. `chain_time` is the
    time of the newest block that is final and indexed.
    """
    locked(session, Ticket, subject.ticket_id)
    running = _running(session, person, subject, price, now)
    if running is not None:
        return running
    line.lock(session, subject.tier_id)
    place = line.next_ready(session, subject.tier_id, person.wallet, chain_time)
    if place is None:
        return None
    until = now.replace(microsecond=0) + TURN_LIFE
    turn = signing.draft(session, Kind.TURN, person, subject, terms, price, until, now, next_wallet=place.wallet)
    turn.place_id = place.id
    session.flush()
    return turn


def _running(session: Session, person: Person, subject: Subject, price: int, now: datetime) -> MarketOrder | None:
    query = select(MarketOrder).where(
        MarketOrder.kind == Kind.TURN,
        MarketOrder.ticket_id == subject.ticket_id,
        MarketOrder.signer == person.wallet,
        MarketOrder.epoch == subject.holding.epoch,
        MarketOrder.price == price,
        MarketOrder.expires_at > now,
        MarketOrder.status.in_([Status.DRAFT, Status.LISTED]),
    )
    return session.scalars(query.order_by(MarketOrder.id.desc()).limit(1)).one_or_none()


def vouch(words: dict[str, object], key: Signer) -> bytes:
    """Return the quote key's signature; the key may live on another machine, so outside of transactions."""
    return key.sign_typed_data(words)


def signed(session: Session, turn_id: UUID, signature: bytes, now: datetime) -> MarketOrder:
    """Take the box office's signature into the turn."""
    turn = session.get_one(MarketOrder, turn_id)
    turn.signature = signature
    standing.look_again(session, [turn], now)
    return turn


def transaction(port: ChainPort, turn: MarketOrder) -> dict[str, str]:
    """Return the seller's `sellBack`; tried against the chain first. Asks the network."""
    data = abi.encode_call(market.MARKET, "sellBack", [typed_data.message(turn), turn.signature])
    return unsigned.transaction_for_wallet(port, turn.signer, turn.market, data)


def collection_of(session: Session, event_id: UUID) -> Collection:
    """Return the event's collection on chain. Raises CollectionUnknown."""
    found = session.scalars(select(Collection).where(Collection.event_id == event_id)).one_or_none()
    if found is None or found.address is None or found.live_at is None:
        raise CollectionUnknown
    return found
