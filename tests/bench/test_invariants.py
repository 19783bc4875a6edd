"""The campaign's figures are met when all was called, nothing broke, and every function of the handler worked often."""

from collections import Counter

import pytest

from bench.programs import invariants
from scripts.machine import forge
from scripts.machine.trouble import Trouble

FAILURE = forge.Failure("TokenInvariants.invariant()", "above the cap", ["collection_buy(1, 2)"])


@pytest.fixture
def campaign(monkeypatch):
    """Run the program on this outcome, with these arguments."""

    def campaign(*arguments, calls=1_000_000, rarest=100, failures=()):
        outcome = forge.Outcome(2, calls, list(failures), Counter(give=500, sell=rarest), refused=400, seconds=500.0)
        monkeypatch.setattr(forge, "run", lambda *_given, **_named: outcome)
        monkeypatch.setattr("sys.argv", ["invariants", *arguments])
        return invariants.main()

    return campaign


def test_a_million_calls_without_a_violation_meet_the_goals(campaign, capsys):
    assert campaign("--json") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert '"name": "invariant_calls", "value": 1000000' in last
    assert '"name": "calls_per_second", "value": 2000.0' in last
    assert '"name": "revert_share", "value": 0.4' in last


@pytest.mark.parametrize("short", [{"calls": 999_000}, {"rarest": 99}, {"failures": [FAILURE]}])
def test_a_goal_that_was_missed_fails(campaign, capsys, short):
    assert campaign(**short) == 1
    assert "MISS" in capsys.readouterr().out


def test_a_violation_is_shown_with_its_calls(campaign, capsys):
    campaign(failures=[FAILURE])
    assert "collection_buy(1, 2)" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("--calls", "0"), ("--calls", "many"), ("--seed", "-1")])
def test_arguments_that_mean_nothing_are_refused(campaign, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        campaign(*arguments)
    assert ended.value.code == 2
    assert "error: argument" in capsys.readouterr().err


def test_a_campaign_that_cannot_run_says_why(monkeypatch, capsys):
    def fail(*_given, **_named):
        raise Trouble("no forge for this processor")

    monkeypatch.setattr(forge, "run", fail)
    monkeypatch.setattr("sys.argv", ["invariants"])
    assert invariants.main() == 1
    assert "no forge for this processor" in capsys.readouterr().out
