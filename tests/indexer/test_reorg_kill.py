"""kill -9 of the real process around the commit that undoes a branch, for every way a branch can be undone."""

import random
import signal

import pytest

from tests.indexer.branches import Branches
from tests.indexer.conftest import assert_same


def _double(branches):
    branches.reorg(3, "drop")
    branches.reorg(5, "half")


def _same_height_again(branches):
    branches.reorg(4, "shuffled")
    branches.reorg(4, "same")


def _longer(branches):
    branches.reorg(2, "late")
    branches.grow(3)


def _flapping(branches):
    for turn in range(10):
        branches.reorg(1 + turn % 3, ("same", "drop")[turn % 2])


UNDOINGS = {
    "drop": lambda branches: branches.reorg(1, "drop"),
    "same": lambda branches: branches.reorg(4, "same"),
    "late": lambda branches: branches.reorg(6, "late"),
    "half": lambda branches: branches.reorg(3, "half"),
    "shuffled": lambda branches: branches.reorg(8, "shuffled"),
    "double": _double,
    "the same height again": _same_height_again,
    "longer": _longer,
    "shorter": lambda branches: branches.cut(3),
    "flapping": _flapping,
}


@pytest.fixture
def branches(chain):
    collection = chain.new_collection()
    chain.mint(collection, *chain.people[:4])
    return Branches(chain, collection, random.Random(9))


def _kept(index):
    return index.cursor()[:2], index.logs(), index.holdings()


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_the_commit_of_a_reorg(index, chain, branches, when, pytestconfig):
    names = list(UNDOINGS) if pytestconfig.getoption("--reorgs") else list(UNDOINGS)[when == "after" :: 2]
    for name in names:
        process = index.run_armed(when, "follow", "--poll", "0.01")
        branches.grow(9)
        index.wait_for(lambda: index.cursor() and index.cursor()[1] == chain.head_hash(), 30)
        before = _kept(index)
        UNDOINGS[name](branches)
        assert process.wait(20) == -signal.SIGKILL, name
        if when == "before":
            assert _kept(index) == before, name
        else:
            assert index.cursor()[1] != before[0][1], name
        index.catch_up()
        assert_same(index, chain)
