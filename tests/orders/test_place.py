import pytest
from sqlalchemy import select

from backend.catalog.errors import SaleNotOpen, SoldOut, UnknownEvent, UnknownTier
from backend.catalog.models import EventStatus
from backend.kit.idempotency import IdempotencyMismatch
from backend.kit.ids import new_id
from backend.orders import fees
from backend.orders.errors import EmailMissing, EmailNotForAccounts, OverLimit
from backend.orders.models import OrderStatus
from backend.orders.place import Buyer, Wish, guest_secret, place
from backend.payments.models import Payment
from tests.factories.accounts import make_account
from tests.factories.orders import guest, make_order, make_sale


def test_an_order_holds_its_seats_and_starts_its_payment(session, sale, now):
    order = make_order(session, sale, now, quantity=3)
    assert order.status == OrderStatus.AWAITING_PAYMENT
    assert (order.total_minor, order.currency) == (3 * 49_900, "SEK")
    assert (sale.tier.held, sale.tier.paid, sale.tier.free) == (3, 0, 47)
    payment = session.scalars(select(Payment).where(Payment.reference_id == order.id)).one()
    assert (payment.status, payment.amount_minor, payment.attempt) == ("STARTED", 3 * 49_900, 1)


def test_an_order_keeps_the_fee_it_was_placed_under(session, sale, now, monkeypatch):
    order = make_order(session, sale, now)
    assert (order.fee_schedule, order.fee_bps) == (fees.in_force().version, fees.in_force().fee_bps)
    monkeypatch.setattr(fees, "SCHEDULES", (*fees.SCHEDULES, fees.FeeSchedule(2, 900)))
    assert make_order(session, sale, now).fee_bps == 900
    assert order.fee_bps == 500


def test_an_order_is_all_or_nothing(session, now, till):
    sale = make_sale(session, quantities=(50, 1))
    with pytest.raises(SoldOut), session.begin_nested():
        make_order(session, sale, now, quantity=2)
    session.expire_all()
    assert [tier.held for tier in sale.tiers] == [0, 0]


def test_two_lines_of_one_tier_are_one_line(session, sale, now):
    wishes = [Wish(sale.tier.id, 1), Wish(sale.tier.id, 2)]
    order, _ = place(session, guest(), sale.event.id, wishes, "stripe", "key-of-two-lines", now)
    assert [line.quantity for line in order.lines] == [3]


def test_the_same_key_and_body_is_the_same_order(session, sale, now):
    wishes = [Wish(sale.tier.id, 2)]
    first, is_new = place(session, guest(), sale.event.id, wishes, "stripe", "key-0001", now)
    again, is_new_again = place(session, guest(" ADA@example.org "), sale.event.id, wishes, "stripe", "key-0001", now)
    assert (first.id, is_new, is_new_again) == (again.id, True, False)
    assert guest_secret(first.id) == guest_secret(again.id)
    assert sale.tier.held == 2


def test_the_same_key_with_another_body_is_refused(session, sale, now):
    place(session, guest(), sale.event.id, [Wish(sale.tier.id, 2)], "stripe", "key-0001", now)
    with pytest.raises(IdempotencyMismatch):
        place(session, guest(), sale.event.id, [Wish(sale.tier.id, 3)], "stripe", "key-0001", now)


def test_a_key_guessed_by_another_guest_opens_nobodys_order(session, sale, now):
    wishes = [Wish(sale.tier.id, 2)]
    adas, _ = place(session, guest(), sale.event.id, wishes, "stripe", "key-0001", now)
    eves, is_new = place(session, guest("eve@example.org"), sale.event.id, wishes, "stripe", "key-0001", now)
    assert is_new
    assert eves.id != adas.id


def test_two_accounts_may_choose_the_same_key(session, sale, now):
    wishes = [Wish(sale.tier.id, 1)]
    buyers = [Buyer.of(make_account(session).id, None, None) for _ in range(2)]
    orders = {place(session, buyer, sale.event.id, wishes, "stripe", "key-0001", now)[0].id for buyer in buyers}
    assert len(orders) == 2


@pytest.mark.parametrize("who", ["account", "guest"])
def test_a_buyer_reaches_the_limit_over_several_orders_and_not_more(session, now, till, who):
    sale = make_sale(session, limit=4)
    account = make_account(session).id
    spelled = iter(["Ada@Example.org", "ada@example.org ", "ADA@EXAMPLE.ORG"])

    def buyer():
        return Buyer.of(account, None, None) if who == "account" else guest(next(spelled))

    make_order(session, sale, now, 2, buyer())
    make_order(session, sale, now, 2, buyer())
    with pytest.raises(OverLimit):
        make_order(session, sale, now, 1, buyer())
    make_order(session, sale, now, 1, guest("somebody.else@example.org"))


def test_seats_given_back_count_no_longer_against_the_limit(session, now, till):
    sale = make_sale(session, limit=2)
    order = make_order(session, sale, now, 2, guest())
    order.status = OrderStatus.EXPIRED
    session.flush()
    make_order(session, sale, now, 2, guest())


@pytest.mark.parametrize("status", [EventStatus.DRAFT, EventStatus.READY, EventStatus.CLOSED, EventStatus.CANCELLED])
def test_only_an_event_on_sale_sells(session, now, till, status):
    sale = make_sale(session, status=status)
    with pytest.raises(SaleNotOpen):
        make_order(session, sale, now)


def test_a_tier_of_another_event_is_refused(session, sale, now):
    other = make_sale(session)
    with pytest.raises(UnknownTier):
        place(session, guest(), sale.event.id, [Wish(other.tier.id, 1)], "stripe", "key-0001", now)
    with pytest.raises(UnknownTier):
        place(session, guest(), sale.event.id, [Wish(new_id(), 1)], "stripe", "key-0002", now)
    with pytest.raises(UnknownEvent):
        place(session, guest(), new_id(), [Wish(sale.tier.id, 1)], "stripe", "key-0003", now)


def test_a_buyer_is_an_account_or_an_address_and_not_both():
    with pytest.raises(EmailMissing):
        Buyer.of(None, None, None)
    with pytest.raises(EmailNotForAccounts):
        Buyer.of(new_id(), None, "ada@example.org")
