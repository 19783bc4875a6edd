"""What the floors above may ask of orders."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from backend.kit import logs
from backend.kit.db import locked
from backend.kit.notices import announce
from backend.orders import rules
from backend.orders.errors import OrderUnknown
from backend.orders.models import Order, OrderStatus
from backend.orders.notices import OrderFulfilled
from backend.orders.refund import refund
from backend.orders.seats import give_back as give_seats_back
from backend.orders.seats import lock

__all__ = ["fulfilled", "get", "give_seats_back", "lock", "refund"]

_log = logs.get(__name__)


def get(session: Session, order_id: UUID) -> Order:
    """Return the order. Raises OrderUnknown."""
    order = session.get(Order, order_id)
    if order is None:
        raise OrderUnknown
    return order


def fulfilled(session: Session, order_id: UUID, now: datetime) -> None:
    """Every ticket of the order is final on chain. Saying so twice, or while a refund is under way, changes nothing."""
    order = locked(session, Order, order_id)
    if order is None:
        raise OrderUnknown
    if order.status == OrderStatus.DISPUTED and order.former_status == OrderStatus.PAID:
        order.former_status = OrderStatus.FULFILLED
    if order.status != OrderStatus.PAID:
        _log.info("fulfilled_in_passing", order_id=str(order_id), status=order.status)
        return
    order.status = rules.step(order.status, OrderStatus.FULFILLED)
    order.changed_at = now
    session.flush()
    announce(session, OrderFulfilled(order.id))
