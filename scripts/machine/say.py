"""What the person at the terminal reads: one line per step, with how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_WIDTH = 46


def line(text: str = "") -> None:
    """Print a line, at once (the output may be a pipe)."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def heading(text: str) -> None:
    """Open a section."""
    line()
    line(text)


def done(what: str, seconds: float, note: str = "") -> None:
    """Report a step that held."""
    line(f"  ok    {what:<{_WIDTH}} {seconds:6.1f} s  {note}".rstrip())


def begun(what: str) -> None:
    """Announce a step that may take longer than a person likes to wait without a word."""
    line(f"  ...   {what}")


def failed(what: str, seconds: float) -> None:
    """Report a step that did not hold."""
    line(f"  FAIL  {what:<{_WIDTH}} {seconds:6.1f} s")


def note(text: str) -> None:
    """Something worth knowing that is no step."""
    line(f"        {text}")


@contextmanager
def step(what: str) -> Iterator[list[str]]:
    """Time a block and print its line. Append to the list to add a remark."""
    remarks: list[str] = []
    started = time.monotonic()
    try:
        yield remarks
    except Exception:  # being asked to stop is no failure of the step
        failed(what, time.monotonic() - started)
        raise
    done(what, time.monotonic() - started, ", ".join(remarks))
