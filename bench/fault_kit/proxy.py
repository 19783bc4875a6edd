"""Stands between our processes and the node: python -m bench.fault_kit.proxy. Commits what the campaign arms.

Every connection has a thread and a connection to the node of its own. What is armed is committed on the next call it is
about, whoever makes it, and goes on for as long as its kind says. Each port is an endpoint: one of them lies at a time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.fault_kit.mischief import KINDS, Answer, Call, Kind, NoAnswer, TooMany, stale
from bench.fault_kit.wire import Line, Message

_TIMEOUT_SECONDS = 20.0
_LONGER_THAN_ANYBODY_WAITS = 6.0


class Armed:
    """What is to be committed."""

    def __init__(self, line: Line) -> None:
        """Take orders from `line`."""
        self._line, self._lock = line, threading.Lock()
        self._waiting: list[Kind] = []
        self._going_on: list[tuple[Kind, float, int]] = []
        line.listen(self._heard)

    def take(self, method: str, endpoint: int = 0) -> Kind | None:
        """Return what is to be committed on a call of `method` at an endpoint."""
        with self._lock:
            now = time.monotonic()
            for going_on in list(self._going_on):
                kind, until, liar = going_on
                if until <= now:
                    self._going_on.remove(going_on)
                    if kind.commit is stale:
                        stale.end()
                elif method in kind.methods and (kind.is_everywhere or liar == endpoint):
                    return kind
            another_lies = any(not kind.is_everywhere and liar != endpoint for kind, _, liar in self._going_on)
            for kind in self._waiting:
                if method in kind.methods and (kind.is_everywhere or not another_lies):
                    self._waiting.remove(kind)
                    if kind.seconds:
                        self._going_on.append((kind, now + kind.seconds, endpoint))
                    self._line.say(committed=kind.name)
                    return kind
        return None

    def _heard(self, message: Message) -> None:
        with self._lock:
            if "arm" in message:
                self._waiting.append(KINDS[message["arm"]])
            if "calm" in message:
                self._waiting.clear()
                self._going_on.clear()
                stale.end()


class Server(ThreadingHTTPServer):
    """Knows the node's address and what is armed."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, node: str, armed: Armed, endpoint: int = 0) -> None:
        """Listen on the loopback `port` for calls to `node` (host:port), as the endpoint of this number."""
        super().__init__(("127.0.0.1", port), Handler)
        self.node, self.armed, self.endpoint = node, armed, endpoint

    def handle_error(self, _request: Any, _client: Any) -> None:
        """Say nothing of clients that were killed."""


class Handler(BaseHTTPRequestHandler):
    """One client's connection."""

    protocol_version = "HTTP/1.1"
    server: Server
    _node: http.client.HTTPConnection | None = None

    def do_POST(self) -> None:
        """Pass one request on, or one batch of them."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            answer = [self._answer(call) for call in body] if isinstance(body, list) else self._answer(body)
        except NoAnswer:
            time.sleep(_LONGER_THAN_ANYBODY_WAITS)
            self.close_connection = True
            return
        except TooMany:
            self._send(http.client.TOO_MANY_REQUESTS, b"{}")
            return
        except (OSError, http.client.HTTPException, ValueError):
            self.close_connection = True  # the node is dead, and so are we
            return
        self._send(http.client.OK, json.dumps(answer).encode())

    def finish(self) -> None:
        """Let go of the node."""
        if self._node is not None:
            self._node.close()
        super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, call: Call) -> Answer:
        kind = self.server.armed.take(call["method"], self.server.endpoint)
        return self._forward(call) if kind is None else kind.commit(call, self._forward)

    def _forward(self, call: Call) -> Answer:
        if self._node is None:
            self._node = http.client.HTTPConnection(self.server.node, timeout=_TIMEOUT_SECONDS)
        try:
            self._node.request("POST", "/", json.dumps(call), {"content-type": "application/json"})
            answer: Answer = json.loads(self._node.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            self._node.close()
            self._node = None
            raise
        return answer

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m bench.fault_kit.proxy")
    parser.add_argument("--port", type=int, action="append", required=True, help="each is an endpoint")
    parser.add_argument("--node", required=True)
    parser.add_argument("--control", required=True)
    given = parser.parse_args()
    armed = Armed(Line(given.control, "proxy"))
    first, *others = (Server(port, given.node, armed, number) for number, port in enumerate(given.port))
    for other in others:
        threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
    first.serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
