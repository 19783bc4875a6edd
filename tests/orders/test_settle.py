"""Money arrives: on time, late, twice, in any order."""

from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import func, select

from backend.kit import clock, notices
from backend.kit.money import Money
from backend.ledger.models import Journal, LedgerEntry
from backend.ledger.service import balance
from backend.orders import reactions, refund, service, tasks
from backend.orders.errors import NotRefundable, RefundFailedBefore
from backend.orders.models import Order, OrderStatus
from backend.orders.notices import OrderPaid, OrderRefunded, OrderRefunding
from backend.payments import service as payments
from backend.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from backend.payments.notices import (
    PaymentExpired,
    PaymentFailed,
    PaymentStuck,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
)
from tests.factories.orders import guest, make_order, make_sale

S = OrderStatus


@pytest.fixture
def heard(monkeypatch):
    """What orders announced; the floors above stay out of it."""
    told = []
    for kind in (OrderPaid, OrderRefunding, OrderRefunded):
        monkeypatch.setitem(notices._at_once, kind, [lambda _session, notice, _now: told.append(notice)])
        monkeypatch.setitem(notices._later, kind, {})
    return told


def payment_of(session, order, attempt=1):
    return session.scalars(select(Payment).where(Payment.reference_id == order.id, Payment.attempt == attempt)).one()


def succeed(session, order, now, attempt=1):
    payment = payment_of(session, order, attempt)
    payment.status = PaymentStatus.SUCCEEDED
    session.flush()
    reactions.settle_order(session, PaymentSucceeded(payment.id, order.id), now)
    return payment


def expire(session, order, now):
    payment = payment_of(session, order)
    payment.status = PaymentStatus.EXPIRED
    session.flush()
    reactions.close_order(session, PaymentExpired(payment.id, order.id), now)
    return payment


def books(session, sale):
    accounts = ("provider:stripe:receivable", "organisation:revenue", "platform:fee", "buyer:unsettled")
    return tuple(balance(session, sale.event.organisation_id, account, "SEK").amount for account in accounts)


def stock(sale):
    return sale.tier.held, sale.tier.paid, sale.tier.free


def test_money_on_time_pays_the_order_sells_the_seats_and_posts_the_books(session, sale, now, heard):
    order = make_order(session, sale, now)
    succeed(session, order, now)
    assert (order.status, order.paid_at) == (S.PAID, now)
    assert stock(sale) == (0, 2, 48)
    assert books(session, sale) == (99_800, -94_810, -4_990, 0)
    assert heard == [OrderPaid(order.id)]


def test_the_same_notice_ten_times_pays_once(session, sale, now, heard):
    order = make_order(session, sale, now)
    for _ in range(10):
        succeed(session, order, now)
    assert stock(sale) == (0, 2, 48)
    assert books(session, sale) == (99_800, -94_810, -4_990, 0)
    assert len(heard) == 1


def test_a_payment_for_something_that_is_no_order_changes_nothing(session, sale, now, heard):
    reactions.settle_order(session, PaymentSucceeded(sale.event.id, sale.event.id), now)
    assert heard == []


def test_late_money_gets_its_seats_when_some_are_left(session, sale, now, heard):
    order = make_order(session, sale, now)
    expire(session, order, order.expires_at)
    assert (order.status, stock(sale)) == (S.EXPIRED, (0, 0, 50))
    payment = succeed(session, order, now)
    assert order.status == S.PAID_LATE
    assert books(session, sale) == (99_800, 0, 0, -99_800)
    tasks.resolve_late(order.id)
    tasks.resolve_late(order.id)
    session.refresh(order)
    session.refresh(sale.tier)
    assert (order.status, order.payment_id, stock(sale)) == (S.PAID, payment.id, (0, 2, 48))
    assert books(session, sale) == (99_800, -94_810, -4_990, 0)
    assert len(heard) == 1


def test_late_money_goes_back_once_when_one_tier_is_sold_out(session, now, till, heard):
    sale = make_sale(session, quantities=(50, 2))
    order = make_order(session, sale, now)
    expire(session, order, order.expires_at)
    make_order(session, sale, now)  # somebody else has the last two of the second tier
    succeed(session, order, now)
    tasks.resolve_late(order.id)
    tasks.resolve_late(order.id)
    session.refresh(order)
    for tier in sale.tiers:
        session.refresh(tier)
    assert order.status == S.REFUNDING
    assert [tier.held for tier in sale.tiers] == [2, 2]
    asked = session.scalars(select(Refund).where(Refund.payment_id == order.payment_id)).one()
    assert (asked.amount, asked.reason) == (Money(order.total_minor, "SEK"), "paid_late")
    for _ in range(3):
        reactions.write_refund_down(session, RefundSucceeded(asked.id, asked.payment_id, order.id), now)
    assert order.status == S.REFUNDED
    assert books(session, sale) == (0, 0, 0, 0)
    assert heard == [OrderRefunding(order.id, asked.id), OrderRefunded(order.id)]


def test_late_money_does_not_take_a_buyer_over_the_limit(session, till, now, heard):
    sale = make_sale(session, limit=2)
    order = make_order(session, sale, now, buyer=guest())
    expire(session, order, order.expires_at)
    make_order(session, sale, now, buyer=guest())
    succeed(session, order, now)
    tasks.resolve_late(order.id)
    session.refresh(order)
    session.refresh(sale.tier)
    assert (order.status, stock(sale)) == (S.REFUNDING, (2, 0, 48))


