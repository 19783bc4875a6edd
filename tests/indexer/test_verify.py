"""`verify` finds whatever is not as the chain says, and is content again once it was repaired."""

import json
import threading
from dataclasses import replace

import pytest

from backend.chain import abi
from backend.checkpoints import take
from backend.kit import clock
from indexer.runner import Runner
from tests.indexer.marketside import PRICE, Marketside
from tests.indexer.proxy import proxy

MISMATCH = 6
FROM_FACTS, FROM_CHAIN = ("rebuild", "--from-facts"), ("rebuild",)


@pytest.fixture
def chain(anvil, tmp_path):
    return Marketside(anvil, tmp_path / "deployments").deploy()


@pytest.fixture
def proven(index, chain):
    """Mints, gifts, a sale, statuses, a burn, rewards, roles and a pause, all final, with a checkpoint of them."""
    collection = chain.new_collection()
    tokens = chain.mint(collection, *chain.people[1:7])
    chain.move(collection, tokens[0], chain.people[9])
    chain.sell(collection, tokens[1], chain.people[8])
    chain.set_status(collection, tokens[2], 2)
    chain.set_status(collection, tokens[3], 3)
    chain.send(collection, abi.encode_call("TicketCollection", "burn", [tokens[3]]))
    chain.send(collection, abi.encode_call("TicketCollection", "setPaused", [4]))
    chain.send(collection, abi.encode_call("TicketCollection", "setOperator", [chain.people[5]]))
    chain.reward(1, chain.people[4], 10**18)
    chain.pay(chain.people[4], chain.market, 5)
    chain.pay(chain.people[4], chain.people[6], 7)
    chain.anvil.mine(2)
    index.job = replace(index.job, finality_depth=1)
    index.catch_up()
    checkpoint(index)
    return index


def checkpoint(index):
    with Runner(index.job).locked() as writer, writer.transaction() as session:
        return take.take(session, index.job.network, clock.now())


def test_an_index_that_is_right_agrees_in_every_part(proven, command):
    code, out, _err = command("verify", "--json")
    told = json.loads(out)
    assert code == 0, out
    assert told["agrees"]
    parts = {part["name"]: part["compared"] for part in told["parts"]}
    assert set(parts) == {
        "facts", "tickets", "authority", "bks", "books", "checkpoint", "finality", "manifest", "replay"
    }  # fmt: skip
    assert (parts["tickets"], parts["bks"]) == (6 * 2, 2)
    assert parts["facts"] == len(proven.logs())
    assert parts["authority"] > 20
    assert command("verify")[0] == 0
    assert "agrees" in command("verify")[1]


_SALE = "(SELECT block_hash FROM sales)"
FACTS = {
    "a dropped log": (
        "DELETE FROM chain_logs WHERE log_index = 0 AND block_number = (SELECT max(block_number) FROM token_movements)",
        "was dropped",
    ),
    "an extra log": (
        (
            f"INSERT INTO chain_logs SELECT network, block_hash, log_index + 90, block_number, tx_hash, tx_index, "
            f"address, topics, data FROM chain_logs WHERE block_hash = {_SALE} LIMIT 1"
        ),
        "is extra",
    ),
    "reordered logs": (
        (
            f"UPDATE chain_logs SET log_index = 1000 WHERE log_index = 0 AND block_hash = {_SALE}; "
            f"UPDATE chain_logs SET log_index = 0 WHERE log_index = 1 AND block_hash = {_SALE}; "
            f"UPDATE chain_logs SET log_index = 1 WHERE log_index = 1000"
        ),
        "log 0 of block",
    ),
    "a changed amount": (
        (
            f"UPDATE chain_logs SET data = overlay(data PLACING '\\x01' FROM 60) WHERE length(data) = 288 "
            f"AND block_hash = {_SALE}"
        ),
        "was changed: data",
    ),
    "a changed owner": (
        (
            "UPDATE chain_logs SET topics[3] = overlay(topics[3] PLACING '\\x66' FROM 20) WHERE (block_hash, "
            "log_index) = (SELECT block_hash, log_index FROM token_movements WHERE kind = 'GIFT')"
        ),
        "was changed: topics",
    ),
    "a block's time": (
        f"UPDATE chain_blocks SET timestamp = timestamp + interval '1 day' WHERE hash = {_SALE}",
        "is not the chain's",
    ),
}


