"""One writer a network, whoever has lost what; several networks side by side."""

import json
import threading
from dataclasses import replace

import psycopg
import pytest

from backend.chain import onlog
from indexer.runner import NotAlone, Runner
from indexer.writer import Writer, lock_key
from scripts.machine import testbed
from tests.indexer.chainside import NETWORK, Chainside
from tests.indexer.conftest import assert_same
from tests.indexer.proxy import proxy

_OTHER = "eip155:97"


@pytest.fixture
def held_up(monkeypatch):
    """The first transaction that sees a Transfer stops before its commit, until `go` is set."""
    stopped, go = threading.Event(), threading.Event()

    def handle(_session, _network, _logs):
        if not stopped.is_set():
            stopped.set()
            assert go.wait(20)

    mine = onlog.Subscription("TicketCollection", ("Transfer",), handle)
    monkeypatch.setattr(onlog.registered, "seen", [*onlog.registered.seen, mine])
    yield stopped, go
    go.set()


def _end_the_holder(index):
    """Take the connection, and with it the lock, from whoever holds it. Its process lives on."""
    with psycopg.connect(index.owner_url) as owner:
        [holder] = owner.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND (classid::bigint << 32 | objid::bigint) = %s",
            (lock_key(NETWORK),),
        ).fetchone() or [None]
    with psycopg.connect(index.job.database_url) as one_of_its_role:
        assert one_of_its_role.execute("SELECT pg_terminate_backend(%s)", (holder,)).fetchone() == (True,)


def test_a_writer_that_lost_its_connection_in_the_middle_writes_nothing_more(index, chain, held_up):
    """It is alive, has everything ready to commit, and somebody else has written the same meanwhile."""
    stopped, go = held_up
    collection = chain.new_collection()
    with index.following() as first:
        index.wait_for(lambda: index.head() == chain.head())
        chain.mint(collection, *chain.people[:3])
        assert stopped.wait(10)
        with index.following() as second:
            _end_the_holder(index)
            index.wait_for(lambda: index.head() == chain.head())
            chain.mint(collection, chain.people[4])
            index.wait_for(lambda: index.head() == chain.head())
            before = index.logs(), index.holdings()
            go.set()
            chain.anvil.mine(1)
            index.wait_for(lambda: index.head() == chain.head())
            assert (index.logs(), index.holdings()) == before
            second.stop.set()
            chain.mint(collection, chain.people[5])
            index.wait_for(lambda: index.head() == chain.head(), 20)  # the first has waited for the lock again
        assert not first.stop.is_set()
    assert_same(index, chain)


def test_a_connection_without_the_lock_does_not_write(index, chain):
    index.catch_up()
    with Runner(index.job).locked() as writer:
        other = Writer(index.job.database_url, NETWORK)
        assert not other.try_lock()
        with pytest.raises(NotAlone), Runner(index.job).locked(wait=False):
            pass
        other.close()
        assert writer.is_alive()


def _at(index, network, node):
    return replace(index, job=replace(index.job, network=network, rpc_url=node.url))


@pytest.fixture
def abroad(tmp_path):
    """Another network, with contracts of its own."""
    with testbed.anvil() as node:
        yield Chainside(node, tmp_path / "deployments")


def test_two_networks_are_followed_side_by_side(index, chain, abroad):
    """Each by a process of its own, under a lock of its own; a reorg of one is none of the other's."""
    kept = (chain.manifests / "eip155-31337.json").read_text()
    chain.mint(chain.new_collection(), *chain.people[:3])
    abroad.deploy()
    told = json.loads((abroad.manifests / "eip155-31337.json").read_text())
    (abroad.manifests / "eip155-97.json").write_text(json.dumps(told | {"network": _OTHER}))
    (chain.manifests / "eip155-31337.json").write_text(kept)
    abroad.mint(abroad.new_collection(), *abroad.people[:2])

    def heads():
        return dict(index.query("SELECT network, block_hash FROM chain_cursors WHERE name = 'facts'"))

    def expected():
        return {NETWORK: chain.head_hash(), _OTHER: abroad.head_hash()}

    def change(method, _, response):
        return {**response, "result": hex(97)} if method == "eth_chainId" else response

    with proxy(abroad.anvil.url) as node:
        node.change = change
        with index.following(), _at(index, _OTHER, node).following():
            index.wait_for(lambda: heads() == expected())
            abroad.reorg(1)
            chain.mint(chain.collections[0], chain.people[5])
            index.wait_for(lambda: heads() == expected())
    counted = dict(index.query("SELECT network, count(*) FROM holdings GROUP BY network"))
    assert counted == {NETWORK: 4}, "the reorg took the mint of the other network alone"
