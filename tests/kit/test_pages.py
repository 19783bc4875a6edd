"""Cursors: every row once whatever the page's size, and good for nothing but the list they came from."""

import base64
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select
from starlette.datastructures import URL, QueryParams

from backend.kit import pages
from backend.kit.pages import BadCursor, Params, paginate
from backend.royalties.models import Sale
from tests.factories.sales import make_sale_row

SALES = [Sale.block_number, Sale.log_index]


def read(session, limit, *, scope="a", descending=False, order_by=SALES):
    """All pages, one after the other."""
    found, cursor = [], None
    while True:
        params = Params(limit=limit, cursor=cursor, scope=scope)
        rows, cursor = paginate(session, select(Sale), order_by, params, descending=descending)
        assert 1 <= len(rows) <= limit or not found
        found += rows
        if cursor is None:
            return found


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20),
    limit=st.integers(1, 25),
    descending=st.booleans(),
)
def test_pages_one_after_the_other_are_the_list_each_row_once(session, places, limit, descending):
    session.execute(delete(Sale))
    for block, index in places:
        session.execute(insert(Sale), [make_sale_row(block, index)])
    found = [(row.block_number, row.log_index) for row in read(session, limit, descending=descending)]
    assert found == sorted(places, reverse=descending)


def test_what_is_added_meanwhile_moves_nothing(session):
    session.execute(insert(Sale), [make_sale_row(block, 0) for block in range(10)])
    rows, cursor = paginate(session, select(Sale), SALES, Params(limit=4), descending=True)
    session.execute(insert(Sale), [make_sale_row(block, 0) for block in (10, 11)])
    params = Params(limit=100, cursor=cursor)
    rest, _ = paginate(session, select(Sale), SALES, params, descending=True)
    assert [row.block_number for row in [*rows, *rest]] == list(range(9, -1, -1))


def test_a_page_that_ends_with_the_list_is_the_last(session):
    session.execute(insert(Sale), [make_sale_row(block, 0) for block in range(4)])
    assert paginate(session, select(Sale), SALES, Params(limit=4))[1] is None
    assert paginate(session, select(Sale), SALES, Params(limit=3))[1] is not None


def scope(url):
    return pages._scope_of(SimpleNamespace(query_params=QueryParams(URL(url).query), url=URL(url)))


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("/v1/a?status=LIVE&tier=1", True),
        ("/v1/a?tier=1&status=LIVE&limit=3&format=csv&cursor=x", True),
        ("/v1/A?tier=1&status=live", True),
        ("/v1/a?tier=1", False),
        ("/v1/a?tier=2&status=LIVE", False),
        ("/v1/a?tier=1&status=LIVE&status=VOID", False),
        ("/v1/b?tier=1&status=LIVE", False),
    ],
)
def test_a_scope_is_the_list_and_its_filters(other, is_same):
    assert (scope("/v1/a?tier=1&status=LIVE") == scope(other)) is is_same


def refused(session, cursor, order_by=SALES, list_scope="a"):
    with pytest.raises(BadCursor):
        paginate(session, select(Sale), order_by, Params(limit=1, cursor=cursor, scope=list_scope))


def test_a_cursor_of_another_list_is_refused(session):
    session.execute(insert(Sale), [make_sale_row(block, 0) for block in range(3)])
    _, cursor = paginate(session, select(Sale), SALES, Params(limit=1, scope="a"))
    refused(session, cursor, list_scope="b")
    refused(session, cursor, [Sale.block_number])
    assert len(paginate(session, select(Sale), SALES, Params(limit=5, cursor=cursor, scope="a"))[0]) == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_cursor_with_any_character_changed_is_refused(session, data):
    cursor = pages._encode("a", [7, 3])
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != cursor[at]))
    changed = cursor[:at] + other + cursor[at + 1 :]
    # Padding bits of base64 mean nothing: the same cursor in other letters.
    try:
        padded = "=" * (-len(changed) % 4)
        is_same = base64.urlsafe_b64decode(changed + padded) == base64.urlsafe_b64decode(cursor + padded)
    except ValueError:
        is_same = False
    if not is_same:
        refused(session, changed)


def forged(*values):
    """What somebody writes who knows how cursors are made."""
    plain = list(values)
    told = json.dumps([pages._check("a", plain), *plain]).encode()
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "made-up",
        "é",
        "=",
        "bnVsbA",
        "MQ",
        "W10",
        forged("1"),
        forged("1", "2", "3"),
        forged("1", "x"),
        forged("1", ""),
        forged(str(2**63), "1"),
        forged("1", str(2**31)),
        forged("1", str(-(2**31) - 1)),
        base64.urlsafe_b64encode(b"[" * 200).decode(),
        base64.urlsafe_b64encode(json.dumps([pages._check("a", ["1", "2"]), 1, 2]).encode()).decode(),
    ],
)
def test_a_cursor_that_no_list_wrote_is_refused_and_never_reaches_the_database(session, cursor):
    refused(session, cursor)


def test_times_are_taken_with_their_offset_only(session):
    now = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    session.execute(insert(Sale), [make_sale_row(n, 0, sold_at=now + timedelta(seconds=n)) for n in range(3)])
    order_by = [Sale.sold_at, Sale.token_id]
    assert len(read(session, 1, order_by=order_by)) == 3
    refused(session, forged("2026-06-01T12:00:00", "1"), order_by)
    refused(session, forged("2026-06-01T12:00:00+00:00", "-1"), order_by)
    refused(session, forged("2026-06-01T12:00:00+00:00", str(2**256)), order_by)
