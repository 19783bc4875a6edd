"""A reward whose sending is of unclear fate: the token is asked, once or ten times, with crashes in between."""

import pytest
from eth_abi.abi import encode
from sqlalchemy import select

from backend.chain import registry
from backend.chain.models import ChainSend
from backend.chain.port import ChainUnreachable
from backend.ledger.models import Journal
from backend.rewards import effect, service, tasks
from backend.settings import get_settings
from tests.factories.tickets import NETWORK
from tests.rewards.conftest import given


class Token:
    """A node that says in which blocks the reward's id was used."""

    def __init__(self) -> None:
        self.latest = self.finalized = False
        self.asked, self.away = 0, False

    def call(self, _to, _data, block=None, **_):
        self.asked += 1
        if self.away:
            raise ChainUnreachable
        return encode(["bool"], [self.finalized if block == "finalized" else self.latest])


@pytest.fixture
def token():
    made = Token()
    with registry.replaced(NETWORK, made, {}):
        yield made


@pytest.fixture
def unclear(session, fulfilled, now):
    """A reward whose nonce was used by bytes we do not know."""
    reward = given(session, fulfilled(), now)
    send = session.scalars(select(ChainSend)).one()
    send.status = "UNKNOWN"
    session.flush()
    return reward, send


def fresh(session, *rows):
    session.expire_all()
    return tuple(row.status for row in rows)


def journals(session, kind):
    return session.scalars(select(Journal.id).where(Journal.kind == kind)).all()


def test_what_is_there_for_good_is_done_however_often_it_is_asked(session, token, unclear):
    token.latest = token.finalized = True
    for _ in range(10):
        tasks.ask(unclear[1].id)
    assert fresh(session, *unclear) == ("DONE", "CANCELLED")
    assert len(journals(session, "reward_minted")) == 1
    assert token.asked == 1, "answered once, nobody is asked again"


def test_what_is_not_there_is_sent_again_and_not_twice(session, token, unclear):
    for _ in range(2):
        tasks.ask(unclear[1].id)
    assert fresh(session, *unclear) == ("SENT", "QUEUED")
    assert len(session.scalars(select(ChainSend)).all()) == 1
    assert journals(session, "reward_minted") == []


def test_what_may_still_be_undone_waits_for_the_sweeper(session, token, unclear):
    token.latest = True
    tasks.ask(unclear[1].id)
    assert fresh(session, *unclear) == ("SENT", "UNKNOWN")
    assert effect.unclear(session) == [unclear[1].id]
    token.finalized = True
    tasks.sweep()
    assert fresh(session, *unclear) == ("DONE", "CANCELLED")
    assert effect.unclear(session) == []


def test_a_node_that_does_not_answer_loses_nothing(session, token, unclear):
    token.away = True
    tasks.sweep()
    assert fresh(session, *unclear) == ("SENT", "UNKNOWN")
    token.away, token.latest, token.finalized = False, True, True
    tasks.sweep()
    assert fresh(session, *unclear) == ("DONE", "CANCELLED")


def test_a_crash_between_the_token_s_answer_and_the_record_is_made_good(session, token, unclear, monkeypatch):
    token.latest = token.finalized = True

    def crash(*_):
        raise RuntimeError("killed")

    monkeypatch.setattr(tasks.service, "done", crash)
    tasks.sweep()
    assert fresh(session, *unclear) == ("SENT", "UNKNOWN"), "the two rows change together or not at all"
    monkeypatch.undo()
    with registry.replaced(NETWORK, token, {}):
        tasks.sweep()
    assert fresh(session, *unclear) == ("DONE", "CANCELLED")


def test_a_send_of_another_kind_is_none_of_its_business(session, token, unclear):
    unclear[1].purpose = "another"
    session.flush()
    tasks.sweep()
    assert token.asked == 0


def test_one_that_was_refunded_meanwhile_is_owed_and_still_given_once(session, token, unclear, now):
    service.claw_back(session, unclear[0].order_id, get_settings(), now)
    assert service.debt_of(session, unclear[0].account_id) == unclear[0].earned, "its bytes may be mined at any time"
    token.latest = token.finalized = True
    tasks.ask(unclear[1].id)
    assert fresh(session, *unclear) == ("DONE", "CANCELLED")
    assert service.debt_of(session, unclear[0].account_id) == unclear[0].earned
