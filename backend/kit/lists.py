"""Public lists for people and programs: in pages as JSON, or whole as CSV, with an ETag to ask again cheaply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from backend.kit import sheets
from backend.kit.db import unit_of_work
from backend.kit.errors import Invalid
from backend.kit.pages import Page, PageParams, Params, paginate

MOST_LINES = 200_000
_LINES_A_READ = 1_000


class TooManyLines(Invalid):
    """The file would have more lines than one answer carries: narrow it by filters, or ask for pages by `limit`."""

    code = "too_many_lines"


@dataclass(frozen=True, slots=True)
class Asked:
    """How a list was asked for."""

    page: Params
    is_csv: bool
    request: Request
    response: Response
    known_tag: str | None


def _asked(
    request: Request,
    response: Response,
    page: PageParams,
    format: Annotated[  # noqa: A002 - the parameter's name in the API
        Literal["json", "csv"] | None,
        Query(
            description="`csv`: a file (RFC 4180) with a heading, as by `Accept: text/csv`. Without `limit` it is the "
            f"whole list, up to {MOST_LINES:,} lines; with it one page, and `Link` names the next"
        ),
    ] = None,
    if_none_match: Annotated[
        str | None, Header(description="`ETag` of the last answer: 304 when nothing has changed since")
    ] = None,
) -> Asked:
    accepted = [part.split(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    is_csv = sheets.MEDIA_TYPE in accepted if format is None else format == "csv"
    return Asked(page, is_csv, request, response, if_none_match)


AskedFor = Annotated[Asked, Depends(_asked)]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: its rows, their order (together unique), and how they are shown."""

    name: str
    query: Select[Any]
    order_by: Sequence[Any]
    shown: Callable[[Session, Sequence[Any]], Sequence[BaseModel]]
    columns: Sequence[str]
    cells: Callable[[Any], Mapping[str, object]]
    """Of what is shown: the values of `columns`."""
    descending: bool = False


def answers(example: Sequence[object]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a list besides its JSON: the file, with an example of its heading, and 304."""
    heading = sheets.line(example)
    described = {"description": "The list", "content": {sheets.MEDIA_TYPE: {"example": heading}}}
    return {200: described, 304: {"description": "Nothing has changed since the `ETag` that was sent"}}


def answer(session: Session, asked: Asked, listing: Listing, state: str) -> Page[Any] | Response:
    """Return the page, the file, or 304. `state` is another whenever the list may be another.

    Raises BadCursor, TooManyLines.
    """
    kind = "csv" if asked.is_csv else "json"
    headers = {"ETag": f'W/"{state}-{kind}"', "Cache-Control": "no-cache", "Vary": "Accept"}
    if asked.known_tag is not None and headers["ETag"] in [tag.strip() for tag in asked.known_tag.split(",")]:
        return Response(status_code=304, headers=headers)
    if asked.is_csv:
        return _file(session, asked, listing, headers)
    asked.response.headers.update(headers)
    rows, following = paginate(session, listing.query, listing.order_by, asked.page, descending=listing.descending)
    return Page(items=list(listing.shown(session, rows)), next_cursor=following)


def _file(session: Session, asked: Asked, listing: Listing, headers: dict[str, str]) -> Response:
    page, is_one_page = asked.page, asked.page.is_limited
    if not is_one_page:
        most = listing.query.limit(MOST_LINES + 1).subquery()
        if (session.scalar(select(func.count()).select_from(most)) or 0) > MOST_LINES:
            raise TooManyLines(most=MOST_LINES)
        page = page.model_copy(update={"limit": _LINES_A_READ})

    def read(cursor: str | None) -> tuple[list[str], str | None]:
        with unit_of_work() as own:
            at = page.model_copy(update={"cursor": cursor})
            rows, following = paginate(own, listing.query, listing.order_by, at, descending=listing.descending)
            found = [listing.cells(one) for one in listing.shown(own, rows)]
        lines = [sheets.line(values[column] for column in listing.columns) for values in found]
        if is_one_page:
            if following is not None:
                headers["Link"] = f'<{asked.request.url.include_query_params(cursor=following)}>; rel="next"'
            return lines, None
        return lines, following

    return sheets.stream(listing.name, listing.columns, read, page.cursor, headers)
