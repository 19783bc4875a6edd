"""What the floors above may ask of tickets, and do to them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from backend.kit.db import locked
from backend.tickets import status_changes
from backend.tickets.errors import CollectionUnknown, TicketUnknown
from backend.tickets.folding import STATUS
from backend.tickets.models import Collection, Holding, Ticket, TokenMovement
from backend.tickets.rules import ON_CHAIN_STATUS, ZERO_ADDRESS
from backend.tickets.states import TicketStatus


@dataclass(frozen=True, slots=True)
class TokenHolding:
    """Who holds a ticket's token, as the index has it."""

    network: str
    collection: bytes
    token_id: int
    owner: bytes
    """20 bytes; the collection's own address while in escrow."""
    tier: int
    status: TicketStatus
    epoch: int
    is_final: bool
    """True when nothing about it can be undone any more."""


def holding_of(session: Session, ticket_id: UUID) -> TokenHolding | None:
    """Return who holds the ticket; None until the index has seen its mint."""
    row = session.scalars(_holdings().where(Ticket.id == ticket_id)).one_or_none()
    return None if row is None else view(row)


def view(row: Holding) -> TokenHolding:
    """Return a row of the index in the words of this house."""
    return TokenHolding(
        row.network,
        row.collection,
        row.token_id,
        row.owner,
        row.tier,
        ON_CHAIN_STATUS[row.status],
        row.epoch,
        row.final,
    )


def former_holders(session: Session, ticket_id: UUID) -> frozenset[bytes]:
    """Return every address that once held the ticket and does not now, escrow left out."""
    holding = holding_of(session, ticket_id)
    if holding is None:
        return frozenset()
    query = select(TokenMovement.from_owner).where(
        TokenMovement.network == holding.network,
        TokenMovement.collection == holding.collection,
        TokenMovement.token_id == holding.token_id,
        TokenMovement.kind != STATUS,
    )
    senders = frozenset(sender for sender in session.scalars(query) if sender is not None)
    return senders - {ZERO_ADDRESS, holding.collection, holding.owner}


def mark_used(session: Session, ticket_id: UUID, now: datetime) -> None:
    """Note that the ticket let its holder in: USED here at once, and on chain by the operator. Twice is once.

    Raises TicketUnknown; rules.ImpossibleStep for a void ticket, which the door has to refuse before.
    """
    ticket = locked(session, Ticket, ticket_id)
    if ticket is None:
        raise TicketUnknown
    status_changes.want(session, ticket, TicketStatus.USED, now)


def get(session: Session, ticket_id: UUID) -> Ticket:
    """Return the ticket. Raises TicketUnknown."""
    found = session.get(Ticket, ticket_id)
    if found is None:
        raise TicketUnknown
    return found


def token_of(session: Session, ticket_id: UUID) -> tuple[str, bytes, int] | None:
    """Return network, collection and token id of a ticket; None before its mint is final. Raises TicketUnknown."""
    ticket = get(session, ticket_id)
    if ticket.collection_id is None or ticket.token_id is None:
        return None
    collection = session.get_one(Collection, ticket.collection_id)
    return None if collection.address is None else (collection.network, collection.address, ticket.token_id)


def check_known(session: Session, network: str, collection: bytes) -> None:
    """Raise CollectionUnknown unless it is a collection of ours, or one whose tickets the index has seen."""
    ours = select(Collection.id).where(Collection.network == network, Collection.address == collection)
    seen = select(Holding.token_id).where(Holding.network == network, Holding.collection == collection)
    if not session.scalar(select(or_(ours.exists(), seen.exists()))):
        raise CollectionUnknown


def _holdings() -> Select[Holding]:
    return (
        select(Holding)
        .join(Collection, and_(Collection.network == Holding.network, Collection.address == Holding.collection))
        .join(Ticket, and_(Ticket.collection_id == Collection.id, Ticket.token_id == Holding.token_id))
    )
