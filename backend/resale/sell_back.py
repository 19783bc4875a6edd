"""Selling back to the box office: a turn for the next in line, and the promoter's prices and money for it.

Who waits has paid the box office before, outside of this capability. A turn keeps the first free place of the line for
a quarter of an hour; then the next seller may have it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.catalog.models import Tier
from backend.chain import abi, unsigned
from backend.chain.port import ChainPort, Signer
from backend.kit.db import locked
from backend.kit.ids import new_id
from backend.resale import market, rules, signing, standing, typed_data
from backend.resale.errors import AlreadyInLine, NobodyInLine, PlaceUnknown
from backend.resale.models import LinePlace, MarketOrder
from backend.resale.signing import Person
from backend.resale.states import Kind, Status
from backend.resale.subject import Subject
from backend.tickets.errors import CollectionUnknown
from backend.tickets.models import Collection, Ticket

TURN_LIFE = timedelta(minutes=15)


def join(session: Session, tier: Tier, wallet: bytes, now: datetime) -> LinePlace:
    """Put a wallet at the end of a tier's line. Raises AlreadyInLine."""
    place_id = session.scalar(
        insert(LinePlace)
        .values(
            id=new_id(),
            organisation_id=tier.organisation_id,
            event_id=tier.event_id,
            tier_id=tier.id,
            wallet=wallet,
            joined_at=now,
        )
        .on_conflict_do_nothing()
        .returning(LinePlace.id)
    )
    if place_id is None:
        raise AlreadyInLine
    return session.get_one(LinePlace, place_id)


def leave(session: Session, event_id: UUID, place_id: UUID, now: datetime) -> None:
    """Take a waiting wallet out of the line. Raises PlaceUnknown."""
    place = locked(session, LinePlace, place_id)
    if place is None or place.event_id != event_id or place.served_at or place.left_at:
        raise PlaceUnknown
    place.left_at = now


def give_turn(
    session: Session, person: Person, subject: Subject, terms: rules.Terms, price: int, now: datetime
) -> MarketOrder:
    """Write the turn for the first free place of the line and keep the place. Raises NobodyInLine.

    A ticket has one turn at a time: who asks again gets the same, and cannot keep the whole line.
    """
    locked(session, Ticket, subject.ticket_id)
    running = _running(session, person, subject, price, now)
    if running is not None:
        return running
    taken = select(MarketOrder.id).where(
        MarketOrder.id == LinePlace.turn_id,
        or_(MarketOrder.expires_at >= now, MarketOrder.status == Status.SETTLING),
        MarketOrder.status.in_([Status.DRAFT, Status.LISTED, Status.SETTLING]),
    )
    query = (
        select(LinePlace)
        .where(
            LinePlace.tier_id == subject.tier_id,
            LinePlace.served_at.is_(None),
            LinePlace.left_at.is_(None),
            LinePlace.wallet != person.wallet,
            ~taken.exists(),
        )
        .order_by(LinePlace.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    place = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if place is None:
        raise NobodyInLine
    until = now.replace(microsecond=0) + TURN_LIFE
    turn = signing.draft(session, Kind.TURN, person, subject, terms, price, until, now, next_wallet=place.wallet)
    place.turn_id = turn.id
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


def served(session: Session, turns: Sequence[MarketOrder], now: datetime) -> None:
    """Close the places whose turns are settled for good."""
    for place in session.scalars(
        select(LinePlace).where(LinePlace.turn_id.in_([turn.id for turn in turns])).with_for_update()
    ):
        place.served_at = place.served_at or now


def collection_of(session: Session, event_id: UUID) -> Collection:
    """Return the event's collection on chain. Raises CollectionUnknown."""
    found = session.scalars(select(Collection).where(Collection.event_id == event_id)).one_or_none()
    if found is None or found.address is None or found.live_at is None:
        raise CollectionUnknown
    return found
