"""Lists in pages by an opaque cursor: stable while rows are added, no page numbers to drift.

A cursor is the sort key of the last row seen, so what is added before or after that place neither repeats nor skips a
row. It is good for the list and the filters it came from, and refused anywhere else: there its key would be a place in
another order. Its checksum is no secret. Somebody who makes one up gets another page of a list they may read anyway.
"""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import BigInteger, Integer, Select, SmallInteger, tuple_
from sqlalchemy.orm import Session

from backend.kit.db import WeiColumn
from backend.kit.errors import Invalid

Item = TypeVar("Item")
MOST_A_PAGE = 100
_USUAL_A_PAGE = 50
_LONGEST_CURSOR = 400
_CHECK_BYTES = 9
_HOW_NOT_WHAT = frozenset({"limit", "cursor", "format"})
"""Parameters that say how a list is read; all others say which list it is."""


class BadCursor(Invalid):
    """The cursor was not made by this list with these filters: start again without one."""

    code = "bad_cursor"


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last")


class Params(BaseModel):
    """Which page of which list."""

    limit: int
    is_limited: bool = False
    """Whether the request named the limit itself."""
    cursor: str | None = None
    scope: str = ""
    """The list and its filters: what a cursor is good for."""


def _scope_of(request: Request) -> str:
    filters = sorted((name, value) for name, value in request.query_params.multi_items() if name not in _HOW_NOT_WHAT)
    # Ids and addresses mean the same in either case.
    return json.dumps([request.url.path, filters]).lower()


def _params(
    request: Request,
    limit: Annotated[
        int | None, Query(ge=1, le=MOST_A_PAGE, description=f"Items a page; {_USUAL_A_PAGE} when not given")
    ] = None,
    cursor: Annotated[
        str | None,
        Query(
            max_length=_LONGEST_CURSOR,
            description="`next_cursor` of the page before. Good for the same list with the same filters only",
        ),
    ] = None,
) -> Params:
    return Params(
        limit=limit or _USUAL_A_PAGE, is_limited=limit is not None, cursor=cursor or None, scope=_scope_of(request)
    )


PageParams = Annotated[Params, Depends(_params)]


def _encode(scope: str, values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps([_check(scope, plain), *plain]).encode()).decode().rstrip("=")


def _check(scope: str, plain: Sequence[str]) -> str:
    said = json.dumps([scope, *plain]).encode()
    return base64.urlsafe_b64encode(blake2b(said, digest_size=_CHECK_BYTES).digest()).decode()


def _decode(scope: str, cursor: str, columns: Sequence[Any]) -> list[Any]:
    """Return the values for `columns`. Raises BadCursor for whatever this list would not have written."""
    try:
        check, *plain = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if len(plain) != len(columns) or not all(isinstance(value, str) for value in plain):
            raise BadCursor
        if check != _check(scope, plain):
            raise BadCursor
        return [_parse(column.type, value) for column, value in zip(columns, plain, strict=True)]
    except (ValueError, TypeError, RecursionError) as error:
        raise BadCursor from error


def _parse(kind: Any, value: str) -> Any:
    """Return the value as its column takes it: Postgres would answer a number out of range with an error of ours."""
    if isinstance(kind, (WeiColumn, Integer)):
        least, most = _range(kind)
        number = int(value)
        if not least <= number <= most:
            raise BadCursor
        return number
    if kind.python_type is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise BadCursor
        return moment
    return kind.python_type(value)


def _range(kind: WeiColumn | Integer) -> tuple[int, int]:
    if isinstance(kind, WeiColumn):
        return 0, 2**256 - 1
    bits = 64 if isinstance(kind, BigInteger) else 16 if isinstance(kind, SmallInteger) else 32
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def paginate(
    session: Session,
    query: Select[Item],
    order_by: Sequence[Any],
    params: Params,
    *,
    descending: bool = False,
) -> tuple[list[Item], str | None]:
    """Run `query` for one page ordered by the columns `order_by` (together unique among its rows).

    Returns the rows and the cursor of the next page, None on the last. Raises BadCursor.
    """
    if params.cursor:
        place = tuple_(*_decode(params.scope, params.cursor, order_by))
        at = tuple_(*order_by)
        query = query.where(at < place if descending else at > place)
    ordering = [column.desc() if descending else column for column in order_by]
    rows = list(session.scalars(query.order_by(*ordering).limit(params.limit + 1)))
    if len(rows) <= params.limit:
        return rows, None
    rows = rows[: params.limit]
    return rows, _encode(params.scope, [getattr(rows[-1], column.key) for column in order_by])
