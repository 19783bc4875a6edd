"""Listing a ticket again: one listing at a time, and no higher price while an older signature can still be filled.

A listing that was withdrawn here, or that the rules refuse for now, lives on at the market until it is cancelled there,
expires, or the ticket moves. Who kept its signature buys at its price. A price at or below it costs the seller nothing
that way, needs no gas, and takes the older one's place; a higher one waits.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.resale import rules, standing
from backend.resale.errors import AlreadyListed, OldListingLives
from backend.resale.models import MarketOrder
from backend.resale.states import Kind, Status

_ACTIVE = (Status.LISTED, Status.SETTLING)


def check(session: Session, order: MarketOrder, now: datetime) -> None:
    """Raise OldListingLives when an older listing of this ticket could still be bought for less."""
    for other in _alive(session, order, now):
        if standing.judge(session, other, now)[0] not in _ACTIVE and other.price < order.price:
            raise OldListingLives(
                listing_id=str(other.id),
                ticket_id=str(order.ticket_id),
                price=str(other.price),
                expires_at=other.expires_at.isoformat(),
            )


def replace(session: Session, order: MarketOrder, now: datetime) -> None:
    """Make way for a signed listing. The caller has locked the ticket. Raises AlreadyListed, OldListingLives."""
    check(session, order, now)
    for other in _alive(session, order, now):
        if standing.judge(session, other, now)[0] in _ACTIVE:
            raise AlreadyListed(listing_id=str(other.id), ticket_id=str(order.ticket_id))
        # Refused for now: were it to become good again, the ticket would be listed twice.
        other.withdrawn_at = other.withdrawn_at or now
        standing.look_again(session, [other], now)


def _alive(session: Session, order: MarketOrder, now: datetime) -> Iterator[MarketOrder]:
    """Yield the signer's other listings of the token as it is held now that the market may still fill or is filling."""
    if order.kind != Kind.LISTING:
        return
    others = session.scalars(
        select(MarketOrder)
        .where(
            MarketOrder.network == order.network,
            MarketOrder.collection == order.collection,
            MarketOrder.token_id == order.token_id,
            MarketOrder.kind == Kind.LISTING,
            MarketOrder.signer == order.signer,
            MarketOrder.epoch == order.epoch,
            MarketOrder.signature.is_not(None),
            MarketOrder.id != order.id,
        )
        .order_by(MarketOrder.id)
    )
    for other in others.all():
        # From the facts of this moment: one that expired a moment ago stands in nobody's way.
        facts = standing.facts_of(session, other)
        if rules.can_be_filled(facts, now) or facts.sold == rules.Sold.SEEN:
            yield other
