"""slither's answer is judged by check, file and function: line numbers may move, reasons may not be missing."""

import json

import pytest

from bench.slither_kit.findings import EXPLAINED, HELD, Verdict, explanations, judge, read
from scripts.machine.trouble import Trouble


def element(kind="function", name="settle", file="contracts/ResaleMarket.sol", parent=None):
    fields = {"parent": parent} if parent else {}
    return {"type": kind, "name": name, "source_mapping": {"filename_relative": file}, "type_specific_fields": fields}


def answer(*results, success=True):
    return {
        "success": success,
        "error": "no compiler" if not success else None,
        "results": {"detectors": list(results)},
    }


def result(impact="High", check="reentrancy-eth", first=None):
    return {"impact": impact, "check": check, "description": "it is so\n", "elements": [first or element()]}


KEY = ("reentrancy-eth", "contracts/ResaleMarket.sol", "settle")


@pytest.mark.parametrize("impact", HELD)
def test_a_finding_wants_an_explanation(impact):
    found = read(answer(result(impact)))
    assert [finding.key for finding in judge(found, set()).unexplained] == [KEY]
    assert judge(found, {KEY}) == Verdict(unexplained=[], explained=found, stale=[])


@pytest.mark.parametrize("impact", ["Low", "Informational", "Optimization"])
def test_a_lesser_finding_wants_none_and_fulfils_none(impact):
    verdict = judge(read(answer(result(impact))), {KEY})
    assert (verdict.unexplained, verdict.explained, verdict.stale) == ([], [], [KEY])


@pytest.mark.parametrize(
    "first",
    [element(name="pay"), element(file="contracts/BKS.sol"), element("contract", "ResaleMarket")],
    ids=["another function", "another file", "the whole contract"],
)
def test_an_explanation_is_for_one_place(first):
    assert judge(read(answer(result(first=first))), {KEY}).unexplained


def test_a_variable_is_found_by_its_function():
    local = element("variable", "d", parent={"type": "function", "name": "settle"})
    assert read(answer(result(first=local)))[0].key == KEY
    state = element("variable", "d", parent={"type": "contract", "name": "ResaleMarket"})
    assert read(answer(result(first=state)))[0].place == "d"


def test_a_run_that_failed_is_not_a_run_without_findings():
    with pytest.raises(Trouble, match="no compiler"):
        read(answer(success=False))


def test_every_explanation_has_a_reason(tmp_path):
    assert explanations(EXPLAINED)
    bare = tmp_path / "explained.toml"
    entry = {"check": "a", "file": "b", "in": ["c"], "reason": " "}
    bare.write_text("[[finding]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in entry.items()))
    with pytest.raises(Trouble, match="has no reason"):
        explanations(bare)
