"""The migration that brings primary sales reads those that were indexed before it, as the index would have."""

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from eth_abi.abi import encode
from sqlalchemy import delete, insert, select

from backend.chain.models import ChainBlock, ChainLog
from backend.kit import db
from backend.royalties import primary
from backend.royalties.models import Sale
from tests.factories.accounts import NOON
from tests.factories.tickets import ALICE, BOB, NETWORK, Chain
from tests.fixtures.database import migrate

REVISION = "0032"


@pytest.fixture
def database(make_database):
    made = make_database()
    engine = db.configure(made.owner_url)
    yield made
    engine.dispose()


def bought(quantity, currency, price, fee, number):
    return {
        "data": encode(["uint16", "uint16", "address", "uint256", "uint256"], [1, quantity, currency, price, fee])
    } | {"topics": (number, ALICE, 2**52 + number)}


def test_what_was_bought_before_is_filled_in_as_the_handler_writes_it(database):
    chain = Chain()
    told = [
        bought(2, bytes(20), 10**18, 25, 1),
        bought(65_535, BOB, 2**256 - 1, 2**256 - 1, 2),
        bought(1, BOB, 7, 0, 3),
    ]
    for one in told:
        chain.block().emit("TicketsBought", *one["topics"], data=one["data"])
    logs = chain.taken()
    undone = Chain(branch=1)
    undone.block().emit("TicketsBought", 9, ALICE, 9, data=told[0]["data"])
    undone.emit("Transfer", ALICE, BOB, 1)
    with db.unit_of_work() as session:
        for log in [*logs, *undone.taken()]:
            block = {"number": log.block_number, "timestamp": NOON, "canonical": log in logs}
            session.merge(ChainBlock(network=NETWORK, hash=log.block_hash, **block))
            place = {"block_hash": log.block_hash, "log_index": log.log_index, "block_number": log.block_number}
            said = {"tx_hash": log.tx_hash, "address": log.address, "topics": list(log.topics), "data": log.data}
            session.execute(insert(ChainLog), [{"network": NETWORK, "tx_index": 0, **place, **said}])
        primary.keep(session, NETWORK, logs)
        written = rows(session)
        session.execute(delete(Sale))
    assert len(written) == 3
    config = Config()
    config.set_main_option("script_location", "backend:migrations")
    config.attributes["url"] = database.owner_url
    command.downgrade(config, ScriptDirectory.from_config(config).get_revision(REVISION).down_revision)
    migrate(database.owner_url)
    with db.unit_of_work() as session:
        assert rows(session) == written


def rows(session):
    table = Sale.__table__
    return session.execute(select(table).order_by(table.c.block_number)).all()


def test_any_number_of_purchases_is_kept_at_once_and_once(session):
    chain = Chain()
    for number in range(4_000):
        one = bought(1, bytes(20), 7, 0, number)
        chain.emit("TicketsBought", *one["topics"], data=one["data"])
    logs = chain.taken()
    for _ in range(2):
        primary.keep(session, NETWORK, logs)
    assert len(rows(session)) == 4_000
