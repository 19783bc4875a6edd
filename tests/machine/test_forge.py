"""What forge tells is read whole: what failed and how, what was reached, what was not."""

import json

import pytest

from scripts import source_hash
from scripts.machine import forge, layout
from scripts.machine.trouble import Trouble

HANDLER = {
    "methodIdentifiers": {"give(uint256)": "aaaaaaaa", "sell(uint256)": "bbbbbbbb", "ids(uint256)": "cccccccc"},
    "abi": [
        {"type": "function", "name": "give", "stateMutability": "nonpayable"},
        {"type": "function", "name": "sell", "stateMutability": "nonpayable"},
        {"type": "function", "name": "ids", "stateMutability": "view"},
    ],
}
HELD = {"status": "Success", "reason": None, "counterexample": None, "kind": {"Invariant": {"calls": 500}}}
BROKEN = {
    "status": "Failure",
    "reason": "above the cap",
    "counterexample": {"Sequence": [9, [{"func_name": "give", "calldata": "0xaaaaaaaa", "raw_args": "7"}]]},
    "kind": {"Invariant": {"calls": 20}},
}


@pytest.fixture
def tell(tmp_path, monkeypatch):
    """Put a program in forge's place that tells this."""
    (tmp_path / "Handler.json").write_text(json.dumps(HANDLER))
    monkeypatch.setattr(forge, "_HANDLER", tmp_path / "Handler.json")
    monkeypatch.setattr(layout, "INSTALLED", tmp_path)
    program = tmp_path / "forge"
    monkeypatch.setattr(layout, "foundry", lambda _tool: program)

    def tell(result, tally="", build=0):
        (tmp_path / "told").write_text(
            result if isinstance(result, str) else json.dumps({"a.sol:A": {"test_results": result}})
        )
        (tmp_path / "tally").write_text(tally)
        program.write_text(
            f'#!/bin/sh\n[ "$1" = build ] && {{ echo no solc; exit {build}; }}\n'
            f'cat {tmp_path}/tally > "$BACKSTAGE_TALLIES/native.txt"\necho remarks\ncat {tmp_path}/told\necho\n'
            'echo "$FOUNDRY_INVARIANT_RUNS $BACKSTAGE_TALLIES $FOUNDRY_PROFILE $*" > '
            + str(tmp_path / "asked")
            + "\nexit 1\n",
        )
        program.chmod(0o700)
        return tmp_path / "asked"

    return tell


def test_what_was_called_and_reached_is_counted(tell):
    tell({"one()": HELD, "two()": HELD}, "0xaaaaaaaa:5:1 0xbbbbbbbb:1:3 \n0xaaaaaaaa:2:0 \n")
    outcome = forge.run(1000, 1)
    assert (outcome.held, outcome.calls, outcome.failures) == (2, 1000, [])
    assert outcome.succeeded == {"give": 7, "sell": 1}
    assert outcome.rarest() == ("sell", 1)
    assert outcome.refused_share() == pytest.approx(4 / 12)


def test_a_function_that_was_never_tried_counts_as_never_reached(tell):
    tell({"one()": HELD}, "0xaaaaaaaa:5:1 \n")
    assert forge.run(1000, 1).rarest() == ("sell", 0)


def test_a_violation_comes_with_the_calls_that_lead_there(tell, capsys):
    tell({"one()": BROKEN, "two()": HELD})
    (failure,) = forge.run(1000, 1).failures
    forge.show(failure)
    assert "A.one(): above the cap" in capsys.readouterr().out
    assert failure.calls == ["give(7)"]


def test_calls_are_rounded_up_and_the_users_own_settings_are_left_out(tell, monkeypatch):
    monkeypatch.setenv("FOUNDRY_PROFILE", "theirs")
    asked = tell({"one()": HELD})
    forge.run(1001, 42, jobs=1)
    runs, *rest = asked.read_text().split()
    assert runs == "2"
    assert "theirs" not in rest
    assert rest[-4:] == ["--fuzz-seed", "42", "--threads", "1"]


def test_nothing_is_left_of_a_run(tell):
    asked = tell({"one()": HELD})
    forge.run(1000, 1)
    _, folder, *_ = asked.read_text().split()
    assert "/foundry/run-" in folder
    assert not (layout.ROOT / folder).exists()


def test_no_results_are_trouble_and_no_success(tell):
    tell("Error: out of memory")
    with pytest.raises(Trouble, match="out of memory"):
        forge.run(1000, 1)


def test_tests_that_do_not_compile_are_trouble(tell):
    tell({"one()": HELD}, build=1)
    with pytest.raises(Trouble, match="could not compile"):
        forge.run(1000, 1)


def test_artifacts_of_other_sources_are_not_tested(tell, monkeypatch):
    tell({"one()": HELD})
    monkeypatch.setattr(source_hash, "source_hash", lambda _name: "0x00")
    with pytest.raises(Trouble, match="export_artifacts"):
        forge.run(1000, 1)


ENOUGH = HELD | {"kind": {"Invariant": {"calls": 20_000}}}


def test_the_short_run_holds_when_everything_held_and_was_reached(tell, capsys):
    tell({"one()": ENOUGH}, "0xaaaaaaaa:5:1 0xbbbbbbbb:1:3 \n")
    assert forge.main() == 0
    assert capsys.readouterr().out == "1 tests, 20,000 calls, 0 failures\n"


@pytest.mark.parametrize(
    ("results", "tally", "said"),
    [
        ({"one()": ENOUGH}, "0xaaaaaaaa:5:1 \n", "never succeeded with: sell"),
        ({"one()": ENOUGH, "two()": BROKEN}, "0xaaaaaaaa:5:1 0xbbbbbbbb:1:3 \n", "above the cap"),
        ({"one()": HELD}, "0xaaaaaaaa:5:1 0xbbbbbbbb:1:3 \n", "500 calls"),
    ],
)
def test_the_short_run_fails_otherwise_and_says_why(tell, capsys, results, tally, said):
    tell(results, tally)
    assert forge.main() == 1
    assert said in capsys.readouterr().out
