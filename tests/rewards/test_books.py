"""Whatever happens to a fan's orders: what was minted, less what is owed, is what the orders that stand are due."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import func, select

from backend.chain.models import ChainSend
from backend.chain.notices import SendFinal, SendReverted
from backend.kit.notices import announce
from backend.ledger.models import LedgerEntry
from backend.orders.models import OrderStatus
from backend.orders.notices import OrderRefunded, OrderVoided
from backend.rewards import books, reactions, service
from backend.rewards.models import Reward
from backend.settings import get_settings
from tests.rewards.conftest import RATE
from tests.rewards.conftest import given as given_out

STEPS = (
    "buy", "broadcast", "final", "refuse", "refund", "refund_in_part", "dispute_open", "dispute_won", "dispute_lost",
)  # fmt: skip
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 4), st.integers(1, 3)), max_size=25)


class Story:
    """One fan's orders and rewards, and what really was minted."""

    def __init__(self, session, fulfilled, settings, now) -> None:
        self.session, self.fulfilled, self.settings, self.now = session, fulfilled, settings, now
        self.orders, self.minted, self.standing = [], 0, {}
        self.before = {account: self.balance(account) for account in (books.COST, books.MINTED, books.DEBT)}

    def reward(self, order):
        return self.session.scalars(select(Reward).where(Reward.order_id == order.id)).one_or_none()

    def send(self, reward):
        query = select(ChainSend).where(ChainSend.purpose == service.REWARD, ChainSend.subject_id == reward.id)
        return self.session.scalars(query).one_or_none()

    def buy(self, _order, times):
        self.settings(rewards_per_order=RATE * times)
        order = self.fulfilled()
        self.orders.append(order)
        given_out(self.session, order, self.now)
        assert given_out(self.session, order, self.now) is None
        self.standing[order.id] = self.reward(order).earned

    def broadcast(self, order, _):
        send = self.send(self.reward(order))
        if send is not None and send.status == "QUEUED":
            send.status = "SENDING"
            self.session.flush()

    def final(self, order, _):
        reward, send = self.reward(order), self.send(self.reward(order))
        if send is None or send.status not in {"QUEUED", "SENDING"}:
            return
        send.status = "FINAL"
        self.session.flush()
        self.minted += reward.earned - reward.withheld
        for _ in range(2):
            announce(self.session, SendFinal(send.id, send.purpose, reward.id, "0x00"))

    def refuse(self, order, _):
        reward, send = self.reward(order), self.send(self.reward(order))
        # What later rewards have paid of it already is a person's to give back: see test_rewards.
        if send is None or send.status not in {"QUEUED", "SENDING"} or reward.repaid > reward.withheld:
            return
        send.status = "REVERTED"
        self.session.flush()
        for _ in range(2):
            announce(self.session, SendReverted(send.id, send.purpose, reward.id, "CapExceeded(cap=1)"))

    def _back(self, order, notice):
        self.standing.pop(order.id, None)
        for _ in range(2):
            reactions.take_back(self.session, notice(order.id), self.now)
        self.session.flush()

    def refund(self, order, _):
        order.status = OrderStatus.REFUNDED
        self._back(order, OrderRefunded)

    def dispute_lost(self, order, _):
        order.status = OrderStatus.DISPUTE_LOST
        self._back(order, OrderVoided)

    def refund_in_part(self, _order, _):
        """A courtesy: no notice, the order stands."""

    def dispute_open(self, order, _):
        if order.status == OrderStatus.FULFILLED:
            order.status = OrderStatus.DISPUTED
            service.earn(self.session, order.id, get_settings(), self.now)

    def dispute_won(self, order, _):
        if order.status == OrderStatus.DISPUTED:
            order.status = OrderStatus.FULFILLED
            service.earn(self.session, order.id, get_settings(), self.now)

    def balance(self, account):
        query = select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(LedgerEntry.account == account)
        return int(self.session.scalar(query))

    def moved(self, account):
        return self.balance(account) - self.before[account]

    def check(self):
        rewards = [self.reward(order) for order in self.orders]
        debt = sum(reward.owed - reward.repaid for reward in rewards)
        stuck = sum(r.earned - r.withheld for r in rewards if r.status == "STUCK")
        assert self.moved(books.COST) == sum(self.standing.values())
        assert -self.moved(books.MINTED) == self.minted
        assert self.moved(books.DEBT) == debt
        assert self.minted - debt == sum(self.standing.values()) - stuck


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps)
def test_minted_less_owed_is_what_standing_orders_are_due(session, fulfilled, settings, now, asked):
    point = session.begin_nested()
    story = Story(session, fulfilled, settings, now)
    for step, which, times in asked:
        order = story.orders[which % len(story.orders)] if story.orders else None
        if order is not None or step == "buy":
            getattr(story, step)(order, times)
    for order in story.orders:
        story.final(order, 1)
    story.check()
    point.rollback()
    session.expire_all()


def test_the_check_finds_a_reward_that_is_not_taken_back(session, fulfilled, settings, now, monkeypatch):
    story = Story(session, fulfilled, settings, now)
    story.buy(None, 1)
    monkeypatch.setattr(reactions.service, "claw_back", lambda *_: None)
    story.final(story.orders[0], 1)
    story.refund(story.orders[0], 1)
    with pytest.raises(AssertionError):
        story.check()


def test_what_the_token_refused_after_it_was_taken_back_is_owed_by_nobody(session, fulfilled, settings, now):
    story = Story(session, fulfilled, settings, now)
    story.buy(None, 1)
    story.broadcast(story.orders[0], 1)
    story.refund(story.orders[0], 1)
    assert service.debt_of(session, story.orders[0].account_id) == RATE
    story.refuse(story.orders[0], 1)
    assert story.reward(story.orders[0]).status == "CANCELLED"
    assert service.debt_of(session, story.orders[0].account_id) == 0
    story.check()


def test_what_later_rewards_paid_for_one_that_never_came_is_for_a_person(session, fulfilled, settings, now):
    story = Story(session, fulfilled, settings, now)
    story.buy(None, 1)
    first = story.orders[0]
    story.broadcast(first, 1)
    story.refund(first, 1)
    story.buy(None, 1)
    reward, send = story.reward(first), story.send(story.reward(first))
    assert reward.repaid == RATE
    announce(session, SendReverted(send.id, send.purpose, reward.id, "CapExceeded(cap=1)"))
    assert (reward.status, reward.owed - reward.repaid) == ("STUCK", 0)
    assert story.moved(books.DEBT) == -RATE, "we owe it to the fan"
