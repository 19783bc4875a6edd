"""What a node must not make us believe: seen for what it is, waited out or refused, and never indexed for a moment.

An index heals by itself what it has stored wrongly, at the next reorg. So these tests ask what was ever stored.
"""

import threading
from contextlib import contextmanager

import pytest

from indexer.follower import WrongChain
from indexer.runner import Runner
from tests.indexer.conftest import assert_same
from tests.simulators.rpc import faults, running

_AUDIT = """
    CREATE TABLE ever_blocks (number bigint, hash bytea);
    CREATE FUNCTION note_block() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
    $$ BEGIN INSERT INTO ever_blocks VALUES (NEW.number, NEW.hash); RETURN NEW; END $$;
    CREATE TRIGGER note_block AFTER INSERT ON chain_blocks FOR EACH ROW EXECUTE FUNCTION note_block();
"""
_END_AUDIT = "DROP TRIGGER note_block ON chain_blocks; DROP FUNCTION note_block; DROP TABLE ever_blocks"


@pytest.fixture
def node(chain):
    with running(chain.anvil.url) as made:
        yield made


@pytest.fixture
def ever(index):
    """Every block that was ever committed, by number and hash."""
    index.execute(_AUDIT)
    yield lambda: sorted(index.query("SELECT number, hash FROM ever_blocks"))
    index.execute(_END_AUDIT)


@pytest.fixture
def past(index, chain):
    """Eight blocks, the last of them a mint; the first are indexed."""
    collection = chain.new_collection()
    index.catch_up()
    tokens = chain.mint(collection, *chain.people[:3])
    chain.move(collection, tokens[0], chain.people[7])
    chain.anvil.mine(2)
    chain.mint(collection, chain.people[5])
    return collection


def _real(chain):
    blocks = [chain.rpc("eth_getBlockByNumber", hex(number), False) for number in range(chain.head() + 1)]
    return [(int(block["number"], 16), bytes.fromhex(block["hash"][2:])) for block in blocks]


@contextmanager
def _lying(index, node, fault, until):
    """Follow a node with this fault until so many questions were asked, then have it tell the truth."""
    node.fault = fault
    with index.at(node.url).following():
        index.wait_for(lambda: len(node.asked) > until)
        yield
        node.fault = None


@pytest.mark.parametrize("renumbered", [False, True])
@pytest.mark.parametrize("back", [0, 1, 3])
def test_a_block_given_twice_is_not_indexed_twice(index, chain, node, past, ever, back, renumbered):
    lied_about = chain.head() - back
    with _lying(index, node, faults.repeated_block(lied_about, renumbered=renumbered), 30):
        assert all(number < lied_about for number, _ in ever())
    index.catch_up()
    assert [block for block in ever() if block not in _real(chain)] == []
    assert_same(index, chain)


def test_a_block_under_another_number(index, chain, node, past, ever):
    forged = faults.forged_block(hex(chain.head() - 2), number=lambda number: hex(int(number, 16) + 5))
    with _lying(index, node, forged, 30):
        assert all(number < chain.head() - 2 for number, _ in ever())
    index.catch_up()
    assert [block for block in ever() if block not in _real(chain)] == []
    assert_same(index, chain)


def test_a_block_that_continues_another_than_ours(index, chain, node, past, ever):
    index.catch_up()
    chain.anvil.mine(1)
    with _lying(index, node, faults.forged_block("latest", parentHash=lambda _: "0x" + "ee" * 32), 30):
        assert all(number < chain.head() for number, _ in ever())
    index.catch_up()
    assert_same(index, chain)


@pytest.mark.parametrize("back", [0, 2])
def test_a_block_that_is_missing_is_waited_for(index, chain, node, past, ever, back):
    with _lying(index, node, faults.without_block(chain.head() - back), 30):
        assert all(number < chain.head() - back for number, _ in ever())
    index.catch_up()
    assert ever()[-1] == _real(chain)[-1]
    assert_same(index, chain)


@pytest.mark.parametrize("depth", [100, 1])
@pytest.mark.parametrize("has_receipts", [True, False])
def test_logs_that_a_lagging_node_does_not_have_yet_are_not_taken_for_none(
    index, chain, node, past, depth, has_receipts
):
    """By block hash at the head, and by range for what is final."""
    lags = faults.without_logs(2)

    def fault(exchange):
        if exchange.method == "eth_getBlockReceipts" and not has_receipts:
            return {"error": {"code": -32601, "message": "the method does not exist"}}
        return lags(exchange)

    node.fault = fault
    index.final_after(depth).at(node.url).catch_up()
    assert_same(index, chain)


def test_two_answers_for_the_height_of_the_head(index, chain, node, past, ever):
    """By `latest` one block, by its number another: nodes of two branches behind one address."""
    other = faults.forged_block(hex(chain.head()), hash=lambda _: "0x" + "ee" * 32)
    lied = threading.Event()

    def fault(exchange):
        if exchange.method == "eth_getLogs" and exchange.params[0].get("blockHash") == "0x" + "ee" * 32:
            lied.set()
            return {"result": []}  # as the other node may well say
        return other(exchange)

    with _lying(index, node, fault, 30):
        assert all(number < chain.head() for number, _ in ever())
    index.catch_up()
    assert [block for block in ever() if block not in _real(chain)] == []
    assert not lied.is_set(), "the other branch's logs were not even asked for"
    assert_same(index, chain)


def test_two_answers_for_a_height_below_the_head(index, chain, node, past, ever):
    with _lying(index, node, faults.forged_block(hex(chain.head() - 2), hash=lambda _: "0x" + "ee" * 32), 30):
        assert all(number < chain.head() - 2 for number, _ in ever())
    index.catch_up()
    assert [block for block in ever() if block not in _real(chain)] == []
    assert_same(index, chain)


@pytest.mark.parametrize("depth", [100, 1])
def test_logs_of_another_branch_at_the_same_height(index, chain, node, past, ever, depth):
    started = len(ever())
    with _lying(index.final_after(depth), node, faults.foreign_logs, 30):
        assert len(ever()) == started
    index.catch_up()
    assert_same(index, chain)


@pytest.mark.parametrize("fault", [faults.other_chain(56), faults.other_genesis])
def test_a_node_of_another_chain(index, chain, node, past, ever, fault):
    started = len(ever())
    node.fault = fault
    with pytest.raises(WrongChain):
        Runner(index.at(node.url).job).follow()
    assert len(ever()) == started
