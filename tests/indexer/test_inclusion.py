"""`scripts/verify_inclusion.py`: what somebody verifies who has a proof, a root and a node, and nothing of ours."""

import ast
import json
import subprocess
import sys

import pytest

from backend.chain import abi
from tests.indexer.conftest import ROOT
from tests.indexer.houseside import catch_up, checkpoint, proof_of

SCRIPT = ROOT / "scripts/verify_inclusion.py"
PROVEN, NOT_PROVEN, NOTHING = 0, 1, 2
FIRST = 1 << 16


def verified(proof, *arguments):
    """Run the script as somebody would who has nothing of ours."""
    said = proof if isinstance(proof, str) else json.dumps(proof)
    command = [sys.executable, "-I", str(SCRIPT), *arguments]
    return subprocess.run(command, cwd="/", input=said, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def proof(index, chain, house, collection):
    catch_up(index, chain)
    checkpoint(index)
    return proof_of(house, collection, FIRST)


def test_every_ticket_is_proven_without_us(index, chain, house, collection):
    other = chain.new_collection()
    [alone] = chain.mint(other, chain.people[8])
    chain.move(collection, FIRST, chain.people[9])
    chain.set_status(collection, FIRST + 1, 2)
    catch_up(index, chain)
    made = checkpoint(index)
    assert (made.tokens, made.collections) == (7, 2)
    [published] = house.get("/v1/checkpoints").json()["items"]
    assert published["root"] == "0x" + made.root.hex()
    for address, token in [*((collection, FIRST + n) for n in range(6)), (other, alone)]:
        done = verified(proof_of(house, address, token), published["root"], chain.anvil.url)
        assert done.returncode == PROVEN, done
        assert done.stdout.count("yes ") == len(done.stdout.splitlines()) == 3
    moved = proof_of(house, collection, FIRST)
    assert moved["owner"].lower() == "0x" + chain.people[9].hex()
    assert proof_of(house, collection, FIRST + 1)["status"] == 2
    assert verified(moved, published["root"].upper()).returncode == PROVEN


CHANGES = [
    {"owner": "0x" + "66" * 20},
    {"status": 1},
    {"token_id": FIRST + 1},
    {"proof": []},
    {"collection": "0x" + "66" * 20},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_a_proof_that_was_changed_proves_nothing(proof, change):
    done = verified(proof | change, proof["root"])
    assert done.returncode == NOT_PROVEN
    assert "NO  the proof leads from the ticket to its root" in done.stdout
    assert "yes its root is the one you named" in done.stdout


def test_siblings_in_another_order_or_of_another_ticket_prove_nothing(proof, house, collection):
    assert verified(proof | {"proof": proof["proof"][::-1]}, proof["root"]).returncode == NOT_PROVEN
    others = proof_of(house, collection, FIRST + 2)["proof"]
    assert verified(proof | {"proof": others}, proof["root"]).returncode == NOT_PROVEN


def test_a_root_that_is_not_the_published_one_is_told(proof):
    """Whoever makes a tree of his own has a root of his own: that his siblings lead there says nothing."""
    done = verified(proof, "0x" + "66" * 32)
    assert done.returncode == NOT_PROVEN
    assert done.stdout.splitlines() == [
        "yes the proof leads from the ticket to its root",
        "NO  its root is the one you named",
    ]
    forged = verified(proof | {"root": "0x" + "66" * 32}, "0x" + "66" * 32)
    assert forged.returncode == NOT_PROVEN
    assert "NO  the proof leads" in forged.stdout


def test_a_contract_that_says_something_else_is_told_in_its_words(index, chain, house, collection):
    catch_up(index, chain)
    index.execute("UPDATE holdings SET owner = decode(repeat('66', 20), 'hex') WHERE token_id = 65536")
    checkpoint(index)
    lie = proof_of(house, collection, FIRST)
    assert verified(lie, lie["root"]).returncode == PROVEN, "the house says so, in its root and in its proof"
    done = verified(lie, lie["root"], chain.anvil.url)
    assert done.returncode == NOT_PROVEN
    assert f"NO  {chain.anvil.url} says: owner 0x{chain.people[1].hex()}, status 00" in done.stdout


def test_a_node_that_has_no_such_block_proves_nothing(proof, chain):
    done = verified(proof | {"block_hash": "0x" + "66" * 32}, proof["root"], chain.anvil.url)
    assert done.returncode == NOT_PROVEN
    assert f"NO  {chain.anvil.url} says: " in done.stdout
    assert "error" in done.stdout


def test_a_burned_ticket_is_proven_to_be_burned(index, chain, house, collection):
    chain.set_status(collection, FIRST + 2, 3)
    chain.send(collection, abi.encode_call("TicketCollection", "burn", [FIRST + 2]))
    catch_up(index, chain)
    checkpoint(index)
    burned = proof_of(house, collection, FIRST + 2)
    assert (burned["owner"], burned["status"]) == ("0x" + "00" * 20, 3)
    assert verified(burned, burned["root"], chain.anvil.url).returncode == PROVEN


def test_one_that_lives_is_not_proven_to_be_burned(index, chain, house, collection):
    catch_up(index, chain)
    index.execute("UPDATE holdings SET owner = decode(repeat('00', 20), 'hex'), status = 3 WHERE token_id = 65536")
    checkpoint(index)
    lie = proof_of(house, collection, FIRST)
    assert lie["status"] == 3
    assert verified(lie, lie["root"], chain.anvil.url).returncode == NOT_PROVEN


ROOT_OF_NOTHING = "0x" + "00" * 32


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("", [ROOT_OF_NOTHING]),
        ("not json", [ROOT_OF_NOTHING]),
        ("[]", [ROOT_OF_NOTHING]),
        ('{"error": {"code": "no_checkpoint"}}', [ROOT_OF_NOTHING]),
        ("{}", []),
    ],
)
def test_what_is_no_proof_verifies_nothing_and_explains_itself(said, arguments):
    done = verified(said, *arguments)
    assert done.returncode == NOTHING
    assert done.stdout == ""
    assert "Nothing was verified" in done.stderr
    assert "verify_inclusion.py ROOT [NODE ...] < proof.json" in done.stderr


@pytest.mark.parametrize("change", [{"status": "0"}, {"token_id": -1}, {"proof": [7]}, {"owner": "nobody"}])
def test_a_proof_of_the_wrong_shape_verifies_nothing(proof, change):
    assert verified(proof | change, proof["root"]).returncode == NOTHING


def test_a_node_that_is_away_verifies_nothing(proof):
    done = verified(proof, proof["root"], "http://127.0.0.1:9")
    assert done.returncode == NOTHING
    assert "Connection refused" in done.stderr


def test_it_is_thirty_lines_that_need_one_package_and_nothing_of_ours():
    source = SCRIPT.read_text()
    tree = ast.parse(source)
    written = [number for number, line in enumerate(source.splitlines(), 1) if line.strip()]
    words = {number for node in ast.walk(tree) for number in _docstring(node)}
    assert len(set(written) - words) <= 30
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert modules == {"json", "sys", "urllib.request", "eth_hash.auto"}


def _docstring(node):
    if not isinstance(node, ast.Module | ast.FunctionDef) or ast.get_docstring(node) is None:
        return ()
    return range(node.body[0].lineno, node.body[0].end_lineno + 1)
