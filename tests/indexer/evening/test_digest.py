"""A rebuild from zero gives every projection again to the byte, and leaves the books as they are.

Whatever is registered as a projection is among them: one that a capability adds later, and that the evening does not
fill, fails here.
"""

from contextlib import contextmanager

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.types import Boolean, DateTime, LargeBinary, String

from backend import discovery
from backend.chain import replay
from backend.kit import db
from indexer.rebuild import rebuild, rebuild_from_facts
from indexer.runner import Runner
from tests.factories.tickets import NETWORK

discovery.load("models", "onchain")
PROJECTIONS = [table.name for table in replay.projections()]
_WITHOUT_ONE = 'DELETE FROM "{0}" WHERE ctid = (SELECT max(ctid) FROM "{0}")'
_IN_ANOTHER_ORDER = """
    CREATE TEMPORARY TABLE other ON COMMIT DROP AS SELECT * FROM "{0}" ORDER BY ctid DESC;
    DELETE FROM "{0}"; INSERT INTO "{0}" SELECT * FROM other
"""
BOOKS = {
    "journals": "SELECT * FROM journals ORDER BY id",
    "entries": "SELECT * FROM ledger_entries ORDER BY id",
    "balances": "SELECT account, currency, sum(amount) FROM ledger_entries GROUP BY 1, 2 ORDER BY 1, 2",
    "final handlers": "SELECT name, block_number, status FROM chain_cursors WHERE name LIKE 'final:%' ORDER BY 1",
    "orders": "SELECT id, status FROM orders ORDER BY 1",
    "tickets": "SELECT id, status, token_id FROM tickets ORDER BY 1",
    "mint jobs": "SELECT id, status FROM mint_jobs ORDER BY 1",
    "market orders": "SELECT id, status, reason FROM market_orders ORDER BY 1",
}


@pytest.fixture
def rows(evening, fresh_database):
    """Opens the rows as their owner sees them; what is done to them is undone at the end unless it is committed."""
    engine = create_engine(db.driver_url(fresh_database.owner_url), poolclass=NullPool)

    @contextmanager
    def opened():
        with Session(engine, info={"tenant": db.PLATFORM}) as session:
            yield session

    yield opened
    engine.dispose()


def digests(session):
    return replay.digests(session, NETWORK, whole=True)


def books(session):
    return {name: session.execute(text(query)).all() for name, query in BOOKS.items()}


@pytest.fixture
def before(rows):
    with rows() as session:
        return digests(session), books(session)


def test_the_evening_fills_every_projection_and_the_books(rows, before):
    with rows() as session:
        empty = [name for name in PROJECTIONS if not session.scalar(text(f'SELECT count(*) FROM "{name}"'))]
        assert empty == [], "let the evening (conftest.py) do what fills them"
        assert all(before[1].values())
        currencies = session.scalars(text("SELECT DISTINCT currency FROM ledger_entries ORDER BY 1")).all()
        assert currencies == ["BKS", "BNB", "SEK"]
        assert session.scalars(text("SELECT DISTINCT kind FROM sales ORDER BY 1")).all() == [0, 1]


@pytest.mark.parametrize("again", [rebuild, rebuild_from_facts])
def test_a_rebuild_gives_every_projection_to_the_byte_and_the_same_books(evening, rows, before, again):
    found = again(Runner(evening.market.job))
    assert found.same
    with rows() as session:
        assert (digests(session), books(session)) == before
    evening.market.follow()
    with rows() as session:
        assert (digests(session), books(session)) == before, "and nothing is done a second time afterwards"


@pytest.mark.parametrize("name", PROJECTIONS)
def test_one_row_that_is_another_is_seen_and_mended(evening, rows, before, name):
    """The control: whatever column is changed the digest is another, and a rebuild says so and gives the first back."""
    [table] = [one for one in replay.projections() if one.name == name]
    blind = []
    for column in table.columns:
        with rows() as session:
            _change(session, table, column)
            blind += [column.name] * (digests(session) == before[0])
    assert blind == []
    with rows() as session:
        session.execute(text(_IN_ANOTHER_ORDER.format(name)))
        assert digests(session) == before[0], "where a row stands in its file says nothing"
    with rows() as session:
        session.execute(text(_WITHOUT_ONE.format(name)))
        assert digests(session) != before[0]
        session.commit()
    assert rebuild_from_facts(Runner(evening.market.job)).same is False
    with rows() as session:
        assert (digests(session), books(session)) == before


def _change(session, table, column):
    """Give one row another value there."""
    name = f'"{column.name}"'
    checks = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = CAST(:table AS regclass)"
    for check in session.scalars(text(checks), {"table": table.name}).all():
        session.execute(text(f'ALTER TABLE "{table.name}" DROP CONSTRAINT "{check}"'))
    is_set = session.scalar(text(f'SELECT count({name}) FROM "{table.name}"')) > 0
    place = f'(SELECT ctid FROM "{table.name}" WHERE {name} IS NOT NULL ORDER BY {name} DESC LIMIT 1)'
    if not is_set:
        place = f'(SELECT ctid FROM "{table.name}" LIMIT 1)'
    session.execute(text(f'UPDATE "{table.name}" SET {name} = {_other(column, name, is_set)} WHERE ctid = {place}'))


def _other(column, name, is_set):
    kind = column.type
    if isinstance(kind, Boolean):
        return f"NOT {name}" if is_set else "true"
    if isinstance(kind, LargeBinary):
        last = f"length({name}) - 1"
        return (
            f"set_byte({name}, {last}, get_byte({name}, {last}) # 1)" if is_set else "decode(repeat('66', 20), 'hex')"
        )
    if isinstance(kind, DateTime):
        return f"{name} + interval '1 second'" if is_set else "now()"
    if isinstance(kind, String):
        return f"{name} || 'x'" if is_set else "'x'"
    return f"{name} + 1" if is_set else "1"
