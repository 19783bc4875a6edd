"""A promoter and a fan who are one person: whatever they buy and give back, they never have more than they put in."""

import json
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import func, select

from backend.api import make_app
from backend.catalog.models import Event
from backend.chain.models import ChainSend
from backend.chain.notices import SendFinal
from backend.kit.money import Money
from backend.kit.notices import announce
from backend.ledger.models import LedgerEntry
from backend.orders import books as order_books
from backend.orders import fees
from backend.orders.models import OrderStatus
from backend.orders.notices import OrderRefunded
from backend.rewards import configuration, reactions, rules, service, tasks
from backend.rewards.models import Reward
from backend.settings import Misconfigured, get_settings
from tests.rewards.conftest import RATE

ONE = 10**18
steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "final", "event_over", "mined", "refund"]), st.integers(0, 4), st.integers(1, 400 * ONE)
    ),
    max_size=25,
)


class Pair:
    """A promoter who sells to himself, for BKS; what they have is what the wallets and the books say."""

    def __init__(self, session, fulfilled, now) -> None:
        self.session, self.fulfilled, self.now = session, fulfilled, now
        self.orders, self.minted = [], 0
        self.before = self.fees()

    def fees(self):
        query = select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(
            LedgerEntry.account == order_books.FEE, LedgerEntry.currency == "BKS"
        )
        return -int(self.session.scalar(query))

    def buy(self, _order, total):
        order = self.fulfilled()
        order.currency, order.total_minor, order.status = "BKS", total, OrderStatus.PAID
        self.session.flush()
        payment = SimpleNamespace(id=uuid4(), provider="crypto", amount=Money(total, "BKS"))
        order_books.settled(self.session, order, payment, self.now)
        self.orders.append((order, payment))

    def final(self, which, _):
        order, _payment = which
        if order.status == OrderStatus.PAID:
            order.status = OrderStatus.FULFILLED
            service.earn(self.session, order.id, get_settings(), self.now)

    def event_over(self, which, _):
        over = self.session.get_one(Event, which[0].event_id).ends_at
        for reward_id in service.ripe(self.session, over):
            service.release(self.session, reward_id, over)

    def mined(self, which, _):
        reward = self.session.scalar(select(Reward).where(Reward.order_id == which[0].id))
        send = reward and self.session.scalar(select(ChainSend).where(ChainSend.subject_id == reward.id))
        if send and send.status == "QUEUED":
            send.status = "FINAL"
            self.minted += reward.earned - reward.withheld
            announce(self.session, SendFinal(send.id, send.purpose, reward.id, "0x00"))

    def refund(self, which, _):
        order, payment = which
        if order.status not in {OrderStatus.PAID, OrderStatus.FULFILLED}:
            return
        order.status = OrderStatus.REFUNDED
        order_books.refunded(
            self.session, order, payment, SimpleNamespace(id=uuid4(), paid_from="organisation:wallet"), self.now
        )
        for _ in range(2):
            reactions.take_back(self.session, OrderRefunded(order.id), self.now)

    def gain(self):
        """What the two have more than before: every BKS is theirs but the platform's fees, and what was minted."""
        return self.minted - (self.fees() - self.before)


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps)
def test_colluding_promoter_and_fan_never_gain(session, fulfilled, settings, now, asked):
    settings(rewards_from=json.dumps({"BKS": 1}))
    point = session.begin_nested()
    pair = Pair(session, fulfilled, now)
    for step, which, total in asked:
        if pair.orders or step == "buy":
            getattr(pair, step)(pair.orders[which % len(pair.orders)] if pair.orders else None, total)
        assert pair.gain() <= 0
    for order in pair.orders:
        pair.mined(order, 0)
    assert pair.gain() <= 0
    point.rollback()
    session.expire_all()


