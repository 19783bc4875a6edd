"""Selling back to the box office: a turn for the next in line, and the promoter's prices and money for it.

Who is named has paid the box office before, outside of this capability. A turn keeps its place in line for a quarter of
an hour, and until the chain can show no sale of it any more; then the next seller may have it.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.models import Account
from backend.chain import abi, unsigned
from backend.chain.models import ChainCursor
from backend.chain.port import ChainPort, Signer
from backend.chain.progress import FACTS_CURSOR
from backend.chain.unsigned import CallWouldRevert
from backend.kit.db import locked
from backend.resale import line, market, rules, signing, standing, typed_data
from backend.resale.errors import TurnOpen
from backend.resale.models import MarketOrder
from backend.resale.signing import Person
from backend.resale.states import Kind, Status
from backend.resale.subject import Subject
from backend.tickets.errors import CollectionUnknown
from backend.tickets.models import Collection, Ticket

TURN_LIFE = timedelta(minutes=15)
_RECEIVER_ERRORS = ("ReceiverNotAllowed", "ReceiverIsCollection", "ReceiverIsZero")


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
    refused: AbstractSet[bytes] = frozenset(),
) -> MarketOrder | None:
    """Write the turn for the first place that has paid and lacks a ticket; None when there is none.

    A seller has one turn in an event at a time: who asks again for the ticket gets the same, and nobody keeps the whole
    line by asking for many. Places whose wallet is in `refused` are passed over. `chain_time` is the time of the newest
    block that is final and indexed. Raises TurnOpen.
    """
    # The account before the ticket: two tickets of one seller, of whatever tiers, come one after the other.
    locked(session, Account, person.account_id)
    locked(session, Ticket, subject.ticket_id)
    for turn in _running(session, person, subject, now):
        if turn.ticket_id != subject.ticket_id:
            raise TurnOpen(turn_id=str(turn.id), ticket_id=str(turn.ticket_id), expires_at=turn.expires_at.isoformat())
        if turn.price == price and turn.epoch == subject.holding.epoch and turn.next_wallet not in refused:
            return turn
    line.lock(session, subject.tier_id)
    place = line.next_ready(session, subject.tier_id, {person.wallet, *refused}, chain_time)
    if place is None:
        return None
    until = now.replace(microsecond=0) + TURN_LIFE
    turn = signing.draft(session, Kind.TURN, person, subject, terms, price, until, now, next_wallet=place.wallet)
    turn.place_id = place.id
    session.flush()
    return turn


def _running(session: Session, person: Person, subject: Subject, now: datetime) -> Sequence[MarketOrder]:
    """Return the seller's turns in this event that it may still send, the newest first."""
    query = select(MarketOrder).where(
        MarketOrder.kind == Kind.TURN,
        MarketOrder.event_id == subject.event_id,
        MarketOrder.signer == person.wallet,
        MarketOrder.expires_at > now,
        MarketOrder.status.in_([Status.DRAFT, Status.LISTED]),
    )
    return session.scalars(query.order_by(MarketOrder.id.desc())).all()


def vouch(words: dict[str, object], key: Signer) -> bytes:
    """Return the quote key's signature; the key may live on another machine, so outside of transactions."""
    return key.sign_typed_data(words)


def signed(session: Session, turn_id: UUID, signature: bytes, now: datetime) -> MarketOrder:
    """Take the box office's signature into the turn."""
    turn = session.get_one(MarketOrder, turn_id)
    turn.signature = turn.signature or signature
    standing.look_again(session, [turn], now)
    return turn


def forget(session: Session, turn_id: UUID) -> None:
    """Give the place of a turn back at once whose signature nobody has seen. One that was handed out stays."""
    turn = locked(session, MarketOrder, turn_id)
    if turn is not None and turn.signature is None:
        session.delete(turn)
        session.flush()


def is_receivers_fault(refused: CallWouldRevert) -> bool:
    """Tell whether the collection refuses who is next in line: another may get the ticket."""
    return refused.details.get("reason") in _RECEIVER_ERRORS


def transaction(port: ChainPort, turn: MarketOrder, signature: bytes) -> dict[str, str]:
    """Return the seller's `sellBack`; tried against the chain first. Asks the network. Raises CallWouldRevert."""
    data = abi.encode_call(market.MARKET, "sellBack", [typed_data.message(turn), signature])
    return unsigned.transaction_for_wallet(port, turn.signer, turn.market, data)


def collection_of(session: Session, event_id: UUID) -> Collection:
    """Return the event's collection on chain. Raises CollectionUnknown."""
    found = session.scalars(select(Collection).where(Collection.event_id == event_id)).one_or_none()
    if found is None or found.address is None or found.live_at is None:
        raise CollectionUnknown
    return found
