"""What is on the chain is in the index: backfilled, followed, discovered, and once more the same from zero."""

from statistics import median

from tests.indexer.conftest import assert_same
from tests.indexer.proxy import proxy


def test_a_past_is_read_in_ranges_and_blocks(index, chain):
    collection = chain.new_collection()
    tokens = chain.mint(collection, *chain.people[:5])
    chain.anvil.mine(300)
    chain.move(collection, tokens[0], chain.people[7])
    chain.set_status(collection, tokens[1], 1)
    index.catch_up()
    assert_same(index, chain)
    assert index.holdings()[collection, tokens[0]] == (chain.people[7], 1, 0, 1)


def test_a_second_look_at_the_same_blocks_changes_nothing(index, chain):
    chain.mint(chain.new_collection(), *chain.people[:3])
    index.catch_up()
    before = index.query("SELECT * FROM chain_logs ORDER BY block_hash, log_index"), index.holdings()
    index.catch_up()
    assert (index.query("SELECT * FROM chain_logs ORDER BY block_hash, log_index"), index.holdings()) == before
    assert_same(index, chain)


def test_a_collection_minted_from_in_the_block_of_its_deployment_is_complete(index, chain):
    chain.rpc("evm_setAutomine", False)
    address = chain.predicted(77)
    chain.rpc("eth_sendTransaction", chain.transaction(chain.factory, chain.deploy_call(77)))
    chain.rpc("eth_sendTransaction", chain.transaction(address, chain.mint_call(1, chain.people[:2])))
    with index.following():
        index.wait_for(lambda: index.head() == chain.head())
        chain.anvil.mine()
        chain.collections.append(address)
        chain.tried |= {(address, 1 << 16), (address, (1 << 16) | 1)}
        index.wait_for(lambda: index.head() == chain.head())
    assert len(chain.holdings()) == 2
    assert_same(index, chain)


def test_collections_found_in_a_range_bring_their_logs_of_that_range(index, chain):
    for _ in range(3):
        collection = chain.new_collection()
        chain.mint(collection, chain.people[1])
    chain.anvil.mine(120)  # so that all of it is read as one range of final blocks
    with proxy(chain.anvil.url) as node:
        index.at(node.url).catch_up()
    assert "eth_getBlockReceipts" not in node.asked  # they came by the second look, not by the guard against lag
    assert len(index.holdings()) == 3
    assert_same(index, chain)


def test_a_mined_block_is_soon_visible(index, chain):
    collection = chain.new_collection()
    with index.following():
        index.wait_for(lambda: index.head() == chain.head())
        took = []
        for _ in range(5):
            chain.mint(collection, chain.people[2])
            took.append(index.wait_for(lambda: index.head() == chain.head()))
    assert median(took) < 0.5, took  # far below on an idle machine; the tests share theirs
    assert_same(index, chain)


def test_many_addresses_are_filtered_by_topic_to_the_same_facts(index, chain, monkeypatch):
    monkeypatch.setattr("indexer.node._MANY_ADDRESSES", 1)
    for _ in range(2):
        chain.mint(chain.new_collection(), chain.people[3])
    index.catch_up()
    assert_same(index, chain)


def test_the_index_stops_at_the_block_it_is_told(index, chain):
    chain.anvil.mine(10)
    index.catch_up(until=7)
    assert index.head() == 7
    index.catch_up()
    assert index.head() == chain.head()


def test_the_cursor_begins_before_the_factory(index, chain):
    index.catch_up(until=1)
    assert index.query("SELECT min(number) FROM chain_blocks") == [(0,)]
