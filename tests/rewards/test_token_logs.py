"""BKS transfers that touch us, sliced out of logs in bulk: the same as read one by one, whatever the logs."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from backend.chain import abi
from backend.chain.facts import Facts
from backend.chain.onlog import Log
from backend.rewards import token_logs
from backend.rewards.models import TokenTransfer
from backend.rewards.token_logs import BKS, NOBODY

NETWORK = "eip155:31337"
TOKEN, MARKET, LATE = (bytes([letter]) * 20 for letter in (0xC0, 0xA1, 0xA2))
PEOPLE = [bytes([letter]) * 20 for letter in (1, 2, 3)]
OURS = {MARKET: 0, LATE: 5}
"""The second counts from block 5."""


def topic(value):
    return value.rjust(32, b"\0")


def a_log(block, index, event, one, other, amount):
    block_hash, at = bytes([block]) * 32, datetime(2026, 6, 1, tzinfo=UTC)
    topics = (abi.topic(BKS, event), topic(one), topic(other))
    return Log(NETWORK, block, block_hash, at, bytes([block, index]) * 16, index, TOKEN, topics, amount.to_bytes(32))


def transfer(block, index, sender, receiver, amount=7):
    return a_log(block, index, "Transfer", sender, receiver, amount)


ends = st.sampled_from([NOBODY, MARKET, LATE, *PEOPLE])
events = st.sampled_from(["Transfer", "Transfer", "Rewarded", "Redeemed"])
told = st.lists(st.tuples(st.integers(1, 9), events, ends, ends, st.integers(0, 2**256 - 1)), max_size=12)


def in_order(entries):
    found, index = [], {}
    for block, *rest in sorted(entries, key=lambda one: one[0]):
        index[block] = index.get(block, -1) + 1
        found.append(a_log(block, index[block], *rest))
    return found


def plainly(logs):
    """What touches us, by the definition: place, amount, and the purpose of the log right before."""
    found = {}
    for place, log in enumerate(logs):
        sender, receiver = log.topics[1][12:], log.topics[2][12:]
        touches = NOBODY in (sender, receiver) or any(log.block_number >= OURS.get(e, 99) for e in (sender, receiver))
        if log.topics[0] == abi.topic(BKS, "Transfer") and touches:
            before = logs[place - 1] if place else None
            is_told = before is not None and before.block_hash == log.block_hash
            is_told = is_told and before.topics[0] != abi.topic(BKS, "Transfer")
            amount = int.from_bytes(log.data)
            found[log.block_hash, log.log_index] = sender, receiver, amount, before.topics[1] if is_told else None
    return found


@pytest.fixture
def keep(session, monkeypatch):
    monkeypatch.setattr(token_logs, "_ours", lambda _session, _network: OURS)

    def write(logs):
        token_logs.keep(session, NETWORK, logs)
        rows = session.scalars(select(TokenTransfer).execution_options(populate_existing=True))
        return {
            (row.block_hash, row.log_index): (row.sender, row.receiver, int(row.amount), row.purpose) for row in rows
        }

    return write


@given(told)
def test_rows_are_made_of_what_touches_us_and_of_nothing_else(entries):
    logs = in_order(entries)
    facts = Facts.of(NETWORK, logs)
    found = [at for at in token_logs.read(facts) if token_logs._touches(facts, at, OURS)]
    assert {(facts.log(at).block_hash, facts.log(at).log_index) for at in found} == set(plainly(logs))


def test_what_is_kept_is_what_the_logs_say_and_twice_is_once(keep):
    logs = [
        transfer(1, 0, PEOPLE[0], PEOPLE[1]),  # between people
        transfer(1, 1, PEOPLE[0], MARKET, 2**256 - 1),
        transfer(4, 0, LATE, PEOPLE[0]),  # not ours yet
        transfer(5, 0, LATE, PEOPLE[0], 0),
        a_log(6, 0, "Rewarded", bytes(range(12)) + PEOPLE[2], PEOPLE[0], 5),
        transfer(6, 1, NOBODY, PEOPLE[0], 5),
        transfer(6, 2, NOBODY, PEOPLE[1], 5),  # nobody's reward
    ]
    assert keep(logs) == plainly(logs)
    assert keep(logs) == plainly(logs)
    assert [row[3] is not None for row in plainly(logs).values()] == [False, False, True, False]


def test_a_transfer_of_another_shape_stops_the_index(keep):
    log = transfer(1, 0, NOBODY, PEOPLE[0])
    short = Log(NETWORK, *[getattr(log, name) for name in list(Log.__dataclass_fields__)[1:8]], b"")
    with pytest.raises(ValueError, match="shape"):
        keep([short])
