"""Nothing that a contract keeps moves to another slot unnoticed."""

import json
import shutil

import pytest

from scripts import storage_layout
from scripts.source_hash import CONTRACTS, ROOT

RENEW = "if this is meant, write it down with: .venv/bin/python -m scripts.storage_layout"


@pytest.fixture(scope="module")
def found():
    return storage_layout.layouts()


def test_every_contract_has_its_layout_written_down():
    assert sorted(json.loads(storage_layout.SNAPSHOT.read_text())) == sorted(CONTRACTS)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_contract_keeps_everything_where_it_was(contract, found):
    assert found[contract] == json.loads(storage_layout.SNAPSHOT.read_text())[contract], RENEW


def test_a_variable_put_before_others_is_noticed(tmp_path, found):
    shutil.copytree(ROOT / "contracts", tmp_path / "contracts", ignore=shutil.ignore_patterns(".cache", "*.json"))
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    source = tmp_path / "contracts" / "base" / "CollectionRoles.sol"
    source.write_text(
        source.read_text().replace("    Key internal _minter;", "    bool internal _new;\n    Key internal _minter;")
    )
    moved = storage_layout.layouts(tmp_path)
    assert moved["TicketCollection"]["storage"] != found["TicketCollection"]["storage"]
    assert moved["BKS"] == found["BKS"]


def test_a_source_that_does_not_compile_has_no_layout(tmp_path):
    shutil.copytree(ROOT / "contracts", tmp_path / "contracts", ignore=shutil.ignore_patterns(".cache", "*.json"))
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "contracts" / "BKS.sol").write_text("contract BKS {")
    with pytest.raises(ValueError, match="ParserError"):
        storage_layout.layouts(tmp_path)
