"""Cells built by hand are what Postgres reads."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.kit import bulk
from backend.kit.bulk import NULL

_SAME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
CELLS = {
    "bytea": (bulk.raw, st.binary(max_size=40)),
    "int2": (bulk.int2, st.integers(-(2**15), 2**15 - 1)),
    "int4": (bulk.int4, st.integers(-(2**31), 2**31 - 1)),
    "int8": (bulk.int8, st.integers(-(2**63), 2**63 - 1)),
    "numeric": (bulk.numeric, st.integers(0, 2**256 - 1) | st.integers(0, 70).map(lambda places: 10**places)),
}


@pytest.mark.parametrize("kind", CELLS)
@_SAME
@given(data=st.data())
def test_an_array_is_read_as_it_was_written(session, kind, data):
    cell, values = CELLS[kind]
    said = data.draw(st.lists(values | st.none(), max_size=8))
    array = bulk.array(kind, [NULL if value is None else cell(value) for value in said])
    rows = bulk.run(session, "SELECT * FROM unnest(%(said)s)", said=array).fetchall()
    assert [row[0] for row in rows] == said


def test_rows_are_copied_as_they_were_written(session):
    bulk.run(session, "CREATE TEMP TABLE kinds (a bytea, b int, c bigint, d numeric, e text, f bool, g timestamptz)")
    at = datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    said = [(b"", -1, 2**62, 10_000, "Å", True, at), (b"\0\xff", 0, 0, 0, "", False, at + timedelta(days=9_999))]
    rows = [
        bulk.count(7)
        + bulk.raw(a)
        + bulk.int4(b)
        + bulk.int8(c)
        + bulk.numeric(d)
        + bulk.text(e)
        + bulk.flag(value=f)
        + bulk.moment(g)
        for a, b, c, d, e, f, g in said
    ]
    bulk.copy(session, "kinds", "abcdefg", rows)
    bulk.copy(session, "kinds", "abcdefg", [])
    assert bulk.run(session, "SELECT * FROM kinds").fetchall() == said


def test_an_array_of_cells_leaves_plain_lists_alone(session):
    """Its dumper must not become that of every list of the same type."""
    rows = bulk.run(session, "SELECT %(plain)s::bytea[], %(said)s", plain=[b"a"], said=bulk.array("bytea", [NULL]))
    assert rows.fetchone() == ([b"a"], [None])
