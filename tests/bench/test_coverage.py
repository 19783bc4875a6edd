"""Which tests a change concerns: none that could notice it may be left out."""

import pytest

from bench.mutation_kit.coverage import Coverage

A, B, C, D = "test_sale.py::test_a", "test_sale.py::test_b", "test_mint.py::test_c", "test_mint.py::test_d"


@pytest.fixture
def coverage():
    return Coverage(
        seconds={A: 3.0, B: 1.0, C: 1.0, D: 2.0},
        reached={A: {"Office.buy"}, B: {"Office.buy", "Office.pay"}, C: {"Office.buy"}, D: set()},
        shared={"": {"Office.open"}, "test_mint.py": {"Office.mint"}},
    )


def test_the_module_most_about_a_function_comes_first_and_its_fastest_test(coverage):
    assert coverage.likely("Office.buy") == [B, A, C]
    assert coverage.others("Office.buy") == []


def test_what_reaches_everything_comes_last(coverage):
    coverage.reached["test_all.py::test_e"] = {"Office.buy", "Office.pay", "Office.open"}
    assert coverage.likely("Office.buy") == [B, A, C, "test_all.py::test_e"]


def test_what_all_tests_share_concerns_all_of_them(coverage):
    assert coverage.likely("Office.open") == []
    assert coverage.others("Office.open") == [A, B, C, D]


def test_what_a_module_shares_concerns_its_tests(coverage):
    assert coverage.others("Office.mint") == [C, D]


def test_what_no_test_is_known_to_reach_concerns_all_of_them(coverage):
    assert coverage.others("Office.CONSTANT") == [A, B, C, D]


def test_a_call_stopped_at_the_door_never_comes_to_the_body(coverage):
    # D is turned away by a modifier of buy: only a run of everything can tell that it would notice.
    assert coverage.likely("Office.pay", at_the_door=True) == [B, A]
    assert coverage.others("Office.pay", at_the_door=True) == [C, D]


@pytest.mark.parametrize("where", ["Office.buy", "Office.pay", "Office.open", "Office.mint", "Office.CONSTANT"])
@pytest.mark.parametrize("at_the_door", [False, True])
def test_no_test_runs_twice(coverage, where, at_the_door):
    likely = coverage.likely(where, at_the_door=at_the_door)
    others = coverage.others(where, at_the_door=at_the_door)
    assert len({*likely, *others}) == len(likely) + len(others)
