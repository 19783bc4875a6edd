"""bench/reorgs: it counts what the tests say they did, and calls nothing done that was not."""

import pytest

from bench.programs import reorgs
from tests.indexer import test_reorg_kill
from tests.indexer.branches import DEEPEST, KINDS

TOLD = """<testsuites><testsuite>
  <testcase name="one"><properties><property name="undone" value="64" /></properties></testcase>
  <testcase name="two"><properties><property name="undone" value="64" /></properties><failure message="x" /></testcase>
  <testcase name="three"><error message="x" /></testcase>
  <testcase name="four" />
</testsuite></testsuites>"""


def test_what_failed_is_not_counted():
    assert reorgs.counts(TOLD) == {"tests": 4, "held": 2, "undone": 64}


def test_the_goals_are_those_of_the_tests():
    assert (DEEPEST, len(KINDS)) == (reorgs.DEPTHS, reorgs.KINDS)
    assert (len(test_reorg_kill.WHEN), len(test_reorg_kill.UNDOINGS)) == (reorgs.MOMENTS, reorgs.OTHERS)


@pytest.mark.parametrize("noted", [0, 319])
def test_less_than_all_of_them_is_a_miss(monkeypatch, noted):
    class Ended:
        returncode, stdout, stderr = 0, "", ""

    monkeypatch.setattr(reorgs.subprocess, "run", lambda *_, **__: Ended)
    monkeypatch.setattr(reorgs, "counts", lambda _: {"undone": noted, "held": 1, "tests": 1})
    monkeypatch.setattr(reorgs.Path, "exists", lambda _: True)
    monkeypatch.setattr(reorgs.Path, "read_text", lambda _: "")
    assert reorgs.main(["--part", "undone"]) == 1