def test_reordered_logs_are_called_so(proven, command):
    proven.execute(FACTS["reordered logs"][0])
    assert command("verify")[1].count("was reordered: the chain has it at another place") == 2


@pytest.mark.parametrize("what", FACTS)
def test_facts_that_are_not_the_chains_are_found_and_fetched_again(proven, command, what):
    statement, words = FACTS[what]
    proven.execute(statement)
    code, out, _ = command("verify")
    assert code == MISMATCH
    assert words in out
    assert "repair: python -m indexer rebuild" in out
    command(*FROM_CHAIN)
    code, out, _ = command("verify")
    assert code == 0, out


_THIEF = "decode(repeat('66', 20), 'hex')"
PROJECTIONS = {
    "an owner": (f"UPDATE holdings SET owner = {_THIEF} WHERE token_id = 65537", "tickets"),
    "a status": ("UPDATE holdings SET status = 0 WHERE token_id = 65538", "tickets"),
    "a burned ticket": (f"UPDATE holdings SET owner = {_THIEF} WHERE token_id = 65539", "tickets"),
    "a ticket too few": ("DELETE FROM holdings WHERE token_id = 65540", "replay"),
    "a ticket too many": (
        (
            "INSERT INTO holdings SELECT network, collection, 99, owner, tier, status, epoch, minted_block, "
            f"updated_block, final FROM holdings WHERE owner <> {_THIEF} LIMIT 1"
        ),
        "tickets",
    ),
    "an amount": ("UPDATE sales SET price = price + 1", "replay"),
    "a royalty": ("UPDATE sales SET royalty = royalty - 1", "replay"),
    "a movement": ("UPDATE token_movements SET kind = 'SALE' WHERE kind = 'GIFT'", "replay"),
    "a role": (f"UPDATE authority_changes SET holder = {_THIEF} WHERE \"right\" = 'minter'", "authority"),
    "a pause": ("DELETE FROM authority_changes WHERE \"right\" = 'paused'", "authority"),
    "a supply": ("UPDATE bks_transfers SET amount = amount + 1 WHERE purpose IS NOT NULL", "bks"),
    "a finality": ("UPDATE holdings SET final = false WHERE token_id = 65537", "finality"),
}


@pytest.mark.parametrize("what", PROJECTIONS)
def test_projections_that_do_not_follow_are_found_and_folded_again(proven, command, what):
    statement, part = PROJECTIONS[what]
    proven.execute(statement)
    code, out, _ = command("verify", "--json")
    assert code == MISMATCH
    wrong = {one["name"]: one for one in json.loads(out)["parts"] if one["findings"]}
    assert part in wrong
    assert wrong[part]["repair"] == "python -m indexer rebuild --from-facts"
    command(*FROM_FACTS)
    code, out, _ = command("verify")
    assert code == 0, out


def test_an_owner_is_asked_for_twice_and_a_status_once(proven, command):
    proven.execute(PROJECTIONS["an owner"][0])
    proven.execute(PROJECTIONS["a status"][0])
    _, out, _ = command("verify")
    collection = proven.query("SELECT DISTINCT collection FROM holdings")[0][0].hex()
    asked = {(token, name) for token in (65537, 65538) for name in ("ticket", "ownerOf")}
    found = {(token, name) for token, name in asked if f"ticket {token} of 0x{collection} ({name})" in out}
    assert found == asked - {(65538, "ownerOf")}


