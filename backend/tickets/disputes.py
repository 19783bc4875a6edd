"""Tickets of a disputed order: LOCKED while the bank decides, then LIVE again or VOID.

What was sold on meanwhile is its new holder's: who bought in good faith neither waits nor loses, whoever wins. The
seller has the price, and who earned the first sale the loss; the resale hold of the collection is what bounds it
(docs/decisions/0013-disputes.md).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.orders.models import Order, OrderStatus
from backend.tickets import locks, refunds, service, status_changes
from backend.tickets.models import Collection, Ticket, TokenMovement
from backend.tickets.states import TicketStatus

_SOLD = ("SALE", "BUYBACK")
_LOCKABLE = (TicketStatus.PENDING, TicketStatus.LIVE)


def lock(session: Session, order_id: UUID, now: datetime) -> None:
    """Lock the order's tickets here, at the door and on chain. Used ones are used; sold ones are another's."""
    for ticket, _ in locks.tickets(session, Ticket.order_id == order_id):
        if ticket.status in _LOCKABLE and not was_sold(session, ticket):
            status_changes.want(session, ticket, TicketStatus.LOCKED, now)


def restore(session: Session, order_id: UUID, now: datetime) -> None:
    """Unlock what the dispute had locked."""
    for ticket, _ in locks.tickets(session, Ticket.order_id == order_id):
        if ticket.status == TicketStatus.LOCKED:
            status_changes.want(session, ticket, TicketStatus.LIVE, now)


def void(session: Session, order_id: UUID, now: datetime) -> None:
    """Void the order's tickets, but unlock those sold on: their sale was quicker than the lock."""
    release_sold(session, order_id, now)
    kept = [ticket.id for ticket, _ in locks.tickets(session, Ticket.order_id == order_id) if was_sold(session, ticket)]
    refunds.void_tickets(session, order_id, now, besides=kept)


def release_sold(session: Session, order_id: UUID, now: datetime) -> None:
    """Unlock the order's tickets that were sold before the lock was on chain."""
    for ticket, _ in locks.tickets(session, Ticket.order_id == order_id, Ticket.status == TicketStatus.LOCKED):
        if was_sold(session, ticket):
            status_changes.want(session, ticket, TicketStatus.LIVE, now)


def sold_while_locked(session: Session, limit: int = 100) -> list[UUID]:
    """Return disputed orders with LOCKED tickets that were sold all the same. For the sweeper."""
    query = (
        select(Ticket.order_id)
        .join(Order, Order.id == Ticket.order_id)
        .join(Collection, Collection.id == Ticket.collection_id)
        .join(
            TokenMovement,
            (TokenMovement.network == Collection.network)
            & (TokenMovement.collection == Collection.address)
            & (TokenMovement.token_id == Ticket.token_id),
        )
        .where(
            Order.status == OrderStatus.DISPUTED,
            Ticket.status == TicketStatus.LOCKED,
            TokenMovement.kind.in_(_SOLD),
        )
    )
    return list(session.scalars(query.distinct().order_by(Ticket.order_id).limit(limit)))


def was_sold(session: Session, ticket: Ticket) -> bool:
    """Tell whether somebody paid its holder for the ticket."""
    holding = service.holding_of(session, ticket.id)
    if holding is None:
        return False
    query = select(TokenMovement.kind).where(
        TokenMovement.network == holding.network,
        TokenMovement.collection == holding.collection,
        TokenMovement.token_id == holding.token_id,
        TokenMovement.kind.in_(_SOLD),
    )
    return session.scalar(query.limit(1)) is not None
