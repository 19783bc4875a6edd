"""What the backend calls is what the contracts say: artifacts carry a hash of their sources."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = sorted((ROOT / "backend" / "chain" / "evm" / "artifacts").glob("*.json"))


def test_the_backend_has_the_contracts_it_calls():
    assert [file.stem for file in ARTIFACTS] == ["BKS", "CollectionFactory", "ResaleMarket", "TicketCollection"]


@pytest.mark.parametrize("file", ARTIFACTS, ids=lambda file: file.stem)
def test_the_artifact_was_compiled_from_the_sources_that_stand(file):
    from scripts.source_hash import source_hash

    assert json.loads(file.read_text())["source_hash"] == source_hash(file.stem)


@pytest.mark.parametrize("file", ARTIFACTS, ids=lambda file: file.stem)
def test_a_contract_fits_the_size_limit_of_its_networks(file):
    """EIP-170: 24,576 bytes of runtime code; what is deployed carries it and the constructor."""
    assert len(json.loads(file.read_text())["bytecode"]) // 2 < 24_576
