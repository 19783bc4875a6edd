"""Everything the simulator knows, in one dictionary under one lock, written to a file so that kill -9 keeps it."""

import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_KINDS = ("sessions", "payment_intents", "refunds", "disputes", "events", "keys", "deliveries")


class State:
    """The objects by kind and id. All reading and writing happens inside `changing()`."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.RLock()
        self._depth = 0
        self._written = ""
        self.paused = False
        self.kinds: dict[str, dict[str, Json]] = {kind: {} for kind in _KINDS}
        if file is not None and file.exists():
            kept = json.loads(file.read_text())
            self.paused = kept.pop("paused")
            self.kinds.update(kept)

    def __getitem__(self, kind: str) -> dict[str, Json]:
        """Return the objects of one kind by id, oldest first."""
        return self.kinds[kind]

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock; the file is written when the outermost block ends, whether it raised or not."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self._write()

    def _write(self) -> None:
        if self._file is None:
            return
        contents = json.dumps({"paused": self.paused, **self.kinds})
        if contents == self._written:
            return
        # A rename replaces the whole file or nothing: a process that dies here leaves the one before.
        fresh = self._file.with_name(f"{self._file.name}.{os.getpid()}.new")
        fresh.write_text(contents)
        fresh.replace(self._file)
        self._written = contents


def new_id(prefix: str) -> str:
    """Return an id in Stripe's style: `cs_test_` and the like, then random letters and digits."""
    return f"{prefix}{secrets.token_hex(12)}"
