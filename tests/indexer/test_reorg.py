"""Blocks that were undone leave nothing behind, however they were undone; final ones are never undone."""

import pytest

from indexer.reorg import DeepReorg
from tests.indexer.conftest import assert_same
from tests.indexer.proxy import proxy


@pytest.fixture
def show(index, chain):
    """A collection with two tickets, and a past of moves to undo; all of it indexed."""
    collection = chain.new_collection()
    tokens = chain.mint(collection, chain.people[1], chain.people[2])
    for turn in range(12):
        chain.move(collection, tokens[0], chain.people[3 + turn % 5])
    index.catch_up()
    assert_same(index, chain)
    return collection, tokens


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_a_reorg_of_equal_height_is_undone_and_redone(index, chain, show, depth):
    before = chain.head()
    chain.reorg(depth)
    assert chain.head() == before
    index.catch_up()
    assert_same(index, chain)
    assert chain.ticket(show[0], show[1][0])[3] == 12 - depth


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_a_longer_branch_with_other_moves_replaces_ours(index, chain, show, depth):
    collection, tokens = show
    owner = chain.people[2]
    move = chain.transaction(collection, chain.move_call(owner, chain.people[9], tokens[1]), owner)
    chain.reorg(depth, (move, 0))
    chain.anvil.mine(4)
    index.catch_up()
    assert_same(index, chain)
    assert index.holdings()[collection, tokens[1]][0] == chain.people[9]


def test_a_chain_that_became_shorter_is_followed_back(index, chain, show):
    chain.cut(4)
    with index.following():
        index.wait_for(lambda: index.head() == chain.head())
    assert_same(index, chain)


def test_a_mint_that_is_undone_leaves_no_ticket(index, chain, show):
    [token] = chain.mint(show[0], chain.people[4])
    index.catch_up()
    assert (show[0], token) in index.holdings()
    chain.reorg(1)
    index.catch_up()
    assert (show[0], token) not in index.holdings()
    assert index.query("SELECT count(*) FROM token_movements WHERE token_id = %s", token) == [(0,)]
    assert_same(index, chain)


def test_a_collection_whose_deployment_is_undone_is_forgotten(index, chain, show):
    other = chain.new_collection()
    chain.mint(other, chain.people[4])
    index.catch_up()
    chain.reorg(2)
    index.catch_up()
    assert not [key for key in index.holdings() if key[0] == other]
    assert_same(index, chain)
    again = chain.new_collection(reference=2)
    assert again == other
    chain.mint(again, chain.people[5])
    index.catch_up()
    assert_same(index, chain)


def test_reorgs_while_following_flapping_ten_times(index, chain, show):
    with index.following():
        for turn in range(10):
            chain.reorg(1 + turn % 3)
            if turn % 2:
                chain.move(*_live(chain, show), chain.people[turn % 10])
            index.wait_for(lambda: index.cursor()[1] == chain.head_hash())
    assert_same(index, chain)


def _live(chain, show):
    return show[0], show[1][0]


def test_no_row_of_a_dead_branch_is_left(index, chain, show):
    chain.reorg(5)
    index.catch_up()
    hashes = index.query("SELECT number, hash FROM chain_blocks WHERE number > %s", chain.head() - 8)
    assert len(hashes) == 8
    for number, block_hash in hashes:
        assert chain.rpc("eth_getBlockByNumber", hex(number), False)["hash"] == "0x" + block_hash.hex()


def test_a_reorg_deeper_than_finality_halts_and_touches_nothing(index, chain, show):
    strict = index.final_after(2)
    strict.catch_up()
    before = index.logs(), index.holdings()
    finalized = index.cursor()[2]
    assert finalized == chain.head() - 2
    chain.reorg(6)
    with pytest.raises(DeepReorg, match="rebuild --accept-deep-reorg"):
        strict.catch_up()
    assert (index.logs(), index.holdings()) == before
    assert index.cursor()[2] == finalized
    status, error = index.cursor()[3:]
    assert status == "HALTED"
    assert error.startswith("DeepReorg")


def test_the_process_that_halts_says_so_by_its_exit_code(index, chain, show, command):
    strict = index.final_after(2)
    strict.catch_up()
    chain.reorg(6)
    code, _, told = command("follow", job=strict.job)
    assert code == 3
    assert "DeepReorg" in told
    code, text, _ = command("status", job=strict.job)
    assert code == 1
    assert "HALTED" in text


def test_a_halted_index_goes_on_when_the_node_was_wrong(index, chain, show):
    strict = index.final_after(2)
    strict.catch_up()
    with proxy(chain.anvil.url) as liar:
        liar.change = _another_branch_from(chain.head() - 6)
        with pytest.raises(DeepReorg):
            strict.at(liar.url).catch_up()
        assert index.cursor()[3] == "HALTED"
    strict.catch_up()
    assert index.cursor()[3:] == ("RUNNING", None)
    assert_same(index, chain)


def _another_branch_from(first):
    def change(method, _params, response):
        block = response.get("result")
        if method == "eth_getBlockByNumber" and block and int(block["number"], 16) >= first:
            block["hash"] = "0xbad" + block["hash"][5:]
        return response

    return change


def test_finality_never_moves_back(index, chain, show):
    strict = index.final_after(3)
    strict.catch_up()
    finalized = index.cursor()[2]
    index.final_after(50).catch_up()
    assert index.cursor()[2] == finalized
    chain.cut(2)
    with strict.following():
        index.wait_for(lambda: index.head() == chain.head())
    assert index.cursor()[2] == finalized
