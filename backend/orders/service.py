"""What the floors above may ask of orders."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.kit import logs
from backend.kit.db import forget
from backend.kit.notices import announce
from backend.orders import rules
from backend.orders.errors import OrderUnknown
from backend.orders.models import Order, OrderStatus
from backend.orders.notices import OrderFulfilled
from backend.orders.refund import refund
from backend.orders.seats import give_back as give_seats_back
from backend.orders.seats import lock

__all__ = ["fulfilled", "get", "give_seats_back", "lock", "lock_ids", "refund"]

_log = logs.get(__name__)


def get(session: Session, order_id: UUID) -> Order:
    """Return the order. Raises OrderUnknown."""
    order = session.get(Order, order_id)
    if order is None:
        raise OrderUnknown
    return order


def lock_ids(session: Session, order_ids: Iterable[UUID]) -> list[UUID]:
    """Lock these orders in the order of their ids without loading them. Unknown ids are left out."""
    wanted = select(Order.id).where(Order.id.in_(set(order_ids))).order_by(Order.id)
    return list(session.scalars(wanted.with_for_update(key_share=True)))


def fulfilled(session: Session, order_ids: Iterable[UUID], now: datetime) -> None:
    """Every ticket of these orders is final on chain. Said twice, or while a refund is under way, it changes nothing.

    Raises OrderUnknown.
    """
    wanted = set(order_ids)
    if set(lock_ids(session, wanted)) != wanted:
        raise OrderUnknown
    session.flush()
    moved = session.scalars(
        update(Order)
        .where(Order.id.in_(wanted), Order.status == OrderStatus.PAID)
        .values(status=rules.step(OrderStatus.PAID, OrderStatus.FULFILLED), changed_at=now)
        .returning(Order.id)
        .execution_options(synchronize_session=False)
    ).all()
    # What a dispute holds is fulfilled all the same, once it is won.
    session.execute(
        update(Order)
        .where(Order.id.in_(wanted), Order.status == OrderStatus.DISPUTED, Order.former_status == OrderStatus.PAID)
        .values(former_status=OrderStatus.FULFILLED),
        execution_options={"synchronize_session": False},
    )
    forget(session, Order)
    for order_id in sorted(wanted.difference(moved)):
        _log.info("fulfilled_in_passing", order_id=str(order_id))
    for order_id in sorted(moved):
        announce(session, OrderFulfilled(order_id))
