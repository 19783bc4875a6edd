"""Orders in figures: how many stand where, and since when the oldest waits there."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.kit import clock
from backend.kit.gauges import Reading, gauge
from backend.orders.models import Order, OrderStatus

_WAITING = (
    OrderStatus.AWAITING_PAYMENT,
    OrderStatus.PAID,
    OrderStatus.PAID_LATE,
    OrderStatus.REFUNDING,
    OrderStatus.DISPUTED,
    OrderStatus.STUCK,
)


@gauge("orders", "Orders by status", labels=("status",))
def by_status(session: Session) -> Reading:
    """Count the orders of each status, zero included."""
    counted = session.execute(select(Order.status, func.count()).group_by(Order.status))
    figures: Reading = {(status.value,): 0.0 for status in OrderStatus}
    figures.update({(status,): float(count) for status, count in counted})
    return figures


@gauge("orders_oldest_seconds", "Age of the oldest order in a status it should leave, in seconds", labels=("status",))
def oldest(session: Session) -> Reading:
    """Return for each status with an end the seconds since its oldest order came there."""
    query = select(Order.status, func.min(Order.changed_at)).where(Order.status.in_(_WAITING)).group_by(Order.status)
    now = clock.now()
    figures: Reading = {(status.value,): 0.0 for status in _WAITING}
    figures.update({(status,): (now - earliest).total_seconds() for status, earliest in session.execute(query)})
    return figures
