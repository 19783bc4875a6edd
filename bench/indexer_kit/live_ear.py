"""An ear at the node's socket: it notes when which block was first told of."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

_LATE_SECONDS = 0.5


class Ear:
    """Listens to newHeads and notes the time of each hash; a context manager."""

    def __init__(self, node_url: str) -> None:
        """Connect to the node at this http:// address."""
        self._times: dict[bytes, float] = {}
        self._ended = Event()
        self._socket = connect("ws" + node_url.removeprefix("http"), compression=None, close_timeout=1)
        self._socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}))
        self._socket.recv()
        self._thread = Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Hang up."""
        self._ended.set()
        self._socket.close()
        self._thread.join()

    def heard_at(self, block_hash: bytes) -> float:
        """Return when the block was told of (monotonic seconds); infinity when it was not, within half a second."""
        give_up = time.monotonic() + _LATE_SECONDS
        while block_hash not in self._times and time.monotonic() < give_up:
            time.sleep(0.001)
        return self._times.get(block_hash, float("inf"))

    def _listen(self) -> None:
        with suppress(ConnectionClosed):
            while not self._ended.is_set():
                text = self._socket.recv()
                now = time.monotonic()
                self._times.setdefault(bytes.fromhex(json.loads(text)["params"]["result"]["hash"][2:]), now)