def _dropping(logs):
    """Keep one of several mints back: what is the only log of its contract in a block is missed by its bloom."""
    return [log for log in logs if len(log["topics"]) < 4 or log["topics"][3][-4:] != "0002"]


def _swapping(logs):
    """Give the sale's logs in another order."""
    return [log | {"logIndex": hex(9 - int(log["logIndex"], 16))} for log in logs]


def _adding(logs):
    """Tell of every log twice."""
    return logs + [log | {"logIndex": hex(int(log["logIndex"], 16) + 50)} for log in logs if len(log["data"]) > 500]


def _cheapening(logs):
    """Tell of a lower price and of another buyer."""
    return [log | {"data": log["data"].replace(f"{PRICE:064x}", f"{PRICE - 9:064x}")} for log in logs]


def _robbing(logs):
    """Name another receiver of what was given away."""
    thief = "0x" + "66" * 20
    return [log | {"topics": [*log["topics"][:2], "0x" + thief[2:].rjust(64, "0"), *log["topics"][3:]]}
            if len(log["topics"]) == 4 and log["data"] == "0x" and int(log["topics"][1], 16) else log
            for log in logs]  # fmt: skip


def _exchanging(logs):
    """Give two mints of one batch each the other's place: a story that can be, and another one."""
    mints = [log for log in logs if len(log["topics"]) == 4 and not int(log["topics"][1], 16)]
    if len(mints) < 2:
        return logs
    first, second = mints[0]["logIndex"], mints[1]["logIndex"]
    places = {first: second, second: first}
    return [log | {"logIndex": places.get(log["logIndex"], log["logIndex"])} if log in mints else log for log in logs]


LIES = {
    _dropping: "was dropped: the chain has it",
    _exchanging: "was reordered: the chain has it at another place of its block",
    _adding: "is extra: the chain has no such log",
    _cheapening: "was changed: data",
    _robbing: "was changed: topics",
}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_lying_node_told_is_found_by_an_honest_one_and_fetched_again(lied_to, command, lie):
    lied_to(lie).catch_up()
    code, out, _ = command("verify")
    assert code == MISMATCH, out
    assert LIES[lie] in out
    assert "repair: python -m indexer rebuild\n" in out + "\n"
    command(*FROM_FACTS)
    assert command("verify")[0] == MISMATCH, "what is folded from wrong facts stays wrong"
    command(*FROM_CHAIN)
    code, out, _ = command("verify")
    assert code == 0, out


def test_a_story_that_cannot_be_is_not_indexed_at_all(lied_to):
    """The movement before its explanation: the handlers refuse it."""
    index = lied_to(_swapping)
    index.job = replace(index.job, poll_seconds=0.01)
    runner = Runner(index.job)
    threading.Timer(2, runner.stop.set).start()
    assert not runner.follow(once=True)
    assert index.holdings() == {}


@pytest.fixture
def lied_to(index, chain):
    """Gives the index as it reads a node that lies about logs."""
    collection = chain.new_collection()
    tokens = chain.mint(collection, *chain.people[1:4])
    chain.move(collection, tokens[0], chain.people[9])
    chain.sell(collection, tokens[1], chain.people[8])
    chain.anvil.mine(60)  # so that all of it is read as one range of final blocks
    index.job = replace(index.job, finality_depth=1)
    with proxy(chain.anvil.url) as node:

        def reading(lie):
            node.change = lambda method, _, answer: (
                answer | {"result": lie(answer["result"])}
                if method == "eth_getLogs" and answer.get("result")
                else answer
            )
            return index.at(node.url)

        yield reading


