"""What the reader sees: one line a step, with ids, hashes and how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_WIDTH = 50
_SHORT = 10


class Stage:
    """Prints the steps and remembers whether all of them held."""

    def __init__(self) -> None:
        """Start the clock."""
        self.held = self.failed = 0
        self.started = time.monotonic()

    @staticmethod
    def act(title: str) -> None:
        """Open an act of the story."""
        sys.stdout.write(f"\n{title}\n")
        sys.stdout.flush()

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Time a step; append to the list what is worth seeing. A step that raises is shown and ends the story."""
        seen: list[str] = []
        started = time.monotonic()
        try:
            yield seen
        except Exception as error:
            self.failed += 1
            self._line("FAIL", what, started, [*seen, f"{type(error).__name__}: {error}"])
            raise
        self.held += 1
        self._line("ok", what, started, seen)

    @staticmethod
    def _line(mark: str, what: str, started: float, seen: list[str]) -> None:
        took = time.monotonic() - started
        sys.stdout.write(f"  {mark:<5} {what:<{_WIDTH}} {took:6.2f} s  {'  '.join(seen)}".rstrip() + "\n")
        sys.stdout.flush()


def short(value: str) -> str:
    """Shorten a hash or an address so that a line holds several; it stays long enough to search for."""
    return f"{value[:_SHORT]}…{value[-4:]}" if len(value) > _SHORT + 6 else value
