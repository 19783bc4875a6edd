"""A replay from zero gives what stands, after whatever happened; and it disturbs nobody."""

from dataclasses import replace

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings, strategies

from backend.chain import abi, replay
from backend.kit import db
from indexer.rebuild import check
from indexer.runner import Runner
from tests.indexer.marketside import Marketside
from tests.indexer.test_random import ACTS, play


@pytest.fixture
def chain(anvil, tmp_path):
    return Marketside(anvil, tmp_path / "deployments").deploy()


def differing(index):
    return [line for table in check(index.job) for line in table.differs]


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=strategies.lists(ACTS, min_size=4, max_size=12))
def test_after_any_story_a_replay_gives_what_stands(index, chain, story):
    play(index, chain, story)
    assert differing(index) == []


def test_a_reorg_takes_roles_pauses_and_tokens_back(index, chain, command):
    collection = chain.new_collection()
    tokens = chain.mint(collection, *chain.people[1:4])
    chain.reward(1, chain.people[4], 10**18)
    chain.anvil.mine(2)
    index.catch_up()
    before = index.query("SELECT * FROM authority_changes ORDER BY 2, 3, 4"), index.query("SELECT * FROM bks_transfers")
    chain.send(collection, abi.encode_call("TicketCollection", "setGuardian", [chain.people[9]]))
    chain.send(collection, abi.encode_call("TicketCollection", "setPaused", [10]))
    chain.reward(2, chain.people[4], 5)
    chain.pay(chain.people[4], chain.market, 3)
    chain.sell(collection, tokens[0], chain.people[8])
    index.catch_up()
    assert (len(index.query("SELECT 1 FROM authority_changes")), len(index.query("SELECT 1 FROM bks_transfers"))) == (
        len(before[0]) + 2,
        len(before[1]) + 2,
    )
    chain.reorg(5)
    chain.anvil.mine(1)
    index.catch_up()
    after = index.query("SELECT * FROM authority_changes ORDER BY 2, 3, 4"), index.query("SELECT * FROM bks_transfers")
    assert after == before
    assert index.query("SELECT count(*) FROM sales") == [(0,)]
    assert differing(index) == []
    index.job = replace(index.job, finality_depth=1)
    index.catch_up()
    code, out, _ = command("verify")
    assert code == 0, out


def test_a_collection_that_is_paid_before_it_stands_is_read_the_same_live_and_afterwards(index, chain):
    chain.reward(1, chain.people[4], 10**18)
    address = chain.predicted(1)
    with index.following():
        chain.pay(chain.people[4], address, 3)
        index.wait_for(lambda: index.head() == chain.head())
        assert chain.new_collection() == address
        chain.pay(chain.people[4], address, 4)
        index.wait_for(lambda: index.head() == chain.head())
    assert [int(row[0]) for row in index.query("SELECT amount FROM bks_transfers WHERE receiver = %s", address)] == [4]
    assert differing(index) == []


def test_a_replay_keeps_nothing_and_waits_for_nobody(index, chain):
    chain.mint(chain.new_collection(), *chain.people[1:4])
    index.catch_up()
    with psycopg.connect(index.owner_url) as other:
        # Somebody holds every row of the projections and the cursor: a replay reads past them.
        other.execute("SELECT 1 FROM holdings FOR UPDATE")
        other.execute("SELECT 1 FROM chain_cursors FOR UPDATE")
        assert differing(index) == []
    assert index.query("SELECT count(*) FROM pg_class WHERE relname = 'holdings' AND relpersistence = 't'") == [(0,)]
    assert index.holdings() == chain.holdings()


def test_facts_that_cannot_be_are_a_finding(index, chain):
    collection = chain.new_collection()
    tokens = chain.mint(collection, *chain.people[1:4])
    chain.move(collection, tokens[0], chain.people[9])
    index.catch_up()
    index.execute("DELETE FROM chain_logs WHERE (block_hash, log_index) IN (SELECT block_hash, log_index FROM "
                  "token_movements WHERE kind = 'MINT')")  # fmt: skip
    with Runner(index.job).locked() as writer, db.snapshot(writer._engine) as session:
        compared, findings = replay.findings(session, index.job.network)
    assert compared == len(replay.projections())
    assert len(findings) == 1 and "cannot be replayed: BrokenStory" in findings[0]
