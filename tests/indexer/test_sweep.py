"""Every depth and kind of reorg, one after another on one chain: the index is the chain again, and nothing of the dead
branch is left. `--reorgs` goes through all depths up to 64 with all kinds."""

import gzip
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from indexer.follower import Follower, Step
from indexer.runner import Runner
from indexer.shared import SharedNode, SharedRpc
from scripts.machine import ports
from scripts.machine.anvil import Anvil
from tests.indexer.branches import DEEPEST, KINDS, Branches
from tests.indexer.conftest import assert_same
from tests.indexer.proxy import proxy

DEPTHS = (1, 2, 3, 5, 8, 13, 21, 34, 64)


@contextmanager
def stepping(index) -> Iterator[Callable[[], None]]:
    """Give what brings the index up to its node, in this thread and without waiting."""
    with Runner(index.job).locked() as writer:
        rpc = SharedRpc(index.job.rpc_urls)
        follower = Follower(index.job.network, SharedNode(rpc, index.job.finality_depth), writer)
        follower.start()

        def catch_up():
            for _ in range(50):
                step, tip = follower.step()
                follower.settle(tip, lambda: False, at_the_head=False)
                if step is Step.IDLE and follower.place.mark.hash == tip.head.hash:
                    return
            raise AssertionError("it does not arrive")

        try:
            yield catch_up
        finally:
            follower.close()
            rpc.close()


@pytest.fixture
def branches(chain):
    collection = chain.new_collection()
    chain.mint(collection, *chain.people[:4])
    return Branches(chain, collection, random.Random(17))


def _depths(config, kind):
    if config.getoption("--reorgs"):
        return range(1, DEEPEST + 1)
    place = KINDS.index(kind)
    return [depth for at, depth in enumerate(DEPTHS) if (at + 5 - place) % 5 in {0, 3}]


@pytest.mark.timeout(1200)  # with --reorgs
@pytest.mark.parametrize("kind", KINDS)
def test_every_depth_and_kind_is_undone_and_redone(index, chain, branches, pytestconfig, record_property, kind):
    depths = _depths(pytestconfig, kind)
    record_property("undone", len(depths))
    with stepping(index) as catch_up:
        for depth in depths:
            branches.grow(depth)
            catch_up()
            height, dead = chain.head(), chain.head_hash()
            branches.reorg(depth, kind)
            assert (chain.head(), chain.head_hash() == dead) == (height, False), "of equal height, and another"
            catch_up()
            assert_same(index, chain)
    assert _rows_of_no_block(index, chain) == 0


def test_a_reorg_of_a_reorg_before_and_after_it_was_seen(index, chain, branches):
    with stepping(index) as catch_up:
        for is_seen in (True, False):
            for first, second in ((3, 3), (3, 5), (5, 2)):
                branches.grow(6)
                catch_up()
                height = chain.head()
                branches.reorg(first, "shuffled")
                if is_seen:
                    catch_up()
                branches.reorg(second, "half")
                assert chain.head() == height
                catch_up()
                assert_same(index, chain)
    assert _rows_of_no_block(index, chain) == 0


@pytest.fixture
def twin(chain, branches, tmp_path):
    """Another node with the same past, which goes on by itself from here."""
    state = tmp_path / "twin.json"
    state.write_bytes(gzip.decompress(bytes.fromhex(chain.rpc("anvil_dumpState")[2:])))
    first = chain.rpc("eth_getBlockByNumber", "0x0", False)
    state.with_name("twin.json.began").write_text(str(int(first["timestamp"], 16)))
    node = Anvil(tmp_path / "twin", ports.free_port(), tmp_path / "twin.log", state=state)
    node.start()
    try:
        yield replace(chain, anvil=node)
    finally:
        node.kill()


def test_flapping_ten_times_between_two_branches(index, chain, branches, twin):
    """As behind a balancer whose nodes disagree: the very same blocks come back, by hash."""
    theirs = Branches(twin, branches.collection, random.Random(4))
    branches.grow(4)
    theirs.grow(6)
    assert chain.head_hash() != twin.head_hash()
    with proxy(chain.anvil.url) as node, stepping(index.at(node.url)) as catch_up:
        for turn in range(10):
            now = (chain, twin)[turn % 2]
            node.target = now.anvil.url
            catch_up()
            assert_same(index, now)
            assert _rows_of_no_block(index, now) == 0


def _rows_of_no_block(index, chain):
    numbers = range(chain.head() + 1)
    real = [bytes.fromhex(chain.rpc("eth_getBlockByNumber", hex(n), False)["hash"][2:]) for n in numbers]
    query = """
        SELECT (SELECT count(*) FROM chain_blocks WHERE NOT hash = ANY(%s))
             + (SELECT count(*) FROM chain_logs WHERE NOT block_hash = ANY(%s))
             + (SELECT count(*) FROM token_movements WHERE NOT block_hash = ANY(%s))
    """
    return index.query(query, real, real, real)[0][0]
