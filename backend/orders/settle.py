"""Money has arrived: what it means for the order, and what follows in the same transaction."""

from datetime import datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.catalog.errors import SoldOut
from backend.kit import logs
from backend.kit.db import locked
from backend.kit.errors import BusinessError
from backend.kit.money import Money
from backend.kit.notices import announce
from backend.kit.nudges import nudge
from backend.orders import books, limits, refund, rules
from backend.orders.models import Order, OrderStatus, Seats
from backend.orders.notices import OrderPaid
from backend.orders.rules import Arrival
from backend.payments import service as payments
from backend.payments.models import Payment
from backend.payments.rules import ON_CHAIN

_log = logs.get(__name__)


def money_arrived(session: Session, order_id: UUID, payment_id: UUID, now: datetime) -> None:
    """Take a succeeded payment into account. Once, however often and in whatever order the notices come.

    Nothing here raises because of the buyer or the clock: late, double and puzzling money are states.
    """
    order = locked(session, Order, order_id)
    if order is None:
        return  # a payment for something that is not an order
    payment = session.get_one(Payment, payment_id)
    is_exact = payment.amount == Money(order.total_minor, order.currency)
    meaning = rules.meaning_of_money(order.status, order.payment_id, payment_id, is_exact=is_exact)
    _log.info("money_arrived", order_id=str(order_id), payment_id=str(payment_id), meaning=meaning.value)
    match meaning:
        case Arrival.KNOWN:
            return
        case Arrival.SETTLES:
            _take(order, payment, OrderStatus.PAID, now)
            books.settled(session, order, payment, now)
            sell(session, order, now)
        case Arrival.LATE:
            _take(order, payment, OrderStatus.PAID_LATE, now)
            books.set_aside(session, order, payment, now)
            nudge(session, "orders.resolve_late", order.id)
        case Arrival.DUPLICATE:
            books.set_aside(session, order, payment, now)
            _give_back(session, order, payment, now)
        case Arrival.PUZZLING:
            _take(order, payment, OrderStatus.STUCK, now)
            books.set_aside(session, order, payment, now)
            _log.error("order_stuck", order_id=str(order_id), payment_id=str(payment_id), is_exact=is_exact)
        case _:
            assert_never(meaning)


def resolve_late(session: Session, order: Order, now: datetime) -> None:
    """Turn late money into tickets if seats are left for all of the order, else give it back once.

    The order must be locked and PAID_LATE, its payments locked before it.
    """
    payment = session.get_one(Payment, order.payment_id)
    if payment.provider == ON_CHAIN:
        _honour(session, order, payment, now)
        return
    try:
        with session.begin_nested():
            # A savepoint: when the second tier is sold out, the first is given back with it.
            for tier in catalog.lock_tiers(session, [line.tier_id for line in order.lines]):
                quantity = next(line.quantity for line in order.lines if line.tier_id == tier.id)
                # The buyer may have ordered again since: the two together stay within the limit.
                limits.check(session, tier, quantity, account_id=order.account_id, email=order.email, besides=order.id)
                catalog.hold(session, tier.id, quantity, now)
    except BusinessError as refusal:
        _log.info("late_money_goes_back", order_id=str(order.id), reason=refusal.code)
        refund.begin(session, order, "paid_late", now)
        return
    order.status = rules.step(order.status, OrderStatus.PAID)
    books.settled_late(session, order, payment, now)
    sell(session, order, now)


def _honour(session: Session, order: Order, payment: Payment, now: datetime) -> None:
    """Give late money on chain its seats, whatever sale and limit say: its tickets exist. STUCK when none are left."""
    try:
        with session.begin_nested():
            for line in order.lines:
                catalog.keep(session, line.tier_id, line.quantity)
    except SoldOut:
        _take(order, payment, OrderStatus.STUCK, now)
        _log.error("order_stuck", order_id=str(order.id), payment_id=str(payment.id), reason="bought_on_chain_sold_out")
        return
    order.status = rules.step(order.status, OrderStatus.PAID)
    books.settled_late(session, order, payment, now)
    sell(session, order, now)


def _give_back(session: Session, order: Order, payment: Payment, now: datetime) -> None:
    if payment.provider == ON_CHAIN:
        # Two quotes of one order were paid, so it has twice the tickets: a person must look.
        _log.error("paid_twice_on_chain", order_id=str(order.id), payment_id=str(payment.id))
    else:
        payments.request_refund(session, payment.id, payment.amount, "duplicate", now)


def _take(order: Order, payment: Payment, status: OrderStatus, now: datetime) -> None:
    if order.status != status:
        order.status = rules.step(order.status, status)
    order.payment_id = payment.id
    order.changed_at = now


def sell(session: Session, order: Order, now: datetime) -> None:
    """Turn the held seats of a locked order, PAID just now, into sold ones, and say so."""
    order.paid_at = order.changed_at = now
    order.seats = Seats.SOLD
    for line in order.lines:
        catalog.sell(session, line.tier_id, line.quantity)
    session.flush()
    announce(session, OrderPaid(order.id))
