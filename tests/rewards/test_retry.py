"""A reward that the token refused is sent again by a person, and a reaction that failed too often is run again."""

import pytest
from sqlalchemy import select

from backend.accounts.models import AdminAction
from backend.chain.models import ChainSend
from backend.chain.notices import SendFinal, SendReverted
from backend.kit import notices
from backend.kit.notices import announce
from backend.orders.notices import OrderFulfilled
from backend.rewards import service
from backend.rewards.models import Reward
from backend.settings import get_settings
from tests.factories.accounts import as_admin
from tests.rewards.test_rewards import earn, sends


@pytest.fixture
def refused(session, fulfilled, now):
    reward = earn(session, fulfilled(), now)
    [send] = sends(session)
    send.status = "REVERTED"
    announce(session, SendReverted(send.id, service.REWARD, reward.id, "NotMinter()"))
    assert reward.status == "STUCK"
    return reward


def test_a_refused_reward_is_sent_again_once_under_a_new_transaction(client, session, refused):
    headers = as_admin(session)
    url = f"/v1/admin/rewards/{refused.id}/retry"
    assert client.post(url, headers=headers).json()["status"] == "SENT"
    assert client.post(url, headers=headers).json()["error"]["code"] == "reward_not_stuck"
    first, again = sends(session)
    assert (again.generation, again.data, again.status) == (1, first.data, "QUEUED")
    announce(session, SendFinal(again.id, service.REWARD, refused.id, "0x00"))
    assert refused.status == "DONE"
    assert [kept.action for kept in session.scalars(select(AdminAction))] == ["reward.retry"]


def test_one_that_was_taken_back_meanwhile_is_not_sent(client, session, refused, now):
    service.claw_back(session, refused.order_id, get_settings(), now)
    answer = client.post(f"/v1/admin/rewards/{refused.id}/retry", headers=as_admin(session))
    assert answer.json()["error"]["code"] == "reward_not_stuck"
    assert len(session.scalars(select(ChainSend)).all()) == 1


def test_nobody_but_an_admin_may(client, session, refused):
    assert client.post(f"/v1/admin/rewards/{refused.id}/retry").status_code == 401
    missing = f"/v1/admin/rewards/{refused.order_id}/retry"
    assert client.post(missing, headers=as_admin(session)).json()["error"]["code"] == "reward_unknown"


def test_a_reaction_that_failed_too_often_is_shown_and_runs_once_more(client, session, fulfilled, monkeypatch):
    announce(session, OrderFulfilled(fulfilled().id))
    query = select(notices.StoredReaction).where(notices.StoredReaction.notice == "OrderFulfilled")
    [row] = session.scalars(query)
    row.status, row.attempts, row.last_error = "STUCK", 12, "RuntimeError('the rate is wrong')"
    session.flush()
    headers = as_admin(session)
    [shown] = [one for one in client.get("/v1/admin/attention", headers=headers).json() if one["machine"] == "reaction"]
    assert (shown["state"], shown["reason"]) == ("STUCK", "RuntimeError('the rate is wrong')")
    [action] = shown["actions"]
    assert client.post(action["url"], headers=headers).json()["status"] == "WAITING"
    notices.react(row.id)
    assert len(session.scalars(select(Reward)).all()) == 1
    assert client.post(action["url"], headers=headers).json()["error"]["code"] == "reaction_done"
    missing = client.post(f"/v1/admin/reactions/{shown['id'][:-1]}0/retry", headers=headers)
    assert missing.json()["error"]["code"] in {"reaction_unknown", "reaction_done"}
