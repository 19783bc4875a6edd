"""Each operation of our contracts costs what it cost: `bench/gas --rewrite-snapshot` after a change that is meant."""

import pytest

from bench.gas_kit import snapshot
from bench.gas_kit.node import node


def test_no_operation_has_become_dearer_or_cheaper_by_more_than_a_hundredth():
    with node() as running:
        found = snapshot.measure(running)
    drifted = snapshot.drifts(snapshot.read(), found)
    assert not drifted, f"if this is meant: {snapshot.REWRITE}"


@pytest.mark.parametrize("found", [10_100, 9_900, 10_000])
def test_a_hundredth_is_borne(found):
    assert snapshot.drifts({"burn": 10_000}, {"burn": found}) == []


@pytest.mark.parametrize(("found", "told"), [(10_101, "+1.0%"), (9_899, "-1.0%"), (12_000, "+20.0%")])
def test_more_than_a_hundredth_is_told_either_way(found, told):
    assert snapshot.drifts({"burn": 10_000}, {"burn": found}) == [f"burn: {found:,}, kept 10,000 ({told})"]


def test_an_operation_that_is_gone_or_new_is_told():
    assert snapshot.drifts({"burn": 1, "buy": 2}, {"burn": 1, "give": 3}) == [
        "buy: 2 was kept and is not measured",
        "give: 3 is measured and was not kept",
    ]


def test_what_was_kept_is_read_back(tmp_path):
    snapshot.write({"burn": 7, "approve": 5}, tmp_path / "kept.json")
    assert snapshot.read(tmp_path / "kept.json") == {"approve": 5, "burn": 7}