def test_a_payment_nobody_can_judge_keeps_the_seats_for_a_person(session, sale, now, heard):
    order = make_order(session, sale, now)
    payment = payment_of(session, order)
    payment.status = PaymentStatus.STUCK
    session.flush()
    reactions.mark_stuck(session, PaymentStuck(payment.id, order.id), now)
    session.flush()
    with clock.frozen(order.expires_at):
        tasks.sweep()
    session.refresh(order)
    assert (order.status, stock(sale)) == (S.STUCK, (2, 0, 48))


def test_a_second_payment_of_a_paid_order_goes_back_and_the_order_stays_paid(session, sale, now, heard):
    order = make_order(session, sale, now)
    first = payment_of(session, order)
    first.status = PaymentStatus.FAILED
    session.flush()
    second = payments.start(session, order.organisation_id, order.id, first.amount, "stripe", now)
    succeed(session, order, now, attempt=2)
    succeed(session, order, now, attempt=1)
    assert (order.status, order.payment_id, stock(sale)) == (S.PAID, second.id, (0, 2, 48))
    asked = session.scalars(select(Refund)).one()
    assert (asked.payment_id, asked.reason) == (first.id, "duplicate")
    reactions.write_refund_down(session, RefundSucceeded(asked.id, first.id, order.id), now)
    assert order.status == S.PAID
    assert books(session, sale) == (99_800, -94_810, -4_990, 0)


def test_a_wrong_amount_is_for_a_person_and_sells_nothing(session, sale, now, heard):
    order = make_order(session, sale, now)
    payment_of(session, order).amount_minor = 1
    succeed(session, order, now)
    assert (order.status, stock(sale), heard) == (S.STUCK, (2, 0, 48), [])
    assert books(session, sale) == (1, 0, 0, -1)


@pytest.mark.parametrize("notes", sorted(set(permutations(["failed", "expired", "succeeded", "succeeded"]))))
def test_notices_in_any_order_end_in_the_same_place(session, sale, now, heard, notes):
    """The payment failed at first, its session ran out, and in truth it was paid: paid is what it ends as."""
    order = make_order(session, sale, now)
    after = order.expires_at + timedelta(seconds=1)
    payment = payment_of(session, order)
    paid = False
    for note in notes:
        # As payments does: what was fetched is written first, and nothing undoes SUCCEEDED.
        paid = paid or note == "succeeded"
        payment.status = PaymentStatus.SUCCEEDED if paid else PaymentStatus[note.upper()]
        session.flush()
        if note == "failed":
            reactions.close_order(session, PaymentFailed(payment.id, order.id), after)
        elif note == "expired":
            reactions.close_order(session, PaymentExpired(payment.id, order.id), after)
        else:
            reactions.settle_order(session, PaymentSucceeded(payment.id, order.id), after)
    with clock.frozen(after):
        tasks.sweep()
    session.refresh(order)
    session.refresh(sale.tier)
    assert (order.status, stock(sale)) == (S.PAID, (0, 2, 48))
    assert books(session, sale) == (99_800, -94_810, -4_990, 0)
    assert len(heard) == 1


def test_a_refund_posts_the_reverse_and_the_books_are_empty_again(session, sale, now, heard):
    order = make_order(session, sale, now)
    payment = succeed(session, order, now)
    service.fulfilled(session, [order.id], now)
    service.fulfilled(session, [order.id], now)
    assert order.status == S.FULFILLED
    service.refund(session, order.id, "event_moved", now)
    service.refund(session, order.id, "event_moved", now)
    asked = session.scalars(select(Refund)).one()
    reactions.write_refund_down(session, RefundSucceeded(asked.id, payment.id, order.id), now)
    assert order.status == S.REFUNDED
    assert books(session, sale) == (0, 0, 0, 0)
    service.fulfilled(session, [order.id], now)
    assert order.status == S.REFUNDED


def test_a_refund_the_bank_returns_is_put_back_into_the_books_for_a_person(session, sale, now, heard):
    order = make_order(session, sale, now)
    payment = succeed(session, order, now)
    service.refund(session, order.id, "event_moved", now)
    asked = session.scalars(select(Refund)).one()
    reactions.write_refund_down(session, RefundSucceeded(asked.id, payment.id, order.id), now)
    asked.status, payment.refunded_minor = RefundStatus.FAILED, 0
    for _ in range(2):
        reactions.mark_refund_stuck(session, RefundFailed(asked.id, payment.id, order.id), now)
    assert order.status == S.STUCK
    assert books(session, sale) == (99_800, -94_810, -4_990, 0)
    with pytest.raises(RefundFailedBefore):
        service.refund(session, order.id, "event_moved", now)
    service.refund(session, order.id, "second_try", now)
    again = session.scalars(select(Refund).where(Refund.reason == "second_try")).one()
    reactions.write_refund_down(session, RefundSucceeded(again.id, payment.id, order.id), now)
    assert (order.status, books(session, sale)) == (S.REFUNDED, (0, 0, 0, 0))


def test_an_order_nobody_paid_is_not_refunded(session, sale, now):
    order = make_order(session, sale, now)
    with pytest.raises(NotRefundable):
        refund.refund(session, order.id, "event_moved", now)


def test_every_journal_of_all_this_sums_to_zero(session, sale, now, heard):
    succeed(session, make_order(session, sale, now), now)
    late = make_order(session, sale, now)
    expire(session, late, late.expires_at)
    succeed(session, late, now)
    sums = select(func.sum(LedgerEntry.amount)).join(Journal, Journal.id == LedgerEntry.journal_id)
    assert set(session.scalars(sums.group_by(Journal.id))) == {0}
    assert session.scalars(select(func.count()).select_from(Order)).one() == 2
