"""Orders nobody paid for: seats come back once, and never while money can still come."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.kit import clock
from backend.orders import close, pay, tasks
from backend.orders.errors import NotCancellable, PaymentWindowOver
from backend.orders.models import OrderStatus
from backend.payments import service as payments
from backend.payments.errors import PaymentOpen
from backend.payments.models import Payment, PaymentStatus
from backend.payments.port import ProviderUnavailable, Seen
from tests.factories.orders import make_order

S = OrderStatus


@pytest.fixture
def order(session, sale, now):
    placed = make_order(session, sale, now)
    session.commit()
    return placed


def stock(session, sale):
    session.refresh(sale.tier)
    return sale.tier.held, sale.tier.paid, sale.tier.free


def only_payment(session, order):
    payment = session.scalars(select(Payment).where(Payment.reference_id == order.id)).one()
    session.refresh(payment)
    return payment


def sweep_at(moment):
    with clock.frozen(moment):
        tasks.sweep()


def test_an_order_that_was_never_begun_expires_without_asking_anybody(session, sale, order):
    sweep_at(order.expires_at)
    session.refresh(order)
    assert (order.status, stock(session, sale)) == (S.EXPIRED, (0, 0, 50))
    assert only_payment(session, order).status == PaymentStatus.CANCELLED


def test_an_order_is_not_swept_before_its_time(session, sale, order):
    sweep_at(order.expires_at - timedelta(seconds=1))
    session.refresh(order)
    assert order.status == S.AWAITING_PAYMENT


def test_seats_come_back_once_when_the_provider_has_closed_the_session(session, sale, order, till):
    payments.begin(only_payment(session, order).id)
    with clock.frozen(order.expires_at):
        tasks.expire(order.id)
        tasks.expire(order.id)
    tasks.sweep()
    session.refresh(order)
    assert (order.status, stock(session, sale)) == (S.EXPIRED, (0, 0, 50))
    assert [seen for _, seen in till.sessions.values()] == [Seen.EXPIRED]


def test_a_buyer_who_pays_while_the_order_is_being_closed_gets_the_tickets(session, sale, order, till):
    payment = only_payment(session, order)
    payments.begin(payment.id)
    till.paid_while_expiring.add(f"cs_{payment.id.hex}")
    sweep_at(order.expires_at)
    session.refresh(order)
    assert (order.status, stock(session, sale)) == (S.PAID, (0, 2, 48))


def test_while_the_provider_does_not_answer_the_seats_stay_held(session, sale, order, till, monkeypatch):
    payments.begin(only_payment(session, order).id)

    def silent(reference):
        raise ProviderUnavailable

    with monkeypatch.context() as away:
        away.setattr(till, "expire", silent)
        sweep_at(order.expires_at)
    session.refresh(order)
    assert (order.status, stock(session, sale)) == (S.AWAITING_PAYMENT, (2, 0, 48))
    assert (order.attempts, order.last_error) == (1, "provider_unavailable")
    sweep_at(order.expires_at + timedelta(seconds=5))
    session.refresh(order)
    assert (order.status, stock(session, sale)) == (S.EXPIRED, (0, 0, 50))


def test_a_cancelled_order_gives_its_seats_back_after_the_provider_agreed(session, sale, order, till, now):
    payments.begin(only_payment(session, order).id)
    close.cancel(session, order, now)
    session.commit()
    assert stock(session, sale) == (2, 0, 48)
    tasks.expire(order.id)
    session.refresh(order)
    assert (order.status, stock(session, sale)) == (S.CANCELLED, (0, 0, 50))
    with pytest.raises(NotCancellable):
        close.cancel(session, order, now)


def test_a_declined_payment_can_be_tried_again_with_a_new_attempt(session, order, till, now):
    first = only_payment(session, order)
    assert pay.payment_to_begin(session, order, "stripe", now) == first.id
    first.status = PaymentStatus.FAILED
    session.flush()
    second = pay.payment_to_begin(session, order, "stripe", now)
    assert second != first.id
    assert session.get_one(Payment, second).attempt == 2


def test_no_payment_begins_after_the_hold_is_over(session, order, till):
    with pytest.raises(PaymentWindowOver):
        pay.payment_to_begin(session, order, "stripe", order.expires_at)


def test_a_second_way_to_pay_waits_until_the_first_is_closed(session, order, till, now, monkeypatch):
    monkeypatch.setattr("backend.payments.registry.get", lambda _name: till)
    with pytest.raises(PaymentOpen):
        pay.payment_to_begin(session, order, "other", now)
