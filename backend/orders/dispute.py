"""A disputed order: locked while the bank decides, then what it was, or worth nothing. Never refunded meanwhile."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from backend.kit import logs
from backend.kit.db import locked
from backend.kit.notices import announce
from backend.orders import books, rules
from backend.orders.models import Order, OrderStatus
from backend.orders.notices import OrderDisputed, OrderFulfilled, OrderRestored, OrderVoided
from backend.payments import service as payments
from backend.payments.models import Dispute, Payment

_log = logs.get(__name__)


def opened(session: Session, order_id: UUID, payment_id: UUID, now: datetime) -> None:
    """Take an order that the disputed money paid out of the world, until the dispute has ended.

    One whose money is on its way back, or back, stays so: the dispute has an age of its own, and a person looks.
    """
    order = locked(session, Order, order_id)
    if order is None:
        return
    if payment_id != order.payment_id or order.status not in {OrderStatus.PAID, OrderStatus.FULFILLED}:
        _log.error("dispute_beside_the_order", order_id=str(order_id), status=order.status)
        return
    order.former_status = order.status
    order.status, order.changed_at = rules.step(order.status, OrderStatus.DISPUTED), now
    session.flush()
    announce(session, OrderDisputed(order.id))


def won(session: Session, order_id: UUID, payment_id: UUID, now: datetime) -> None:
    """Let the order be what it was, once no dispute of its payment is open or lost."""
    order = locked(session, Order, order_id)
    if order is None or order.status != OrderStatus.DISPUTED or payment_id != order.payment_id:
        return
    if not payments.is_disputed(session, payment_id):
        restore(session, order, now)


def lost(session: Session, order_id: UUID, payment_id: UUID, dispute_id: UUID, now: datetime) -> None:
    """Write the loss down and void the order; one that was lost in part only is for a person."""
    order = locked(session, Order, order_id)
    if order is None:
        return
    payment, dispute = session.get_one(Payment, payment_id), session.get_one(Dispute, dispute_id)
    books.disputed_away(session, order, payment, dispute, now)
    if order.status != OrderStatus.DISPUTED or payment_id != order.payment_id:
        return
    if dispute.amount == payment.amount:
        void(session, order, now)
        return
    order.status, order.changed_at = rules.step(order.status, OrderStatus.STUCK), now
    _log.error("order_stuck", order_id=str(order_id), payment_id=str(payment_id), reason="dispute_lost_in_part")


def restore(session: Session, order: Order, now: datetime) -> None:
    """Make a locked order what it was before its dispute."""
    before = OrderStatus(order.former_status or OrderStatus.PAID)
    order.status, order.former_status, order.changed_at = rules.step(order.status, before), None, now
    session.flush()
    announce(session, OrderRestored(order.id))
    if before is OrderStatus.FULFILLED:
        # Its tickets may have become final meanwhile. Whoever heard this before, hears nothing new.
        announce(session, OrderFulfilled(order.id))


def void(session: Session, order: Order, now: datetime) -> None:
    """Close a locked order whose money a bank took."""
    order.status, order.changed_at = rules.step(order.status, OrderStatus.DISPUTE_LOST), now
    session.flush()
    announce(session, OrderVoided(order.id))
