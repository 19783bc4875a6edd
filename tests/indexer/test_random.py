"""Whatever happens in whatever order, the index ends up as the contracts say, and as a fold of their logs."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from backend.chain import abi
from indexer.reorg import DeepReorg
from tests.indexer.conftest import assert_same

ACTS = strategies.one_of(
    strategies.tuples(strategies.just("mint"), strategies.integers(1, 4)),
    strategies.tuples(strategies.just("move"), strategies.integers(0, 50)),
    strategies.tuples(strategies.just("lock"), strategies.integers(0, 50)),
    strategies.tuples(strategies.just("mine"), strategies.integers(1, 3)),
    strategies.tuples(strategies.just("reorg"), strategies.integers(1, 6)),
    strategies.tuples(strategies.just("cut"), strategies.integers(1, 3)),
    strategies.tuples(strategies.just("read"), strategies.just(0)),
)


def _happen(chain, collection, what, number):
    """Do it if the chain allows it; what a reorg took away may leave nothing to move or lock."""
    held = sorted(key for key in chain.holdings() if key[0] == collection)
    _, token = held[number % len(held)] if held else (b"", 0)
    status = chain.ticket(collection, token)[2] if held else None
    if what == "mint" and chain.rpc("eth_getCode", "0x" + collection.hex(), "latest") != "0x":
        chain.mint(collection, *chain.people[:number])
    elif what == "move" and status == 0:
        chain.move(collection, token, chain.people[number % 10])
    elif what == "lock" and status in {0, 1}:
        chain.set_status(collection, token, 1 - status)
    elif what == "mine":
        chain.anvil.mine(number)
    elif what == "reorg":
        chain.reorg(number)
    elif what == "cut" and chain.head() > 15:
        chain.cut(number)


def play(index, chain, story):
    """Let it all happen to a new collection, read what is left, and return the collection."""
    chain.anvil.mine(8)  # earlier stories' collections are out of this one's reach
    collection = chain.new_collection()
    chain.mint(collection, *chain.people[:3])
    for what, number in story:
        if what == "read":
            index.catch_up()
        else:
            _happen(chain, collection, what, number)
    chain.anvil.mine(1)
    index.catch_up()
    return collection


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=strategies.lists(ACTS, min_size=4, max_size=14))
def test_any_story_ends_with_the_index_as_the_chain(index, chain, story):
    collection = play(index, chain, story)
    assert_same(index, chain)
    held = {token: owner for (where, token), (owner, *_) in index.holdings().items() if where == collection}
    assert held == _folded(chain, collection)
    assert held == {token: _owner_of(chain, collection, token) for token in held}


def _folded(chain, collection):
    """Owners by token, from nothing but the Transfers of the present branch."""
    criteria = {"address": "0x" + collection.hex(), "fromBlock": "0x0", "toBlock": "latest"}
    owners = {}
    for log in chain.rpc(
        "eth_getLogs", criteria | {"topics": ["0x" + abi.topic("TicketCollection", "Transfer").hex()]}
    ):
        owners[int(log["topics"][3], 16)] = bytes.fromhex(log["topics"][2][-40:])
    return {token: owner for token, owner in owners.items() if any(owner)}


def _owner_of(chain, collection, token):
    data = abi.encode_call("TicketCollection", "ownerOf", [token])
    answer = chain.rpc("eth_call", {"to": "0x" + collection.hex(), "data": "0x" + data.hex()}, "latest")
    return bytes.fromhex(answer[-40:])


_FINALITY = strategies.one_of(
    strategies.tuples(strategies.just("mine"), strategies.integers(1, 6)),
    strategies.tuples(strategies.just("reorg"), strategies.integers(1, 9)),
    strategies.tuples(strategies.just("cut"), strategies.integers(1, 6)),
    strategies.tuples(strategies.just("read"), strategies.integers(0, 8)),
)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=strategies.lists(_FINALITY, min_size=6, max_size=16))
def test_what_was_final_never_moves_back_and_is_never_rewritten(index, chain, story):
    """Whatever depth calls blocks final, whatever is undone: a read goes on, or it halts and changes nothing."""
    index.execute("TRUNCATE chain_blocks, chain_logs, chain_cursors, holdings, token_movements")
    chain.anvil.mine(6)
    index.final_after(2).catch_up()
    finalized, final = index.cursor()[2], _final_block(index)
    for what, number in story:
        if what == "mine":
            chain.anvil.mine(number)
        elif what == "reorg":
            chain.reorg(min(number, chain.head() - 1))
        elif what == "cut" and chain.head() > 12:
            chain.cut(number)
        elif what == "read":
            finalized, final = _read(index.final_after(number), chain, finalized, final)


def _read(index, chain, finalized, final):
    kept = index.cursor()[:3], index.logs()
    ours = chain.rpc("eth_getBlockByNumber", hex(finalized), False)
    if ours is None or bytes.fromhex(ours["hash"][2:]) != final:
        if ours is not None:
            with pytest.raises(DeepReorg):
                index.catch_up()
            assert (index.cursor()[:3], index.logs()) == kept
        return finalized, final
    index.catch_up()
    assert index.cursor()[1] == chain.head_hash()
    assert index.cursor()[2] >= finalized
    return index.cursor()[2], _final_block(index)


def _final_block(index):
    """The hash of the newest final block; its row is kept."""
    facts = "SELECT network, finalized_number AS number FROM chain_cursors WHERE name = 'facts'"
    [[found]] = index.query(f"SELECT hash FROM chain_blocks JOIN ({facts}) AS facts USING (network, number)")
    return found
