"""A socket tells of new blocks; what it tells is never believed, and without it the index asks by itself."""

import contextlib
import json
from dataclasses import replace
from time import sleep

import pytest
from structlog.testing import capture_logs

from indexer.newheads import NewHeads, socket_urls
from tests.indexer.conftest import assert_same
from tests.simulators.rpc.sockets import listening


@pytest.fixture
def socket(chain):
    with listening(chain.anvil.url) as made:
        yield made


@pytest.fixture
def seldom(index, monkeypatch):
    """Asks by itself so seldom that only a hint can explain a quick answer; soon, as soon as a socket fails."""
    monkeypatch.setattr("indexer.runner._HEARD_SECONDS", 60)

    def at(*urls, poll=60.0):
        return replace(index, job=replace(index.job, ws_url=",".join(urls) or "off", poll_seconds=poll))

    return at


def _caught_up(index, chain):
    return lambda: (index.cursor() or [0, b""])[1] == chain.head_hash()


def test_a_hint_wakes_the_follower(index, chain, seldom, socket):
    collection = chain.new_collection()
    with seldom(socket.url).following(patient=True):
        index.wait_for(lambda: socket.listeners)
        for _ in range(3):
            chain.mint(collection, chain.people[1])
            index.wait_for(_caught_up(index, chain), 5)
    assert_same(index, chain)


def test_without_a_socket_it_would_have_slept(index, chain, seldom):
    with seldom(poll=60).following(patient=True):
        index.wait_for(_caught_up(index, chain), 5)
        sleep(1)  # it still settles what became final before it rests
        chain.anvil.mine(1)
        with pytest.raises(AssertionError, match="not within"):
            index.wait_for(_caught_up(index, chain), 0.7)


def test_the_nodes_own_address_is_listened_at_when_no_other_is_set(index, chain, monkeypatch):
    monkeypatch.setattr("indexer.runner._HEARD_SECONDS", 60)
    with replace(index, job=replace(index.job, poll_seconds=60)).following(patient=True):
        index.wait_for(_caught_up(index, chain), 5)
        chain.anvil.mine(1)
        index.wait_for(_caught_up(index, chain), 5)


def test_a_silent_socket_is_found_out_and_polling_takes_over(index, chain, seldom, socket, monkeypatch):
    monkeypatch.setattr("indexer.runner._HEARD_SECONDS", 0.2)
    monkeypatch.setattr("indexer.newheads._SILENT_SECONDS", 0.2)
    monkeypatch.setattr("indexer.newheads._LOOK_UP_SECONDS", 0.05)
    socket.relays = False
    with seldom(socket.url, poll=0.01).following(patient=True):
        index.wait_for(lambda: socket.listeners)
        chain.anvil.mine(1)
        index.wait_for(_caught_up(index, chain), 5)
        index.wait_for(lambda: socket.subscribed > 1, 5)  # it was left, and tried again
        socket.relays = True
        chain.anvil.mine(1)
        index.wait_for(_caught_up(index, chain), 5)


def test_a_socket_that_hangs_up_is_found_again(index, chain, seldom, socket):
    with seldom(socket.url).following(patient=True):
        index.wait_for(lambda: socket.listeners)
        socket.hang_up()
        index.wait_for(lambda: socket.subscribed == 2 and socket.listeners)
        chain.anvil.mine(1)
        index.wait_for(_caught_up(index, chain), 5)


@pytest.mark.parametrize(
    "nonsense",
    [
        "<html>502</html>",
        "[]",
        "{}",
        json.dumps({"method": "eth_subscription", "params": {"subscription": "0x1", "result": {"number": "0x1"}}}),
        json.dumps({"params": {"result": {"number": "seven", "hash": "0x00"}}}),
        json.dumps({"params": {"result": {"number": "0x1", "hash": "0xzz"}}}),
    ],
)
def test_a_socket_that_talks_nonsense_is_left_for_the_next(index, chain, seldom, socket, nonsense):
    with listening(chain.anvil.url) as other, seldom(socket.url, other.url).following(patient=True):
        index.wait_for(lambda: socket.listeners)
        socket.relays = False
        socket.say(nonsense)
        index.wait_for(lambda: other.listeners)
        chain.anvil.mine(1)
        index.wait_for(_caught_up(index, chain), 5)
    assert_same(index, chain)


