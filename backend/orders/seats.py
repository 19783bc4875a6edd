"""Seats of orders that came to nothing, back on sale."""

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.kit import logs
from backend.orders.models import Order, OrderStatus, Seats

_log = logs.get(__name__)


def lock(session: Session, order_ids: Iterable[UUID]) -> list[Order]:
    """Lock these orders in the order of their ids, until the transaction ends. Unknown ids are left out."""
    query = select(Order).where(Order.id.in_(set(order_ids))).order_by(Order.id).with_for_update(key_share=True)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def release(session: Session, order: Order) -> None:
    """Free the seats that the locked order holds. Twice is once; what it has sold is not its own to free."""
    if order.seats == Seats.HELD:
        order.seats = Seats.NONE
        for line in order.lines:
            catalog.release(session, line.tier_id, line.quantity)


def give_back(session: Session, order_ids: Iterable[UUID], given_up: Mapping[UUID, int]) -> None:
    """Free the seats of those orders whose money has gone back: REFUNDED, or DISPUTE_LOST.

    `given_up` says for each order line of how many of its units no ticket can ever exist. A line remembers how many
    of its seats went back: telling it again, or a refund that a bank returns and that is made anew, frees none twice.
    """
    back = Counter[UUID]()
    for order in lock(session, order_ids):
        if order.status not in {OrderStatus.REFUNDED, OrderStatus.DISPUTE_LOST}:
            continue
        for line in order.lines:
            more = given_up.get(line.id, 0) - line.returned
            if more > 0:
                line.returned += more
                back[line.tier_id] += more
                _log.info("seats_returned", order_id=str(order.id), tier_id=str(line.tier_id), seats=more)
    for tier in catalog.lock_tiers(session, list(back)):
        catalog.take_back(session, tier.id, back[tier.id])
