"""kill -9 of the real process around the commit that undoes a branch, for every way a branch can be undone."""

import random
import signal
from functools import partial

import pytest

from tests.indexer.branches import DEEPEST, KINDS, Branches
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


WHEN = ("before", "after")
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


@pytest.fixture
def killed(index, chain, branches):
    """Undoes blocks under a follower that is killed at it, and lets another process take over."""
    runs = index.armed()

    def kill(when, grown, undo):
        runs.stdin.write(f"{when} follow --poll 0.01\n")
        runs.stdin.flush()
        branches.grow(grown)
        index.wait_for(lambda: index.cursor() and index.cursor()[1] == chain.head_hash(), 30)
        before = _kept(index)
        undo(branches)
        assert int(runs.stdout.readline()) == -signal.SIGKILL
        if when == "before":
            assert _kept(index) == before
        else:
            assert index.cursor()[1] != before[0][1]
        index.catch_up()
        assert_same(index, chain)

    return kill


def _kept(index):
    return index.cursor()[:2], index.logs(), index.holdings()


@pytest.mark.parametrize("when", WHEN)
def test_killed_around_the_commit_of_a_reorg(killed, when, pytestconfig, record_property):
    names = list(UNDOINGS) if pytestconfig.getoption("--reorgs") else list(UNDOINGS)[when == "after" :: 2]
    record_property("killed", len(names))
    for name in names:
        killed(when, 9, UNDOINGS[name])


def pytest_generate_tests(metafunc):
    """With --reorgs every depth of every kind, before and after; else one depth of each kind, in turn."""
    if "depths" not in metafunc.fixturenames:
        return
    every = metafunc.config.getoption("--reorgs")
    cases = [(when, kind) for place, kind in enumerate(KINDS) for when in WHEN if every or when == WHEN[place % 2]]
    depths = range(1, DEEPEST + 1) if every else (40,)
    metafunc.parametrize(("when", "kind"), cases)
    metafunc.parametrize("depths", [depths], ids=[f"{depths[0]}-{depths[-1]}"])


@pytest.mark.timeout(1200)  # with --reorgs
def test_killed_at_every_depth_of_every_kind(killed, when, kind, depths, record_property):
    record_property("killed", len(depths))
    for depth in depths:
        killed(when, depth, partial(Branches.reorg, depth=depth, kind=kind))
