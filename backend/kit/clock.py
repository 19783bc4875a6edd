"""The time of day, asked for only at the doors and passed inward as `now`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

if TYPE_CHECKING:
    from fastapi import Depends

Source = Callable[[], datetime]


def _system() -> datetime:
    return datetime.now(UTC)


_source: Source = _system


def now() -> datetime:
    """Return the present as an aware UTC datetime."""
    return _source()


@contextmanager
def use(source: Source) -> Iterator[None]:
    """Take the time from `source` inside the block. For tests."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Let time stand still at `at` inside the block. For tests."""
    with use(lambda: at):
        yield


if TYPE_CHECKING:
    NowDep = Annotated[datetime, Depends(now)]
else:

    def __getattr__(name: str) -> Any:
        # Only routes ask for it: the index and the worker's tools do without FastAPI (20 MB, 0.15 s).
        if name != "NowDep":
            raise AttributeError(name)
        from fastapi import Depends  # noqa: PLC0415 - that is the point

        return globals().setdefault(name, Annotated[datetime, Depends(now)])
