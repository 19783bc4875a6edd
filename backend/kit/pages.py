"""Lists in pages by an opaque cursor: stable while rows are added, no page numbers to drift."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import Session

from backend.kit.errors import Invalid

Item = TypeVar("Item")
_LONGEST_CURSOR = 400


class BadCursor(Invalid):
    """The cursor was not made by this list: start again without one."""

    code = "bad_cursor"


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last")


class _Params(BaseModel):
    limit: int
    cursor: str | None


def _params(
    limit: Annotated[int, Query(ge=1, le=100, description="Items a page")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=_LONGEST_CURSOR, description="`next_cursor` of the page before")
    ] = None,
) -> _Params:
    return _Params(limit=limit, cursor=cursor)


PageParams = Annotated[_Params, Depends(_params)]


def _encode(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decode(cursor: str, kinds: Sequence[type]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise BadCursor
        return [_parse(kind, value) for kind, value in zip(kinds, values, strict=True)]
    except (ValueError, TypeError) as error:
        raise BadCursor from error


def _parse(kind: type, value: str) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value)
    return UUID(value) if kind is UUID else kind(value)


def paginate(
    session: Session,
    query: Select[Item],
    order_by: Sequence[Any],
    params: _Params,
    *,
    descending: bool = False,
) -> tuple[list[Item], str | None]:
    """Run `query` for one page ordered by the columns `order_by` (the last of them unique).

    Returns the rows and the cursor of the next page, None on the last. Raises BadCursor.
    """
    if params.cursor:
        place = tuple_(*_decode(params.cursor, [column.type.python_type for column in order_by]))
        at = tuple_(*order_by)
        query = query.where(at < place if descending else at > place)
    ordering = [column.desc() if descending else column for column in order_by]
    rows = list(session.scalars(query.order_by(*ordering).limit(params.limit + 1)))
    if len(rows) <= params.limit:
        return rows, None
    rows = rows[: params.limit]
    return rows, _encode([getattr(rows[-1], column.key) for column in order_by])
