"""kill -9 at any point loses nothing and doubles nothing; one process writes, the next takes over."""

import signal

import pytest

from tests.indexer.conftest import assert_same
from tests.indexer.proxy import proxy


@pytest.fixture
def slow_node(chain):
    with proxy(chain.anvil.url) as made:
        made.delay = 0.03
        yield made


def _busy_past(chain):
    collection = chain.new_collection()
    for turn in range(6):
        tokens = chain.mint(collection, *(chain.people[(turn + n) % 10] for n in range(4)))
        chain.move(collection, tokens[0], chain.people[9 - turn])
        chain.anvil.mine(60)
    return collection, tokens


def _kill_beyond(index, process, block):
    index.wait_for(lambda: (index.head() or 0) >= block or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.wait(60)


def test_a_backfill_killed_in_the_middle_is_resumed_without_gap_or_double(index, chain, slow_node, monkeypatch):
    _busy_past(chain)
    slow = index.at(slow_node.url)
    _kill_beyond(slow, slow.run("backfill"), 90)
    first = index.head()
    assert 0 < first < chain.head()
    again = slow.run("backfill")
    _kill_beyond(slow, again, first + 1)
    assert index.head() < chain.head()
    last = index.run("backfill")
    out, err = last.communicate(timeout=60)
    assert last.returncode == 0, (out, err)
    assert "blocks/s" in err
    assert_same(index, chain)


def test_a_follower_killed_between_blocks_and_reorgs_is_taken_over(index, chain):
    """Two processes: one writes, the other waits for its death and goes on."""
    collection, tokens = _busy_past(chain)
    writer = index.run("follow", "--poll", "0.01")
    index.wait_for(lambda: index.head() == chain.head())
    with index.following():
        chain.reorg(3)
        writer.send_signal(signal.SIGKILL)
        chain.move(collection, tokens[1], chain.people[7])
        writer.wait(60)
        index.wait_for(lambda: index.cursor()[1] == chain.head_hash())
    assert_same(index, chain)


def test_sigterm_ends_it_in_good_order(index, chain):
    process = index.run("follow")
    index.wait_for(lambda: index.head() == chain.head())
    process.terminate()
    assert process.wait(60) == 0
    assert "Traceback" not in process.stderr.read()


def test_a_second_process_says_that_it_waits_and_writes_nothing(index, chain):
    with index.following() as _:
        index.wait_for(lambda: index.head() == chain.head())
        other = index.run("follow")
        told = other.stderr.readline() + other.stderr.readline()
        assert "wait" in told
        assert other.poll() is None
        other.terminate()
        assert other.wait(60) == 0
        refused = index.run("rebuild")
        assert refused.wait(60) == 1
        assert "another process" in refused.stderr.read()
