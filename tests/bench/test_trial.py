"""Which tests a mutant is run against, and in which order."""

import pytest

from bench.mutation_kit.compiler import Built
from bench.mutation_kit.coverage import Coverage
from bench.mutation_kit.mutants import Mutant
from bench.mutation_kit.run import KILLED, OPEN, SURVIVED, Baseline, Result, Trial
from bench.mutation_kit.suite import Verdict, is_wanted

A, B, C = "test_a.py::test_a", "test_b.py::test_b", "test_c.py::test_c"
SOURCE = "contracts/Office.sol"
MUTANT = Mutant("Office.buy:SDL:0", SOURCE, "Office", "buy", "SDL", (0, 1), "x", "y")


class _Compiler:
    """Makes of every source code that is its text."""

    def build(self, sources, wanted):
        return [Built("Office", name, None, sources[name], "") for name in wanted]

    shipped = build


class _Suite:
    """Remembers what it was asked to run."""

    def __init__(self, failed=None):
        self.ran = []
        self._failed = failed

    def run(self, _builds, tests, *, seconds):
        assert seconds > 0
        self.ran.append(list(tests))
        failed = self._failed if self._failed in tests else None
        return Verdict(failed, "", {}, timed_out=False, seconds=1.0)


def _trial(suite):
    coverage = Coverage(
        seconds={},
        reached={A: {"Office.buy"}, B: {"Office.buy"}, C: {"Office.open"}},
        shared={"": {"Office.buy"}},
    )
    builds = {"Office": Built("Office", SOURCE, [], "x", "")}
    return Trial(Baseline({SOURCE: "x"}, builds, [MUTANT], coverage), _Compiler(), suite)


@pytest.mark.parametrize(
    ("killer", "order"),
    [("", [A, B]), (B, [B, A]), (C, [C, A, B]), ("test_a.py::test_that_is_gone", [A, B])],
)
def test_what_killed_it_before_goes_first(killer, order):
    suite = _Suite()
    assert _trial(suite).mutant(MUTANT, None, killer).status == OPEN
    assert suite.ran == [order]


def test_a_mutant_that_is_killed_names_its_killer():
    told = _trial(_Suite(failed=B)).mutant(MUTANT, None)
    assert (told.status, told.killer) == (KILLED, B)


def test_one_that_passed_what_reaches_it_meets_all_others():
    suite = _Suite()
    assert _trial(suite).mutant(MUTANT, Result(OPEN)).status == SURVIVED
    assert suite.ran == [[C]]


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ("test_mint.py::test_a_ticket[1]", True),
        ("test_reentrancy.py::test_a_call_inside_another_gains_nothing[token]", True),
        ("test_reentrancy.py::test_a_call_inside_another_gains_nothing[native coin]", False),
        ("test_metadata.py::test_the_code_fits_the_chain", False),
        ("test_commands.py::test_anything", False),
        ("test_commands_verify.py::test_anything[1]", False),
    ],
)
def test_what_is_about_the_build_or_the_commands_is_left_out(test, wanted):
    assert is_wanted(test) is wanted
