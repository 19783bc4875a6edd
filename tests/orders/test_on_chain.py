"""Orders that are paid on chain: what may be ordered, and until when the seats are kept."""

import pytest

from backend.catalog.models import TierPrice
from backend.kit.money import Money
from backend.orders.errors import NotSoldFor, OneTierPerQuote, WalletMissing
from backend.orders.models import OrderStatus
from backend.orders.place import Buyer, Wish, place
from backend.orders.rules import meaning_of_money
from backend.payments.errors import CurrencyNotTaken
from backend.payments.models import Payment, PaymentStatus
from backend.payments.refund import carry_out
from backend.payments.service import request_refund, wallet_paid, withdraw_refund
from tests.factories.accounts import make_account
from tests.factories.orders import guest, make_sale
from tests.factories.tickets import ALICE

BKS = 25 * 10**18


@pytest.fixture
def sale(session, now, till):
    sale = make_sale(session, quantities=(50, 50))
    for tier in sale.tiers:
        tier.prices.append(TierPrice(currency="BKS", amount=BKS, organisation_id=sale.event.organisation_id))
    session.flush()
    return sale


def order(session, sale, now, *, tiers=1, buyer=None, provider="crypto", currency="BKS"):
    buyer = buyer or Buyer.of(make_account(session, ALICE).id, ALICE, None)
    wishes = [Wish(tier.id, 2) for tier in sale.tiers[:tiers]]
    return place(session, buyer, sale.event.id, wishes, provider, "a-key", now, currency)[0]


def test_the_price_is_the_promoters_in_that_currency_and_the_quote_ends_with_the_hold(session, sale, now):
    placed = order(session, sale, now)
    payment = session.query(Payment).one()
    assert (placed.total_minor, placed.currency, placed.lines[0].unit_price_minor) == (2 * BKS, "BKS", BKS)
    assert (payment.amount, payment.expires_at) == (Money(2 * BKS, "BKS"), placed.expires_at)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"currency": "BNB"}, NotSoldFor),
        ({"currency": None}, CurrencyNotTaken),
        ({"provider": "stripe"}, CurrencyNotTaken),
        ({"tiers": 2}, OneTierPerQuote),
        ({"buyer": guest()}, WalletMissing),
    ],
)
def test_what_cannot_be_quoted_is_refused_by_name(session, sale, now, changes, refusal):
    with pytest.raises(refusal):
        order(session, sale, now, **changes)


def test_money_on_chain_is_not_ours_to_give_back_so_nobody_is_asked_for_it(session, sale, now, till):
    order(session, sale, now)
    payment = session.query(Payment).one()
    payment.status = PaymentStatus.SUCCEEDED
    asked = request_refund(session, payment.id, payment.amount, "moved", now)
    assert (asked.status, payment.refunded_minor) == ("OWED", payment.amount_minor)
    carry_out(asked.id)
    session.refresh(asked)
    assert (asked.status, till.refunds) == ("OWED", {})


def test_a_withdrawn_refund_leaves_all_of_the_payment_to_refund_again(session, sale, now):
    order(session, sale, now)
    payment = session.query(Payment).one()
    payment.status = PaymentStatus.SUCCEEDED
    asked = request_refund(session, payment.id, payment.amount, "moved", now)
    for _ in range(2):
        withdraw_refund(session, asked.id, "withdrawn", now)
    wallet_paid(session, asked.id, b"late", "organisation:wallet", now)
    assert (asked.status, payment.refunded_minor) == ("WITHDRAWN", 0)


def test_a_second_payment_of_the_same_order_is_told_apart(session, sale, now):
    placed, other = order(session, sale, now), make_account(session).id
    assert meaning_of_money(OrderStatus.PAID, other, placed.id, is_exact=True) == "DUPLICATE"
