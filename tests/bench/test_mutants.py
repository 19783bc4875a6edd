"""What becomes a mutant, that its id outlives other changes, and that an interrupted campaign loses nothing."""

import pytest

from bench.mutation_kit import state as states
from bench.mutation_kit import tables
from bench.mutation_kit.compiler import Compiler, DoesNotCompile, dependents, read_sources
from bench.mutation_kit.mutants import GROUPS, OPERATORS, all_mutants, critical, sample
from bench.mutation_kit.run import INVALID, KILLED, SURVIVED, Result
from bench.mutation_kit.state import Explanation, State, explanations
from bench.programs import mutation
from scripts.machine.trouble import Trouble

SOURCE = "contracts/Till.sol"
TILL = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice a < b, and i + 1: words of a comment are no code
contract Till {
    error Empty();
    event Paid(address from, address to, uint256 amount);

    uint256 public constant FEE = 3;
    uint256 public held;

    modifier open() {
        if (held == 0) revert Empty();
        _;
    }

    function pay(address from, address to, uint256 amount) external open returns (bool) {
        string memory said = "a < b && c";
        if (amount > held && bytes(said).length != 0) held -= amount + FEE;
        emit Paid(from, to, amount);
        return true;
    }

    function last(uint256 word) external pure returns (uint256 bits) {
        assembly {
            bits := and(shr(8, word), 0xff)
        }
    }
}
"""


@pytest.fixture(scope="module")
def compiler():
    with Compiler() as running:
        yield running


@pytest.fixture(scope="module")
def till(compiler):
    return mutants_of(compiler, TILL)


def mutants_of(compiler, text):
    sources = {SOURCE: text}
    return all_mutants(compiler.syntax_trees(sources), sources)


def changes(mutants):
    return {(mutant.operator, mutant.original, mutant.replacement) for mutant in mutants}


@pytest.mark.parametrize(
    "change",
    [
        ("ROR", "amount > held", "amount >= held"),
        ("ROR", "held == 0", "held != 0"),
        ("LCR", "amount > held && bytes(said).length != 0", "amount > held || bytes(said).length != 0"),
        ("OD", "amount > held && bytes(said).length != 0", "(amount > held)"),
        ("AOR", "amount + FEE", "amount - FEE"),
        ("AOR", "held -= amount + FEE", "held += amount + FEE"),
        ("AOR", "held -= amount + FEE", "held = amount + FEE"),
        ("SDL", "held -= amount + FEE;", "{}"),
        ("SDL", "emit Paid(from, to, amount);", "{}"),
        ("ASR", "Paid(from, to, amount)", "Paid(to, from, amount)"),
        ("GRD", "if (held == 0) revert Empty();", "if (held == 0) {}"),
        ("CBR", "amount > held && bytes(said).length != 0", "false"),
        ("MOD", "open", ""),
        ("RVR", "return true;", "{}"),
        ("CRP", "true", "false"),
        ("CRP", "3", "4"),
        ("CRP", "0xff", "0xfe"),
        ("AOR", "shr(8, word)", "shl(8, word)"),
        ("SDL", "bits := and(shr(8, word), 0xff)", "{}"),
    ],
    ids=lambda change: f"{change[0]} {change[2]}",
)
def test_an_operator_makes_its_change(till, change):
    assert change in changes(till)


def test_comments_and_strings_are_left_alone(till):
    first_line_of_code = TILL.index("contract Till")
    said = TILL.index('"a < b && c"')
    for mutant in till:
        assert mutant.span[0] >= first_line_of_code
        assert not said <= mutant.span[0] < said + len('"a < b && c"')


def test_every_mutant_differs_in_its_span_alone_and_nearly_all_compile(compiler, till):
    refused = []
    for mutant in till:
        changed = mutant.apply(TILL)
        assert changed != TILL
        assert changed[: mutant.span[0]] == TILL[: mutant.span[0]]
        try:
            compiler.build({SOURCE: changed}, [SOURCE])
        except DoesNotCompile:
            refused.append(mutant.id)
    assert not refused
    assert len({mutant.id for mutant in till}) == len(till)
    assert len({mutant.apply(TILL) for mutant in till}) == len(till)


def test_ids_outlive_new_lines_and_comments_and_other_functions(compiler, till):
    moved = TILL.replace("    modifier open", "    // a word\n    function more() external {}\n\n    modifier open")
    assert {mutant.id for mutant in till} <= {mutant.id for mutant in mutants_of(compiler, moved)}


def test_a_change_of_the_code_itself_changes_the_id(compiler, till):
    other = mutants_of(compiler, TILL.replace("amount > held", "amount > held + 1"))
    assert {mutant.id for mutant in till} - {mutant.id for mutant in other}


def test_a_source_that_does_not_compile_is_told(compiler):
    with pytest.raises(DoesNotCompile, match="ParserError"):
        compiler.build({SOURCE: TILL.replace("contract Till {", "contract Till")}, [SOURCE])


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another(till):
    drawn = [mutant.id for mutant in sample(till, 10, 1)]
    assert drawn == [mutant.id for mutant in sample(list(reversed(till)), 10, 1)]
    assert drawn != [mutant.id for mutant in sample(till, 10, 2)]
    assert len(set(drawn)) == 10
    assert len(sample(till, 10_000, 1)) == len(till)


def test_what_imports_a_source_depends_on_it():
    sources = read_sources()
    assert "contracts/testdoubles/OddToken.sol" not in dependents(sources, "contracts/BKS.sol")
    assert {"contracts/TicketCollection.sol", "contracts/ResaleMarket.sol"} <= set(
        dependents(sources, "contracts/libraries/Payments.sol")
    )


def test_every_critical_function_is_in_the_contracts(compiler):
    sources = read_sources()
    mutants = all_mutants(compiler.syntax_trees(sources), sources)
    assert {mutant.operator for mutant in mutants} == set(OPERATORS)
    there = {mutant.where for mutant in mutants} | {f"{mutant.contract}.*" for mutant in mutants}
    for group, functions in GROUPS.items():
        # A function whose body is one call to another has no mutant that is not the other's.
        assert not [name for name in functions if name not in there], group
        assert critical(mutants, [group])
    assert explanations().keys() <= {mutant.id for mutant in mutants}


# ---- what is kept


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "results.jsonl"


def test_a_result_is_known_to_the_next_run(kept):
    State(kept).add("a", "code", "tests", Result(KILLED, "test_x.py::test_y", "why", 1.5, 3))
    assert State(kept).known("a", "code", "tests", {"test_x.py::test_y"}) == Result(
        KILLED, "test_x.py::test_y", "why", 1.5, 3
    )
    assert State(kept).known("b", "code", "tests", ()) is None


def test_a_line_that_a_kill_cut_off_is_tried_again_and_spoils_nothing(kept):
    state = State(kept)
    state.add("a", "code", "tests", Result(INVALID))
    state.add("b", "code", "tests", Result(INVALID))
    whole = kept.read_bytes()
    for cut in range(len(whole)):
        kept.write_bytes(whole[:cut])
        again = State(kept)
        if again.known("b", "code", "tests", ()) is None:
            again.add("b", "code", "tests", Result(INVALID))
        assert State(kept).known("b", "code", "tests", ()) == Result(INVALID)


def test_a_survivor_is_tried_again_when_a_test_has_changed_a_killed_one_is_not(kept):
    state = State(kept)
    state.add("lives", "code", "tests", Result(SURVIVED))
    state.add("dead", "code", "tests", Result(KILLED, "test_x.py::test_y"))
    assert state.known("lives", "code", "tests", ()) is not None
    assert state.known("lives", "code", "other tests", ()) is None
    assert state.known("dead", "code", "other tests", {"test_x.py::test_y"}) is not None
    assert state.known("dead", "code", "other tests", {"test_x.py::test_z"}) is None  # its killer is gone


def test_other_code_makes_every_result_void(kept):
    state = State(kept)
    state.add("dead", "code", "tests", Result(KILLED, "test"))
    assert state.known("dead", "other code", "tests", {"test"}) is None
    assert state.killer("dead") == "test"  # tells where to begin
    assert state.killer("never tried") == ""


def test_forgetting_begins_anew(kept):
    state = State(kept)
    state.add("a", "code", "tests", Result(INVALID))
    state.forget()
    assert not kept.exists()
    assert state.known("a", "code", "tests", ()) is None


# ---- what is explained and what is told


def test_an_explanation_needs_a_reason_and_stands_once(tmp_path):
    listed = tmp_path / "equivalent.toml"
    entry = '[[equivalent]]\nid = "a"\nchange = "x -> y"\nreason = "%s"\n'
    listed.write_text(entry % "nobody can tell")
    assert explanations(listed)["a"].reason == "nobody can tell"
    for spoilt in (entry % " ", entry % "x" * 2, '[[equivalent]]\nid = "a"\n'):
        listed.write_text(spoilt)
        with pytest.raises(Trouble):
            explanations(listed)


def test_the_score_is_about_mutants_that_count(till):
    explained = {till[4].id: Explanation(till[4].id, "", "because")}
    results = {till[0].id: Result(KILLED), till[1].id: Result(SURVIVED), till[2].id: Result(INVALID)}
    tally = tables.Tally.of(till[:5], results, explained)
    assert (tally.killed, tally.survived, tally.left_out, tally.untried, tally.explained) == (1, 1, 1, 1, 1)
    assert (tally.counted, tally.score) == (2, 50.0)
    assert tables.Tally.of([], {}, {}).score == 100.0


def test_survivors_are_told_with_their_line_and_change(till, capsys):
    mutant = next(one for one in till if one.original == "amount + FEE")
    tables.show([mutant], {mutant.id: Result(SURVIVED)}, {}, {SOURCE: TILL})
    told = capsys.readouterr().out
    line = TILL[: TILL.index("amount + FEE")].count("\n") + 1
    assert f"{SOURCE}:{line}" in told
    assert "- amount + FEE" in told
    assert "+ amount - FEE" in told


@pytest.mark.parametrize(
    "arguments", [["--only", "door"], ["--sample", "-1"], ["--jobs", "0"], ["--fresh", "--resume"]]
)
def test_options_that_make_no_sense_are_refused(arguments):
    with pytest.raises(SystemExit) as refused:
        mutation.main(arguments)
    assert refused.value.code == 2


def test_results_are_kept_where_git_does_not_look():
    assert states.RESULTS.is_relative_to(states.WORK)
    assert ".build" in states.RESULTS.parts
