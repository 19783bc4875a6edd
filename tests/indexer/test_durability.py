"""Blocks at the head do not wait for the disk; what cannot be read again does."""

from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from backend.chain import onlog
from scripts.machine import testbed
from tests.fixtures.database import migrate
from tests.indexer.conftest import assert_same


@pytest.fixture
def waits(monkeypatch):
    """What the transactions of an early and a final handler have set, in their order."""
    told = {"seen": [], "final": []}

    def note(kind):
        def handle(session, _network, _logs):
            told[kind].append(session.scalar(text("SHOW synchronous_commit")))

        return handle

    for kind in told:
        mine = onlog.Subscription("TicketCollection", ("Transfer",), note(kind))
        monkeypatch.setattr(onlog.registered, kind, [*getattr(onlog.registered, kind), mine])
    return told


def test_the_head_does_not_wait_for_the_disk_and_final_handlers_do(index, chain, waits):
    collection = chain.new_collection()
    patient = index.final_after(3)
    patient.catch_up()
    chain.mint(collection, chain.people[1])
    patient.catch_up()
    assert waits == {"seen": ["off"], "final": []}
    chain.anvil.mine(4)
    patient.catch_up()
    assert waits == {"seen": ["off"], "final": ["on"]}


def test_a_range_that_moves_the_checkpoint_waits_for_the_disk(index, chain, waits):
    chain.mint(chain.new_collection(), chain.people[1])
    chain.anvil.mine(20)
    index.final_after(3).catch_up()
    assert waits["seen"] == ["on"]


def test_the_tenant_is_the_platform_and_only_inside_the_transaction(index, chain):
    from indexer.writer import Writer

    writer = Writer(index.job.database_url, index.job.network)
    query = text("SELECT current_setting('app.tenant', true), current_setting('TimeZone')")
    with writer.transaction() as session:
        assert session.execute(query).one() == ("platform", "UTC")
    with writer._connection.begin():
        assert writer._connection.execute(query).one()[0] in {None, ""}
    writer.close()


@pytest.fixture
def server():
    """A Postgres that may be killed: nobody else uses it."""
    with testbed.postgres() as running:
        with psycopg.connect(running.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE mine OWNER backstage_owner")
        migrate(running.url("backstage_owner", "mine"))
        yield running


@pytest.fixture
def own(index, server):
    """The index in that server."""
    job = replace(index.job, database_url=server.url("backstage_index", "mine"))
    return replace(index, job=job, owner_url=server.url("backstage_owner", "mine"))


def test_a_database_that_crashes_forgets_nothing_for_good(own, chain, server):
    """kill -9 of the server while blocks come: the checkpoint never goes back, the rest is read again."""
    collection = chain.new_collection()
    [token] = chain.mint(collection, chain.people[1])
    strict = own.final_after(4)
    with strict.following():
        for turn in range(3):
            for person in range(2, 8):
                chain.move(collection, token, chain.people[person])
            strict.wait_for(lambda: own.cursor() and own.cursor()[2] >= 4)
            finalized = own.cursor()[2]
            server.kill()
            chain.move(collection, token, chain.people[turn])
            server.start()
            assert own.cursor()[2] >= finalized
            strict.wait_for(lambda: own.head() == chain.head())
    assert_same(own, chain)
