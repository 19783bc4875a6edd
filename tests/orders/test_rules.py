"""The state machine by itself: every walk is legal, every arrival has one meaning."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.money import Money
from backend.orders import fees, rules
from backend.orders.errors import IllegalStep, NotCancellable, NotRefundable, OrderClosed, OverLimit, PaymentWindowOver
from backend.orders.models import OrderStatus
from backend.orders.rules import Arrival

S = OrderStatus
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
statuses = st.sampled_from(list(OrderStatus))


def test_every_status_is_in_the_table_of_steps_and_can_be_reached():
    reached, frontier = {S.AWAITING_PAYMENT}, [S.AWAITING_PAYMENT]
    while frontier:
        for after in rules.EDGES[frontier.pop()]:
            if after not in reached:
                reached.add(after)
                frontier.append(after)
    assert set(rules.EDGES) == reached == set(OrderStatus)


@given(st.lists(statuses, max_size=40))
def test_a_random_walk_takes_only_steps_of_the_table(wishes):
    status = S.AWAITING_PAYMENT
    for wish in wishes:
        if wish in rules.EDGES[status]:
            status = rules.step(status, wish)
        else:
            with pytest.raises(IllegalStep):
                rules.step(status, wish)


def test_money_given_back_for_good_is_never_taken_again():
    for status in OrderStatus:
        if S.PAID in rules.EDGES[status]:
            assert status not in {S.REFUNDED, S.DISPUTE_LOST}


@given(statuses, st.booleans(), st.booleans())
def test_a_notice_that_comes_twice_is_known_whatever_happened_since(status, has_other, is_exact):
    payment = uuid4()
    assert rules.meaning_of_money(status, payment, payment, is_exact=is_exact) is Arrival.KNOWN


@given(statuses, st.booleans())
def test_money_settles_only_an_order_that_waits_for_exactly_this(status, is_exact):
    meaning = rules.meaning_of_money(status, None, uuid4(), is_exact=is_exact)
    assert (meaning is Arrival.SETTLES) == (status == S.AWAITING_PAYMENT and is_exact)
    assert (meaning is Arrival.LATE) == (status in {S.EXPIRED, S.CANCELLED} and is_exact)


@given(statuses)
def test_a_second_payment_is_a_duplicate_and_changes_no_order(status):
    assert rules.meaning_of_money(status, uuid4(), uuid4(), is_exact=True) is Arrival.DUPLICATE


@given(statuses, st.booleans())
def test_what_an_arrival_asks_for_is_always_a_legal_step(status, is_exact):
    target = {Arrival.SETTLES: S.PAID, Arrival.LATE: S.PAID_LATE, Arrival.PUZZLING: S.STUCK}
    meaning = rules.meaning_of_money(status, None, uuid4(), is_exact=is_exact)
    if meaning in target and status != target[meaning]:
        assert target[meaning] in rules.EDGES[status]


@pytest.mark.parametrize("open_status", ["STARTED", "PENDING", "SUCCEEDED", "STUCK"])
def test_seats_stay_held_while_a_payment_may_have_money(open_status):
    late = NOW + timedelta(hours=1)
    assert rules.closing_status(S.AWAITING_PAYMENT, NOW, None, ["EXPIRED", open_status], late) is None


def test_an_order_closes_at_its_last_second_and_not_before():
    just_before = NOW - timedelta(microseconds=1)
    assert rules.closing_status(S.AWAITING_PAYMENT, NOW, None, ["EXPIRED"], just_before) is None
    assert rules.closing_status(S.AWAITING_PAYMENT, NOW, None, ["FAILED", "CANCELLED"], NOW) is S.EXPIRED


def test_a_cancelled_order_closes_before_its_time_and_says_so():
    early = NOW - timedelta(minutes=5)
    assert rules.closing_status(S.AWAITING_PAYMENT, NOW, early, ["EXPIRED"], early) is S.CANCELLED


@given(statuses.filter(lambda status: status != S.AWAITING_PAYMENT))
def test_only_an_order_that_waits_can_close_be_paid_or_be_cancelled(status):
    assert rules.closing_status(status, NOW, None, [], NOW) is None
    with pytest.raises(OrderClosed):
        rules.check_payable(status, NOW + timedelta(1), None, NOW)
    with pytest.raises(NotCancellable):
        rules.check_cancellable(status)


def test_no_payment_begins_after_the_time_is_up_or_a_cancellation():
    with pytest.raises(PaymentWindowOver):
        rules.check_payable(S.AWAITING_PAYMENT, NOW, None, NOW)
    with pytest.raises(OrderClosed):
        rules.check_payable(S.AWAITING_PAYMENT, NOW + timedelta(1), NOW, NOW)


@pytest.mark.parametrize("status", [S.AWAITING_PAYMENT, S.EXPIRED, S.CANCELLED, S.REFUNDING, S.REFUNDED])
def test_an_order_without_money_to_give_back_is_not_refunded(status):
    with pytest.raises(NotRefundable):
        rules.check_refundable(status)


def test_a_limit_is_reached_but_not_passed():
    rules.check_limit(4, 2, 2)
    rules.check_limit(None, 1000, 1000)
    with pytest.raises(OverLimit) as refused:
        rules.check_limit(4, 3, 2)
    assert refused.value.details == {"limit": 4, "already": 3, "wanted": 2}


@given(st.uuids(version=4), st.uuids(version=4))
def test_an_order_number_can_be_read_out_and_tells_orders_apart(one: UUID, other: UUID):
    number = rules.number_for(one)
    assert len(number) == 14
    assert set(number.replace("-", "")) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    same_bits = (one.int ^ other.int) & ((1 << 62) - 4) == 0
    assert (number == rules.number_for(other)) == same_bits


@given(st.integers(1, 10**9), st.integers(0, 10_000))
def test_the_fee_and_the_share_are_the_total_to_the_unit(total, bps):
    share, fee = fees.split(Money(total, "SEK"), bps)
    assert share + fee == Money(total, "SEK")
    assert abs(fee.amount * 10_000 - total * bps) < 10_000


def test_fee_schedules_are_numbered_without_a_gap():
    assert [schedule.version for schedule in fees.SCHEDULES] == list(range(1, len(fees.SCHEDULES) + 1))
