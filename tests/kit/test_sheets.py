"""Lines of CSV files: what spreadsheets and programs read back is what was written."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit import sheets
from backend.kit.money import decimal_text


def read(text):
    [row] = csv.reader(io.StringIO(text, newline=""))
    return row


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_whatever_is_written_is_read_back(values):
    text = sheets.line(values)
    assert text.endswith("\r\n")
    expected = ["'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value for value in values]
    assert read(text) == expected


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Floor, standing", '"Floor, standing"'),
        ('the "pit"', '"the ""pit"""'),
        ("two\nlines", '"two\nlines"'),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\tx", "'\tx"),
        (-1, "-1"),
        (2**256 - 1, str(2**256 - 1)),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (datetime(2026, 6, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))), "2026-06-01T12:00:00Z"),
        (datetime(2026, 6, 1, tzinfo=UTC), "2026-06-01T00:00:00Z"),
    ],
)
def test_a_cell_is_quoted_and_never_a_formula(value, written):
    assert sheets.line(["x", value]) == f"x,{written}\r\n"


@pytest.mark.parametrize(
    ("amount", "places", "text"),
    [
        (0, 18, "0.000000000000000000"),
        (1, 18, "0.000000000000000001"),
        (10**18, 18, "1.000000000000000000"),
        (-(10**18) - 1, 18, "-1.000000000000000001"),
        (7, 0, "7"),
        (4_990, 2, "49.90"),
    ],
)
def test_an_amount_is_written_exactly(amount, places, text):
    assert decimal_text(amount, places) == text
