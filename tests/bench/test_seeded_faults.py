"""Known faults put into the contracts: every patch still fits the sources as they are."""

import pytest

from bench.mutation_kit.compiler import read_sources
from bench.mutation_kit.faults import FAULTS, DoesNotApply, Fault
from bench.programs import seeded_faults


@pytest.fixture(scope="module")
def sources():
    return read_sources()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_changes_one_place_of_one_source(sources, fault):
    faulty = fault.apply(sources)
    assert [name for name in sources if faulty[name] != sources[name]] == [fault.source]
    assert faulty.keys() == sources.keys()
    contract, _, function = fault.where(sources).partition(".")
    assert contract in fault.source
    assert f"{function}(" in sources[fault.source]


def test_there_are_at_least_twelve_and_none_twice():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 12
    assert all(fault.gain and fault.search != fault.replace for fault in FAULTS)


def test_the_sources_on_disk_stay_as_they_are(sources):
    FAULTS[0].apply(sources)
    assert read_sources() == sources


@pytest.mark.parametrize(
    ("source", "search"), [("contracts/BKS.sol", "no such line"), ("contracts/BKS.sol", "revert"), ("gone.sol", "x")]
)
def test_a_patch_that_fits_nowhere_or_twice_is_refused(sources, source, search):
    with pytest.raises(DoesNotApply, match="stands"):
        Fault("any", "nothing", source, search, "").apply(sources)


def test_the_list_tells_every_fault_without_running_anything(capsys):
    assert seeded_faults.main(["--list"]) == 0
    told = capsys.readouterr().out
    assert all(fault.name in told and fault.gain in told for fault in FAULTS)


def test_an_unknown_fault_is_refused(capsys):
    with pytest.raises(SystemExit) as refused:
        seeded_faults.main(["--only", "no-such-fault"])
    assert refused.value.code == 2
    assert "no-such-fault" in capsys.readouterr().err
