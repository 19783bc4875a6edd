"""The line between the campaign and a process it started: one JSON object a line, over a unix socket."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]


class Line:
    """A process's end. Whoever loses the campaign goes on alone."""

    def __init__(self, path: str, name: str) -> None:
        """Connect, and say who we are."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._lock = threading.Lock()
        self.say(hello=name, pid=os.getpid())

    def say(self, **words: object) -> None:
        """Tell the campaign something; it is on its way when this returns, even if we die right after."""
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(json.dumps(words).encode() + b"\n")

    def listen(self, heard: Callable[[Message], None]) -> None:
        """Hand every message to `heard`, on a thread of its own."""

        def run() -> None:
            with self._socket.makefile("rb") as lines:
                for line in lines:
                    heard(json.loads(line))

        threading.Thread(target=run, name="campaign", daemon=True).start()