@pytest.mark.parametrize("broken", ["no cap", "fee given back"])
def test_the_property_finds_a_way_to_gain(session, fulfilled, settings, now, monkeypatch, broken):
    settings(rewards_from=json.dumps({"BKS": 1}))
    if broken == "no cap":
        monkeypatch.setattr(service.rules, "earned_by", lambda *_: RATE)
    else:
        monkeypatch.setattr(service.books, "fee_kept", lambda *_: None)
    pair = Pair(session, fulfilled, now)
    for step in ("buy", "final", "event_over", "mined", "refund"):
        getattr(pair, step)(pair.orders[0] if pair.orders else None, 100 * ONE)
    assert pair.gain() > 0


def test_a_refund_before_the_event_is_over_leaves_nothing_in_the_wallet(session, fulfilled, now):
    order = fulfilled()
    reward = service.earn(session, order.id, get_settings(), now)
    over = session.get_one(Event, order.event_id).ends_at
    assert service.ripe(session, now) == []
    service.release(session, reward.id, now)
    assert reward.status == "PENDING"
    order.status = OrderStatus.REFUNDED
    reactions.take_back(session, OrderRefunded(order.id), now)
    service.release(session, reward.id, over)
    assert (reward.status, reward.owed, session.scalars(select(ChainSend)).all()) == ("CANCELLED", 0, [])


def test_what_is_disputed_when_the_event_is_over_waits(session, fulfilled, now):
    order = fulfilled()
    reward = service.earn(session, order.id, get_settings(), now)
    over = session.get_one(Event, order.event_id).ends_at
    order.status = OrderStatus.DISPUTED
    session.flush()
    assert service.ripe(session, over) == []
    service.release(session, reward.id, over)
    assert reward.status == "PENDING"
    order.status = OrderStatus.FULFILLED
    session.flush()
    assert service.ripe(session, over) == [reward.id]


def test_the_sweep_sends_once_what_is_ripe(session, fulfilled, now, monkeypatch):
    order = fulfilled()
    reward = service.earn(session, order.id, get_settings(), now)
    tasks.release_ripe()
    session.refresh(reward)
    assert reward.status == "PENDING"
    over = session.get_one(Event, order.event_id).ends_at
    monkeypatch.setattr(tasks.clock, "now", lambda: over)
    tasks.release_ripe()
    tasks.release(reward.id)
    session.refresh(reward)
    assert (reward.status, len(session.scalars(select(ChainSend)).all())) == ("SENT", 1)


@pytest.mark.parametrize(
    ("total", "earned"),
    [(Money(100 * ONE, "BKS"), 5 * ONE), (Money(1000 * ONE, "BKS"), RATE), (Money(9, "BKS"), 0),
     (Money(49_900, "SEK"), RATE), (Money(10_000, "SEK"), 500 * ONE // 50), (Money(1_000, "SEK"), ONE)],
)  # fmt: skip
def test_a_reward_is_never_worth_more_than_the_fee(total, earned):
    fee = fees.split(total, 500)[1]
    assert rules.earned_by(total, fee, RATE, {"BKS": 1, "SEK": 1}, {"SEK": 50}) == min(earned, RATE)


@pytest.mark.parametrize(
    ("least", "worth", "word"),
    [({"SEK": 10_000}, {}, "REWARDS_WORTH must say what one BKS is worth at most in SEK"),
     ({"SEK": 9_980}, {"SEK": 50}, "raise the floor or lower the reward"),
     ({"BKS": 199 * ONE}, {}, "raise the floor or lower the reward")],
)  # fmt: skip
def test_a_start_with_a_reward_above_the_fee_at_the_floor_is_refused(settings, least, worth, word):
    settings(rewards_from=json.dumps(least), rewards_worth=json.dumps(worth))
    with pytest.raises(Misconfigured, match=word):
        make_app()
    settings(rewards_per_order=0)
    make_app()


def test_a_reward_that_the_fee_covers_starts(settings):
    settings(rewards_from=json.dumps({"SEK": 10_000, "BKS": 200 * ONE}), rewards_worth=json.dumps({"SEK": 50}))
    assert list(configuration.wrong(get_settings())) == []
    make_app()