def test_a_node_that_refuses_to_subscribe_is_polled(index, chain, seldom, socket):
    socket.refuses = True
    with seldom(socket.url, poll=0.01).following(patient=True):
        index.wait_for(lambda: socket.subscribed)
        chain.anvil.mine(1)
        index.wait_for(_caught_up(index, chain), 5)


def test_hints_at_blocks_that_do_not_exist_change_nothing(index, chain, seldom, socket):
    """Heads far above the chain, of another branch, and of the past: the index asks, and stays with what is so."""
    chain.mint(chain.new_collection(), *chain.people[:3])
    with seldom(socket.url, poll=0.01).following(patient=True):
        index.wait_for(lambda: socket.listeners)
        index.wait_for(_caught_up(index, chain), 5)
        before = index.cursor(), index.logs(), index.holdings()
        for number in (10**9, chain.head() + 1, chain.head(), chain.head() - 1, 0):
            socket.tell(number, "0x" + f"{number:064x}")
        index.wait_for(lambda: socket.listeners)
        chain.anvil.mine(1)
        index.wait_for(_caught_up(index, chain), 5)
    assert index.cursor()[2:4] == before[0][2:4]
    assert (index.logs(), index.holdings()) == before[1:]


def test_a_socket_whose_hints_lead_to_nothing_is_left(index, chain, seldom, socket):
    with seldom(socket.url, poll=0.01).following(patient=True):
        index.wait_for(lambda: socket.listeners)
        told = iter(range(10**6))

        def left():
            number = next(told)
            socket.tell(chain.head() + 1, "0x" + f"{number:064x}")
            return socket.subscribed > 1

        index.wait_for(left)
        chain.anvil.mine(1)
        index.wait_for(_caught_up(index, chain), 5)


def test_the_same_hint_again_wakes_nobody(chain, socket):
    woken = []
    heads = NewHeads([socket.url], lambda: woken.append(1))
    heads.start()
    try:
        _until(lambda: socket.listeners and heads.is_heard)
        socket.relays = False
        for number in (7, 7, 7, 8):
            socket.tell(number, "0x" + "ab" * 32)
        _until(lambda: heads.newest is not None and heads.newest.number == 8)
        assert len(woken) == 3  # once for what it may have missed, once for each block
    finally:
        heads.close()


def test_what_is_wrong_is_told_without_the_address(chain, socket):
    """Providers put their keys into it."""
    socket.refuses = True
    with capture_logs() as told:
        heads = NewHeads([socket.url, "ws://127.0.0.1:1/v2/a-secret-key"], lambda: None)
        heads.start()
        _until(lambda: len([one for one in told if one["event"] == "newheads_lost"]) >= 2)
        heads.close()
    assert "refuses" in str(told)
    assert "ConnectionRefusedError" in str(told)
    assert "secret" not in str(told)


def _until(is_so):
    import time

    give_up = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def test_where_to_listen():
    nodes = ["http://a:1/x", "https://b/v2/key"]
    assert socket_urls(nodes, None) == ["ws://a:1/x", "wss://b/v2/key"]
    assert socket_urls(nodes, "wss://c, ws://d") == ["wss://c", "ws://d"]
    assert socket_urls(nodes, "off") == []


def test_closing_does_not_wait_for_a_socket_that_is_gone(chain):
    with contextlib.ExitStack() as stack:
        socket = stack.enter_context(listening(chain.anvil.url))
        heads = NewHeads([socket.url], lambda: None)
        heads.start()
        _until(lambda: heads.is_heard)
    _until(lambda: not heads.is_heard)
    heads.close()
    assert not heads._thread.is_alive()