def test_a_sale_is_in_the_index_to_the_wei(proven, chain):
    [row] = proven.query("SELECT price, royalty, fee, kind FROM sales")
    assert [int(one) for one in row] == [PRICE, PRICE * 500 // 10_000, PRICE * 250 // 10_000, 1]


def test_only_bks_that_touches_us_is_kept(proven, chain):
    rows = proven.query("SELECT sender, receiver, amount, purpose FROM bks_transfers ORDER BY block_number")
    assert [(bytes(s), bytes(r), int(a), p) for s, r, a, p in rows] == [
        (bytes(20), chain.people[4], 10**18, (1).to_bytes(32, "big")),
        (chain.people[4], chain.market, 5, None),
    ]


def test_a_check_changes_nothing_and_says_what_differs(proven, command):
    code, out, _ = command("rebuild", "--check")
    assert code == 0
    assert out.count("same") == len(out.splitlines())
    proven.execute("UPDATE sales SET price = price + 1")
    before = proven.query("SELECT price FROM sales")
    code, _, err = command("rebuild", "--check")
    assert code == MISMATCH
    assert "sales: 1 rows do not follow from the facts" in err
    assert proven.query("SELECT price FROM sales") == before


def test_a_check_runs_beside_a_follower(proven, chain, command):
    with proven.following():
        proven.wait_for(lambda: proven.head() == chain.head())
        chain.mint(chain.collections[0], chain.people[1])
        assert command("rebuild", "--check")[0] == 0
        assert command("verify")[0] == 0


def test_a_role_that_the_manifest_does_not_name_is_found(proven, chain, command):
    chain.send(chain.bks, abi.encode_call("BKS", "setMinter", [chain.people[7], True]))
    chain.anvil.mine(1)
    proven.catch_up()
    code, out, _ = command("verify")
    assert code == MISMATCH
    assert f"isMinter of 0x{chain.people[7].hex()} on BKS: the chain says so and the manifest does not" in out
    chain.send(chain.bks, abi.encode_call("BKS", "setMinter", [chain.people[7], False]))
    chain.send(chain.bks, abi.encode_call("BKS", "setMinter", [chain.people[2], False]))
    chain.anvil.mine(1)
    proven.catch_up()
    code, out, _ = command("verify")
    assert code == MISMATCH
    assert f"isMinter of 0x{chain.people[2].hex()} on BKS: the manifest names it and the chain does not" in out


def test_a_checkpoint_of_wrong_holdings_is_corrected_by_the_repair(proven, chain, command):
    proven.execute("UPDATE holdings SET status = 1 WHERE token_id = 65540")
    chain.mint(chain.collections[0], chain.people[1])
    chain.anvil.mine(1)
    proven.catch_up()
    wrong = checkpoint(proven).root
    command(*FROM_FACTS)
    rows = proven.query("SELECT block_number, root FROM checkpoints ORDER BY block_number, id")
    assert rows[-1][0] == rows[-2][0] and bytes(rows[-2][1]) == wrong != bytes(rows[-1][1])
    assert command("verify")[0] == 0


@pytest.mark.parametrize("table", ["checkpoint_collections", "checkpoints"])
def test_a_tampered_root_is_found_and_corrected_by_a_newer_one(proven, command, table):
    proven.execute(f"UPDATE {table} SET root = decode(repeat('66', 32), 'hex')")
    code, out, _ = command("verify")
    assert code == MISMATCH
    assert "its root does not follow from those of its collections" in out
    command(*FROM_FACTS)
    assert command("verify")[0] == 0
    assert proven.query("SELECT count(DISTINCT block_number), count(*) FROM checkpoints") == [(1, 2)]


@pytest.mark.parametrize("arguments", [["verify"], ["rebuild", "--from-facts"], ["rebuild", "--check"]])
def test_an_index_that_is_not_there_is_no_success(index, chain, command, arguments):
    code, _, err = command(*arguments)
    assert code == (0 if arguments[0] == "rebuild" else 1), err


def test_a_node_of_another_branch_is_named(proven, chain, command):
    proven.execute("UPDATE chain_blocks SET hash = decode(repeat('66', 32), 'hex') WHERE number = (SELECT "
                   "finalized_number FROM chain_cursors WHERE name = 'facts')")  # fmt: skip
    code, _, err = command("verify")
    assert code == 3
    assert "DeepReorg" in err
