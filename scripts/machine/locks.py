"""Two runs in one checkout must not step on each other."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.machine import layout, say
from scripts.machine.trouble import Trouble


@contextmanager
def only_one(what: str, *, wait: bool, folder: Path = layout.STATE) -> Iterator[None]:
    """Hold the lock named `what` in `folder`. Raises Trouble when it is taken and `wait` is False.

    The system lets go of it when we die.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / f"{what}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            if not wait:
                message = f"Another {what} runs in this checkout (process {holder}). Stop it with Ctrl-C first."
                raise Trouble(message) from taken
            say.note(f"Another {what} runs in this checkout (process {holder}); waiting for it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
