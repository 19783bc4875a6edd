"""A node's WebSocket that tells of new blocks, or does not: it says exactly what a test wants it to say."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

Json = Any


@dataclass
class HeadsSocket:
    """One endpoint. It passes on what the real node tells, while `relays`; `say` adds anything else."""

    node_url: str
    url: str = ""
    relays: bool = True
    refuses: bool = False
    """Answer the subscription with an error, as a node without subscriptions does."""
    subscribed: int = 0
    """How often somebody has asked for newHeads."""
    listeners: list[ServerConnection] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, text: str) -> None:
        """Send this to everybody who listens."""
        with self._lock:
            listeners = list(self.listeners)
        for listener in listeners:
            with suppress(ConnectionClosed):
                listener.send(text)

    def tell(self, number: int, block_hash: str) -> None:
        """Hint at a block."""
        head = {"number": hex(number), "hash": block_hash, "parentHash": "0x" + "00" * 32}
        params = {"subscription": "0x1", "result": head}
        self.say(json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params}))

    def hang_up(self) -> None:
        """End all connections without a word."""
        with self._lock:
            listeners = list(self.listeners)
        for listener in listeners:
            listener.close_socket()

    def _serve(self, listener: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            asked = json.loads(listener.recv())
            self.subscribed += 1
            if asked["method"] != "eth_subscribe" or asked["params"] != ["newHeads"] or self.refuses:
                error = {"code": -32601, "message": "notifications not supported"}
                listener.send(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}))
            else:
                listener.send(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": "0x1"}))
                with self._lock:
                    self.listeners.append(listener)
            listener.recv()  # nothing more is asked; this ends with the connection
        with self._lock:
            if listener in self.listeners:
                self.listeners.remove(listener)

    def _relay(self, ended: threading.Event) -> None:
        with connect("ws" + self.node_url.removeprefix("http"), close_timeout=1) as node:
            node.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}))
            node.recv()
            while not ended.is_set():
                with suppress(TimeoutError):
                    text = str(node.recv(0.05))
                    if self.relays:
                        self.say(text)


@contextmanager
def listening(node_url: str) -> Iterator[HeadsSocket]:
    """Serve a socket on a port of its own, beside the node at `node_url`, until the block ends."""
    made = HeadsSocket(node_url)
    ended = threading.Event()
    with serve(made._serve, "127.0.0.1", 0, close_timeout=1) as server:
        made.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v2/a-secret-key"
        threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=made._relay, args=(ended,))]
        for thread in threads:
            thread.start()
        try:
            yield made
        finally:
            ended.set()
            made.hang_up()
            server.shutdown()
            for thread in threads:
                thread.join()
