"""Lists as CSV files (RFC 4180), for spreadsheets.

A file is the list's pages one after the other, each read in a transaction of its own and sent before the next is: a
reader who is slow holds neither a connection nor memory. Cells that a spreadsheet would run as a formula begin with an
apostrophe there (OWASP, "CSV injection").
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from fastapi.responses import StreamingResponse

MEDIA_TYPE = "text/csv"
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Read = Callable[[str | None], tuple[list[str], str | None]]
"""Gets a cursor, None for the beginning; returns a page's lines and the next cursor, None at the end."""


def line(values: Iterable[object]) -> str:
    """Return one line, its end included. Times are written in UTC to the second, nothing for None."""
    written = io.StringIO()
    csv.writer(written).writerow([_cell(value) for value in values])
    return written.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str) and value.startswith(_STARTS_FORMULA):
        return "'" + value
    return value


def stream(
    name: str, columns: Iterable[str], read: Read, cursor: str | None, headers: Mapping[str, str]
) -> StreamingResponse:
    """Return the file `name`: the heading, then page after page from `cursor` on.

    The first page is read at once, so that what is wrong with the request is answered as an error.
    """
    first = read(cursor)

    def lines() -> Iterator[str]:
        yield line(columns)
        found, following = first
        yield "".join(found)
        while following is not None:
            found, following = read(following)
            yield "".join(found)

    about = {**headers, "Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(lines(), media_type=f"{MEDIA_TYPE}; charset=utf-8; header=present", headers=about)
