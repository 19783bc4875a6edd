"""Rows in bulk: cells and rows of Postgres's binary format, built by hand, for `COPY` and for array parameters.

A cell is a value with its length before it. The same cells make a row of `COPY ... (FORMAT BINARY)` and the elements of
an array; see the manual under "COPY, Binary Format" and `array_recv`. Hundreds of thousands of rows a minute cannot
afford an object each.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar

import psycopg
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy.orm import Session

NULL = b"\xff\xff\xff\xff"
ADDRESS = b"\0\0\0\x14"
"""The length before 20 bytes; WORD is the one before 32."""
WORD = b"\0\0\0\x20"

_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BASE = 10_000
_TYPES = {"bytea": (17, 1001), "int2": (21, 1005), "int4": (23, 1007), "int8": (20, 1016), "numeric": (1700, 1231)}
"""Numbers of types and of their arrays, from pg_type; they never change."""


def count(columns: int) -> bytes:
    """Return what a row of so many columns begins with."""
    return columns.to_bytes(2, "big")


def raw(value: bytes) -> bytes:
    """Return a bytea cell."""
    return len(value).to_bytes(4, "big") + value


def text(value: str) -> bytes:
    """Return a text cell."""
    return raw(value.encode())


def int2(value: int) -> bytes:
    """Return a smallint cell."""
    return b"\0\0\0\2" + value.to_bytes(2, "big", signed=True)


def int4(value: int) -> bytes:
    """Return an integer cell."""
    return b"\0\0\0\4" + value.to_bytes(4, "big", signed=True)


def int8(value: int) -> bytes:
    """Return a bigint cell."""
    return b"\0\0\0\x08" + value.to_bytes(8, "big", signed=True)


def flag(*, value: bool) -> bytes:
    """Return a boolean cell."""
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def moment(value: datetime) -> bytes:
    """Return a timestamptz cell."""
    return int8((value - _EPOCH) // _MICROSECOND)


@lru_cache(maxsize=16_384)
def numeric(value: int) -> bytes:
    """Return a numeric cell of a whole number that is not negative. The last ones are remembered: tokens come again."""
    digits: list[int] = []
    left = value
    while left:
        left, digit = divmod(left, _BASE)
        digits.append(digit)
    weight = max(len(digits) - 1, 0)
    digits.reverse()
    while digits and not digits[-1]:
        digits.pop()
    # Number of digits, weight of the first, sign, digits after the point.
    head = (len(digits), weight, 0, 0)
    return raw(b"".join(part.to_bytes(2, "big") for part in (*head, *digits)))


def copy(session: Session, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """COPY rows into a table inside the session's own transaction."""
    body = b"".join(rows)
    if not body:
        return
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with connection(session).cursor() as cursor, cursor.copy(statement.encode()) as into:
        into.write(_BEGIN)
        into.write(body)
        into.write(_END)


def copied(session: Session, statement: str, **values: object) -> bytes:
    """Return the rows that a `COPY ... TO STDOUT (FORMAT BINARY)` with named values gives, as `copy` takes them."""
    with connection(session).cursor() as cursor, cursor.copy(statement.encode(), values) as out:
        whole = b"".join(out)
    return whole[len(_BEGIN) : -len(_END)]


def run(session: Session, statement: str, **values: object) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run one statement with named values (`%(name)s`) in the session's transaction; arrays are made by `array`."""
    return connection(session).execute(statement.encode(), values)


def connection(session: Session) -> psycopg.Connection[tuple[Any, ...]]:
    """Return the driver's connection under the session. Raises TypeError when it is another driver's."""
    found = session.connection().connection.driver_connection
    if not isinstance(found, psycopg.Connection):
        raise TypeError("rows in bulk are written through psycopg 3")
    return found


class Array:
    """A one-dimensional array of cells, as a parameter. Made by `array`."""

    element: ClassVar[int]
    type: ClassVar[int]

    def __init__(self, cells: Sequence[bytes]) -> None:
        """Hold the cells."""
        self.cells = cells

    def __bytes__(self) -> bytes:
        """Return it as the server reads it."""
        # Dimensions, whether any is null (the server looks for itself), type, length, first index.
        head = (1, 1, self.element, len(self.cells), 1) if self.cells else (0, 0, self.element)
        return b"".join([*(part.to_bytes(4, "big") for part in head), *self.cells])


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def __init__(self, cls: type[Array], context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        # Of the instance only: the class's would make it the dumper of every list of that type.
        self.oid = cls.type

    def dump(self, obj: Array) -> bytes:
        return bytes(obj)


_arrays: dict[str, type[Array]] = {}
for _kind, (_element, _oid) in _TYPES.items():
    _arrays[_kind] = type(f"Array_{_kind}", (Array,), {"element": _element, "type": _oid})
    psycopg.adapters.register_dumper(_arrays[_kind], _ArrayDumper)


def array(kind: str, cells: Sequence[bytes]) -> Array:
    """Return an array of cells of type `kind`: bytea, int2, int4, int8 or numeric."""
    return _arrays[kind](cells)
