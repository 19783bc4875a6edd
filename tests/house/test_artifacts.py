"""What the backend calls is what the contracts say: artifacts carry a hash of their sources."""

import json
from pathlib import Path

import pytest
from eth_utils import keccak

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = sorted((ROOT / "backend" / "chain" / "evm" / "artifacts").glob("*.json"))

MARGINS = {
    # Tuned for size already (through IR, one run): what is left is room for a fix, not for a feature.
    "TicketCollection": 64,
    "ResaleMarket": 8_192,
    "BKS": 16_384,
    "CollectionFactory": 16_384,
}
"""Bytes each contract leaves of what its networks allow: it may grow into them, but not unnoticed."""


def runtime_code(artifact):
    """What stands on chain: the end of the deployment code, told by its hash. No contract has immutables."""
    code = bytes.fromhex(artifact["bytecode"].removeprefix("0x"))
    ends = (code[at:] for at in range(len(code)))
    found = next((end for end in ends if "0x" + keccak(end).hex() == artifact["runtime_hash"]), None)
    assert found is not None, "the deployment code carries no code of that hash"
    return found


def test_the_backend_has_the_contracts_it_calls():
    assert [file.stem for file in ARTIFACTS] == ["BKS", "CollectionFactory", "ResaleMarket", "TicketCollection"]


@pytest.mark.parametrize("file", ARTIFACTS, ids=lambda file: file.stem)
def test_the_artifact_was_compiled_from_the_sources_that_stand(file):
    from scripts.source_hash import source_hash

    assert json.loads(file.read_text())["source_hash"] == source_hash(file.stem)


@pytest.mark.parametrize("file", ARTIFACTS, ids=lambda file: file.stem)
def test_a_contract_fits_the_size_limit_of_its_networks(file):
    """EIP-170: 24,576 bytes of runtime code."""
    size = len(runtime_code(json.loads(file.read_text())))
    left = 24_576 - size
    assert left >= MARGINS[file.stem], (
        f"{file.stem} has {size:,} bytes: {left:,} are left, {MARGINS[file.stem]:,} wanted"
    )


@pytest.mark.parametrize("file", ARTIFACTS, ids=lambda file: file.stem)
def test_what_deploys_a_contract_fits_too(file):
    """EIP-3860: 49,152 bytes of the code that deploys it."""
    assert len(bytes.fromhex(json.loads(file.read_text())["bytecode"][2:])) <= 49_152


def test_code_that_is_not_the_deployed_one_is_not_measured():
    told = json.loads(ARTIFACTS[0].read_text())
    with pytest.raises(AssertionError, match="carries no code"):
        runtime_code(told | {"bytecode": told["bytecode"] + "00"})
