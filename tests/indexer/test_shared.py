"""An index on several endpoints: it changes over on trouble, and nothing is final on one's word."""

import pytest

from indexer.follower import WrongChain
from indexer.runner import Runner
from tests.indexer.conftest import assert_same
from tests.indexer.proxy import proxy


@pytest.fixture
def pair(chain):
    with proxy(chain.anvil.url) as first, proxy(chain.anvil.url) as second:
        yield first, second


def _at(index, *nodes):
    return index.at(", ".join(node.url for node in nodes)).final_after(None)


def _tickets(chain):
    collection = chain.new_collection()
    chain.mint(collection, *chain.people[:3])
    chain.anvil.mine(5)


def _other_chain(method, _, response):
    return {**response, "result": "0x38"} if method == "eth_chainId" else response


def _forged(method, params, response):
    """Another hash for every block but the first and the newest."""
    if method == "eth_getBlockByNumber" and params[0] not in {"0x0", "latest"}:
        return {**response, "result": {**response["result"], "hash": "0x" + "66" * 32}}
    return response


def test_two_endpoints_that_agree_make_blocks_final(index, chain, pair):
    _tickets(chain)
    _at(index, *pair).catch_up()
    assert_same(index, chain)
    assert index.cursor()[2] == chain.head() - 2


def test_the_next_endpoint_takes_over_and_one_alone_makes_nothing_final(index, chain, pair):
    _tickets(chain)
    pair[0].is_down = True
    _at(index, *pair).catch_up()
    assert_same(index, chain)
    assert index.cursor()[2] == 0 and "eth_getLogs" in pair[1].asked
    pair[0].is_down = False
    chain.anvil.mine(1)
    _at(index, *pair).catch_up()
    assert index.cursor()[2] == chain.head() - 2


def test_an_endpoint_of_another_chain_is_passed_over(index, chain, pair):
    _tickets(chain)
    pair[0].change = _other_chain
    _at(index, *pair).catch_up()
    assert_same(index, chain)
    assert "eth_getLogs" not in pair[0].asked
    assert index.cursor()[2] == 0, "it confirms nothing either"


def test_when_all_are_of_another_chain_it_ends(index, chain, pair):
    _tickets(chain)
    pair[0].change = pair[1].change = _other_chain
    with pytest.raises(WrongChain):
        Runner(_at(index, *pair).job).follow(once=True)


def test_two_endpoints_with_different_blocks_make_nothing_final(index, chain, pair):
    _tickets(chain)
    pair[1].change = _forged
    _at(index, *pair).catch_up()
    assert_same(index, chain)
    assert index.cursor()[2] == 0


def test_the_one_against_two_is_left(index, chain, pair):
    _tickets(chain)
    with proxy(chain.anvil.url) as third:
        pair[0].change = _forged
        _at(index, *pair, third).catch_up()
    assert_same(index, chain)
    assert index.cursor()[2] == chain.head() - 2
    assert "eth_getLogs" not in pair[0].asked
