"""How far the index is, whether it is dead, halted, stuck or was never started, as /health and /metrics tell it."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from backend import operations
from backend.chain import registry
from backend.chain.endpoints import Condition
from backend.chain.models import ChainBlock, ChainCursor
from backend.chain.progress import FACTS_CURSOR, FINAL_CURSORS, finalized, lock_key, progress, state
from backend.kit import db
from indexer import writer
from tests.factories.tickets import NETWORK
from tests.fixtures.database import TEMPLATE

OTHER = "eip155:97"


@pytest.fixture
def cursor(session, now):
    """The index is at block 7, whose time is five seconds ago; block 5 is final, one handler has had up to 4."""
    facts = ChainCursor(
        network=NETWORK, name=FACTS_CURSOR, block_number=7, block_hash=b"\7", finalized_number=5, updated_at=now
    )
    handlers = [
        ChainCursor(network=NETWORK, name=FINAL_CURSORS + name, block_number=at, finalized_number=0, updated_at=now)
        for name, at in (("a", 4), ("b", 5))
    ]
    block = ChainBlock(network=NETWORK, hash=b"\7", number=7, timestamp=now - timedelta(seconds=5), canonical=True)
    session.add_all([facts, *handlers, block])
    session.flush()
    return facts


@pytest.fixture
def follower(cluster):
    """Another connection that holds the network's lock, as the process which follows it does."""
    engine = create_engine(db.driver_url(cluster.url("backstage_index", TEMPLATE)))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": lock_key(NETWORK)})
        yield
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock_all()"))
    engine.dispose()


def told(client, network=NETWORK):
    answer = client.get("/health")
    assert answer.status_code == 200
    [one] = [one for one in answer.json()["networks"] if one["network"] == network]
    return one


def figures(client, name):
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(f"backstage_{name}{{")]
    return {line.split("{")[1].split("}")[0]: float(line.split()[-1]) for line in lines}


def states(client):
    return [key.split('state="')[1][:-1] for key, value in figures(client, "index_state").items() if value == 1.0]


def test_an_index_that_was_never_started_is_new(client, session):
    one = told(client)
    assert (one["status"], one["last_block"], one["lag_seconds"], one["lag_blocks"]) == ("NEW", None, None, None)
    assert states(client) == ["NEW"]
    assert figures(client, "index_last_block") == {}


def test_an_index_that_nobody_follows_is_stopped_however_recent(client, cursor):
    one = told(client)
    assert (one["status"], one["last_block"], one["lag_seconds"]) == ("STOPPED", 7, 5.0)
    assert states(client) == ["STOPPED"]


def test_an_index_that_is_followed_is_running(client, cursor, follower):
    one = told(client)
    assert (one["status"], one["finalized_block"], one["settled_block"], one["stuck_handlers"]) == ("RUNNING", 5, 4, [])
    assert states(client) == ["RUNNING"]
    key = f'network="{NETWORK}"'
    for name, figure in (("last_block", 7), ("finalized_block", 5), ("settled_block", 4), ("lag_seconds", 5)):
        assert figures(client, f"index_{name}") == {key: figure}


def test_the_lock_of_another_network_does_not_count(session, cursor, follower, now):
    session.add(ChainCursor(network=OTHER, name=FACTS_CURSOR, block_number=1, finalized_number=0, updated_at=now))
    session.flush()
    assert {one.network: one.status for one in progress(session, now)} == {NETWORK: "RUNNING", OTHER: "STOPPED"}


@pytest.mark.parametrize("status", ["STUCK", "HALTED"])
def test_an_index_that_cannot_go_on_says_so_followed_or_not(client, session, cursor, follower, status):
    cursor.status = status
    session.flush()
    assert told(client)["status"] == status
    assert states(client) == [status]


def test_a_handler_that_fails_is_named_while_facts_advance(client, session, cursor, follower, now):
    broken = session.get(ChainCursor, (NETWORK, FINAL_CURSORS + "a"))
    broken.status = "STUCK"
    session.flush()
    assert (told(client)["status"], told(client)["stuck_handlers"]) == ("RUNNING", ["final:a"])


def test_an_index_whose_newest_block_has_no_header_here_is_as_old_as_the_newest_that_has(client, session, cursor, now):
    cursor.block_number, cursor.block_hash = 900, b"\x90"
    session.add(ChainBlock(network=NETWORK, hash=b"\x80", number=901, timestamp=now, canonical=True))
    session.flush()
    assert told(client)["lag_seconds"] == 5.0


@pytest.mark.parametrize(("head", "lag"), [(7, 0), (12, 5), (6, 0), (None, None)])
def test_the_lag_in_blocks_is_to_what_our_nodes_showed(client, cursor, monkeypatch, head, lag):
    monkeypatch.setattr(registry, "conditions", lambda **_: [Condition(NETWORK, None, (), head)])
    assert told(client)["lag_blocks"] == lag
    assert figures(client, "index_lag_blocks") == ({} if lag is None else {f'network="{NETWORK}"': lag})


def test_health_answers_while_the_index_is_dead_and_ready_refuses_only_a_halt(client, cursor, session, monkeypatch):
    monkeypatch.setattr(operations, "_CHECKS", {"index": operations._check_index})
    assert client.get("/ready").status_code == 200
    cursor.status = "HALTED"
    session.flush()
    assert client.get("/ready").status_code == 503
    assert client.get("/health").json()["status"] == "ok"


def test_the_lock_is_the_one_the_indexer_takes():
    assert writer.lock_key is lock_key
    assert lock_key(NETWORK) != lock_key(OTHER)


def test_a_state_changes_with_every_cursor_and_the_newest_final_block_is_read(session, cursor, now):
    assert (finalized(session, NETWORK), finalized(session, OTHER)) == (5, -1)
    seen = {state(session, NETWORK)}
    session.get(ChainCursor, (NETWORK, FINAL_CURSORS + "a")).block_number = 5
    session.flush()
    seen.add(state(session, NETWORK))
    assert len(seen | {state(session, OTHER)}) == 3
