"""The invariants are worth what the handler reaches: each function that changes something has one of its own there."""

import json
import re
from pathlib import Path

import pytest

from scripts.source_hash import ARTIFACTS, CONTRACTS, ROOT

NAMES = {"TicketCollection": "collection", "ResaleMarket": "market", "BKS": "bks", "CollectionFactory": "factory"}

# Tried by `trespass` only: nobody may call these. The factory calls initialize, and the market marketMove.
FOR_NOBODY = {"transferOwnership", "renounceOwnership", "initialize", "marketMove"}


def handled(folder: Path) -> set[str]:
    sources = "".join(file.read_text() for file in sorted(folder.glob("*Actions.sol")))
    return set(re.findall(r"function (\w+)\([^)]*\)\s+(?:external|public)\b", sources))


def changing(contract: str) -> set[str]:
    abi = json.loads((ARTIFACTS / f"{contract}.json").read_text())["abi"]
    functions = (entry for entry in abi if entry["type"] == "function")
    return {entry["name"] for entry in functions if entry["stateMutability"] in {"nonpayable", "payable"}}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_handler_calls_each_function_that_changes_something(contract):
    wanted = {f"{NAMES[contract]}_{name}" for name in changing(contract) - FOR_NOBODY}
    assert wanted <= handled(ROOT / "tests" / "foundry")


def test_a_function_without_a_handler_is_noticed(tmp_path):
    (tmp_path / "OneActions.sol").write_text(
        "function bks_mint(uint256 a)\n external {}\nfunction bks_burn() private {}"
    )
    assert handled(tmp_path) == {"bks_mint"}
