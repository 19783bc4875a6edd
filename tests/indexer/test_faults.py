"""Nodes that lag, lie, vanish or belong to another chain: recognised, waited out or refused, never indexed."""

import psycopg
import pytest

from backend.chain import onlog
from indexer.follower import NothingToFollow, WrongChain
from indexer.runner import Runner
from tests.indexer.conftest import assert_same
from tests.indexer.proxy import proxy


@pytest.fixture
def node(chain):
    with proxy(chain.anvil.url) as made:
        yield made


def _tickets(chain):
    collection = chain.new_collection()
    return collection, chain.mint(collection, *chain.people[:3])


@pytest.mark.parametrize("final", [False, True])
def test_empty_logs_of_a_lagging_node_are_found_by_the_receipts(index, chain, node, final):
    _tickets(chain)
    if final:
        chain.anvil.mine(110)
    node.change = lambda method, _, response: {**response, "result": []} if method == "eth_getLogs" else response
    index.at(node.url).catch_up()
    assert "eth_getBlockReceipts" in node.asked
    assert_same(index, chain)


def test_a_node_without_receipts_is_asked_for_the_logs_again(index, chain, node):
    _tickets(chain)
    lagging = {"eth_getLogs": 3}

    def change(method, _, response):
        if method == "eth_getBlockReceipts":
            return {"id": response["id"], "error": {"code": -32601, "message": "the method does not exist"}}
        if method == "eth_getLogs" and lagging[method]:
            lagging[method] -= 1
            return {**response, "result": []}
        return response

    node.change = change
    index.at(node.url).catch_up()
    assert_same(index, chain)


def test_one_log_left_out_is_noticed(index, chain, node):
    collection, _ = _tickets(chain)

    def change(method, _, response):
        if method == "eth_getLogs":
            address = "0x" + collection.hex()
            return {**response, "result": [log for log in response["result"] if log["address"] != address]}
        return response

    node.change = change
    index.at(node.url).catch_up()
    assert_same(index, chain)


def test_logs_of_another_block_than_the_header_are_no_facts(index, chain, node):
    _tickets(chain)
    lies = {"left": 2}

    def change(method, _, response):
        if method == "eth_getLogs" and response.get("result") and lies["left"]:
            lies["left"] -= 1
            for log in response["result"]:
                log["blockHash"] = "0x" + "ee" * 32
        return response

    node.change = change
    index.at(node.url).catch_up()
    assert lies["left"] == 0
    assert_same(index, chain)


def test_blocks_that_do_not_continue_each_other_are_asked_for_again(index, chain, node):
    chain.anvil.mine(20)
    lies = {"left": 3}

    def change(method, params, response):
        if method == "eth_getBlockByNumber" and params[0] == hex(10) and lies["left"]:
            lies["left"] -= 1
            response["result"]["parentHash"] = "0x" + "ee" * 32
        return response

    node.change = change
    index.at(node.url).catch_up()
    assert lies["left"] == 0
    assert_same(index, chain)


def test_a_node_of_another_chain_id_is_refused(index, chain, node):
    def change(method, _, response):
        return {**response, "result": "0x38"} if method == "eth_chainId" else response

    node.change = change
    with pytest.raises(WrongChain, match="eip155:56"):
        Runner(index.at(node.url).job).follow()
    assert index.head() is None


def test_a_node_of_another_chain_with_our_id_is_refused(index, chain, node, command):
    _tickets(chain)
    index.catch_up()
    before = index.cursor()

    def change(method, params, response):
        if method == "eth_getBlockByNumber" and params[0] == "0x0":
            response["result"]["hash"] = "0x" + "ee" * 32
        return response

    node.change = change
    with pytest.raises(WrongChain, match="another chain"):
        Runner(index.at(node.url).job).follow()
    assert index.cursor() == before
    assert command("follow", "--rpc-url", node.url)[0] == 4


def test_a_range_too_large_for_the_node_is_halved(index, chain, node):
    _tickets(chain)
    chain.anvil.mine(150)
    asked = []

    def change(method, params, response):
        if method == "eth_getLogs" and "fromBlock" in params[0]:
            asked.append(blocks := int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1)
            if blocks > 10:
                return {"id": response["id"], "error": {"code": -32005, "message": "query returned too many results"}}
        return response

    node.change = change
    index.at(node.url).catch_up()
    assert max(asked) > 10
    assert min(asked) <= 10
    assert_same(index, chain)


def test_a_node_that_was_down_is_followed_again(index, chain, node):
    collection, tokens = _tickets(chain)
    with index.at(node.url).following():
        index.wait_for(lambda: index.head() == chain.head())
        node.is_down = True
        chain.move(collection, tokens[0], chain.people[8])
        chain.move(collection, tokens[1], chain.people[8])
        node.is_down = False
        index.wait_for(lambda: index.head() == chain.head())
    assert_same(index, chain)


def test_a_node_that_lags_for_a_moment_undoes_nothing(index, chain, node):
    collection, tokens = _tickets(chain)
    index.final_after(1).catch_up()
    old = chain.rpc("eth_getBlockByNumber", hex(chain.head() - 3), False)

    def change(method, params, response):
        if method == "eth_getBlockByNumber":
            if params[0] == "latest":
                return {**response, "result": old}
            if params[0].startswith("0x") and int(params[0], 16) > int(old["number"], 16):
                return {**response, "result": None}
        return response

    with index.final_after(1).at(node.url).following():
        node.change = change
        asked = len(node.asked)
        index.wait_for(lambda: len(node.asked) > asked + 10)
        node.change = None
        chain.move(collection, tokens[0], chain.people[8])
        index.wait_for(lambda: index.head() == chain.head())
    assert_same(index, chain)
    assert index.cursor()[3] == "RUNNING"


def test_a_database_that_drops_the_connection_is_found_again(index, chain):
    collection, tokens = _tickets(chain)
    with index.following():
        index.wait_for(lambda: index.head() == chain.head())
        with psycopg.connect(index.job.database_url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'backstage_index' "
                "AND datname = current_database() AND pid <> pg_backend_pid()"
            )
        chain.move(collection, tokens[0], chain.people[8])
        index.wait_for(lambda: index.head() == chain.head())
    assert_same(index, chain)


def test_a_projection_that_fails_stops_facts_too_and_says_so(index, chain, monkeypatch):
    _tickets(chain)
    broken = {"is": True}

    def handle(_session, _network, _logs):
        if broken["is"]:
            raise RuntimeError("no room")

    kept = [*onlog.registered.seen, onlog.Subscription("TicketCollection", ("Transfer",), handle)]
    monkeypatch.setattr(onlog.registered, "seen", kept)
    with index.following():
        index.wait_for(lambda: (index.cursor() or [None] * 5)[3] == "STUCK")
        assert "no room" in index.cursor()[4]
        assert index.logs() == [log for log in chain.logs() if log[0] <= index.head()]
        broken["is"] = False
        index.wait_for(lambda: index.head() == chain.head())
    assert index.cursor()[3] == "RUNNING"
    assert_same(index, chain)


def test_nothing_deployed_is_said_not_guessed(index, chain, settings, tmp_path):
    settings(deployments_dir=tmp_path / "nowhere")
    with pytest.raises(NothingToFollow):
        index.catch_up()
