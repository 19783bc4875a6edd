"""BKS for a purchase: once, when final; a refund makes a debt that later rewards pay."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from backend.chain import abi
from backend.chain.models import ChainSend
from backend.chain.notices import SendFinal, SendReverted
from backend.kit import notices
from backend.kit.notices import announce
from backend.orders.models import OrderStatus
from backend.orders.notices import OrderFulfilled, OrderRefunded
from backend.rewards import reactions, rules, service
from backend.rewards.models import Reward
from backend.settings import get_settings
from tests.factories.accounts import signed_in
from tests.factories.orders import make_order, make_sale
from tests.factories.tickets import ALICE
from tests.rewards.conftest import RATE, TOKEN
from tests.rewards.conftest import given as rewarded

earn = rewarded


def claw_back(session, order, now):
    service.claw_back(session, order.id, get_settings(), now)


def sends(session):
    return session.scalars(select(ChainSend).order_by(ChainSend.id)).all()


def test_a_final_purchase_earns_once_under_the_orders_id(session, fulfilled, now):
    order = fulfilled()
    reward = earn(session, order, now)
    assert earn(session, order, now) is None
    [send] = sends(session)
    wanted = abi.encode_call("BKS", "reward", [order.id.int.to_bytes(32), ALICE, RATE])
    assert (send.to_address, send.data, send.signer_role, send.subject_id) == (TOKEN, wanted, "rewards", reward.id)
    announce(session, SendFinal(send.id, send.purpose, reward.id, "0x00"))
    assert reward.status == "DONE"


def test_the_notice_is_stored_and_given_later(session, fulfilled, now):
    order = fulfilled()
    announce(session, OrderFulfilled(order.id))
    query = select(notices.StoredReaction).where(notices.StoredReaction.notice == "OrderFulfilled")
    [row] = session.scalars(query)
    assert session.scalars(select(Reward)).all() == []
    notices.react(row.id)
    notices.react(row.id)
    [reward] = session.scalars(select(Reward))
    assert (reward.status, sends(session)) == ("PENDING", [])


def test_nothing_is_earned_without_a_rate_by_a_guest_or_before_it_is_final(session, fulfilled, settings, now):
    order = fulfilled()
    order.status = OrderStatus.PAID
    assert earn(session, order, now) is None
    guest = make_order(session, make_sale(session), now)
    guest.status = OrderStatus.FULFILLED
    assert earn(session, guest, now) is None
    settings(rewards_per_order=0)
    order.status = OrderStatus.FULFILLED
    assert earn(session, order, now) is None
    assert sends(session) == []


@pytest.mark.parametrize("least", [{"SEK": 49_901}, {"EUR": 1}, {}])
def test_an_order_of_too_little_or_in_a_currency_without_a_floor_earns_nothing(
    session, fulfilled, settings, now, least
):
    order = fulfilled()
    settings(rewards_from=json.dumps(least))
    assert earn(session, order, now) is None
    settings(rewards_from=json.dumps({"SEK": 49_900}))
    assert earn(session, order, now) is not None, "the floor itself is enough"


def test_a_refund_before_it_is_sent_stops_it_and_leaves_no_debt(session, fulfilled, now):
    order = fulfilled()
    reward = earn(session, order, now)
    claw_back(session, order, now)
    claw_back(session, order, now)
    assert (reward.status, reward.owed, sends(session)[0].status) == ("CANCELLED", 0, "CANCELLED")
    assert service.debt_of(session, order.account_id) == 0


def test_a_refund_after_it_was_sent_is_a_debt_that_later_rewards_pay(session, fulfilled, settings, now):
    first = fulfilled()
    reward = earn(session, first, now)
    reward.status = "DONE"
    sends(session)[0].status = "FINAL"
    session.flush()
    claw_back(session, first, now)
    claw_back(session, first, now)
    assert service.debt_of(session, first.account_id) == RATE
    settings(rewards_per_order=RATE // 4 * 3)
    second = earn(session, fulfilled(), now)
    assert (second.status, second.withheld, len(sends(session))) == ("SET_OFF", RATE // 4 * 3, 1)
    third = earn(session, fulfilled(), now)
    assert (third.status, third.withheld) == ("SENT", RATE // 4)
    assert (
        abi.encode_call("BKS", "reward", [service.chain_id_of(third.order_id), ALICE, RATE // 2])
        == sends(session)[1].data
    )
    assert service.debt_of(session, first.account_id) == 0


def test_a_refund_that_was_quicker_than_the_reward_keeps_it_from_being_earned(session, fulfilled, now):
    order = fulfilled()
    reactions.take_back(session, OrderRefunded(order.id), now)
    assert earn(session, order, now) is None
    assert sends(session) == []


def test_a_used_id_means_given_and_any_other_no_is_for_a_person(session, fulfilled, now):
    given_before, refused = earn(session, fulfilled(), now), earn(session, fulfilled(), now)
    for reward, reason in ((given_before, "RewardUsed(id=0x01)"), (refused, "CapExceeded(cap=1, amount=2)")):
        announce(session, SendReverted(reward.id, service.REWARD, reward.id, reason))
    assert (given_before.status, refused.status, refused.problem[:3]) == ("DONE", "STUCK", "Cap")


def test_a_fan_sees_what_was_earned_and_what_is_owed(client, session, fulfilled, now):
    order = fulfilled()
    reward = earn(session, order, now)
    reward.status = "DONE"
    sends(session)[0].status = "FINAL"
    session.flush()
    claw_back(session, order, now)
    shown = client.get("/v1/rewards", headers=signed_in(session, ALICE)).json()
    assert (shown["debt"], shown["items"][0]["owed"], shown["items"][0]["status"]) == (str(RATE), str(RATE), "DONE")


@given(st.integers(1, 10**30), st.lists(st.integers(1, 10**29), max_size=6))
def test_setting_off_loses_nothing_and_pays_the_oldest_debt_first(earned, owing):
    debts = [rules.Debt(UUID(int=place), left) for place, left in enumerate(owing)]
    left, against = rules.set_off(earned, debts)
    assert left + sum(against.values()) == earned and left >= 0
    assert all(against.get(debt.reward_id, 0) <= debt.left for debt in debts)
    assert left == max(0, earned - sum(owing))
    paid_in_full = [against.get(debt.reward_id, 0) == debt.left for debt in debts]
    assert paid_in_full == sorted(paid_in_full, reverse=True)
