"""The proxy: passes JSON-RPC on to a node and lets faults change question, answer, or the whole HTTP exchange."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Any


@dataclass
class Exchange:
    """One question on its way: a fault may answer it, change it, or take the connection for itself."""

    method: str
    params: list[Json]
    forward: Callable[[], Json]
    """Ask the node (with `params` as they are by then) and return its JSON-RPC answer."""
    http: BaseHTTPRequestHandler

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Answer with exactly this."""
        self.http.send_response(status)
        for name, value in headers.items():
            self.http.send_header(name.replace("_", "-"), value)
        self.http.send_header("content-length", str(len(body)))
        self.http.end_headers()
        self.http.wfile.write(body)

    def drop(self) -> None:
        """End the connection without a word."""
        self.http.close_connection = True


Fault = Callable[[Exchange], Json | None]
"""Return the JSON-RPC answer (with `result` or `error`), or None when the exchange was answered otherwise."""


@dataclass
class RpcProxy:
    """One endpoint. Set `fault` to make it misbehave; `asked` lists the methods it was asked."""

    node_url: str
    url: str = ""
    fault: Fault | None = None
    asked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def forward(self, question: Json) -> Json:
        """Ask the real node."""
        body = json.dumps(question).encode()
        request = urllib.request.Request(self.node_url, body, {"content-type": "application/json"})  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - a node on this machine
            return json.loads(answer.read())


def _handler(proxy: RpcProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if isinstance(question, list):
                answer: Json = [self._answered(one) for one in question]
                if None in answer:
                    return
            else:
                answer = self._answered(question)
                if answer is None:
                    return
            Exchange("", [], dict, self).reply(json.dumps(answer).encode())

        def _answered(self, question: Json) -> Json | None:
            proxy.asked.append(question["method"])
            params = list(question.get("params", []))

            def forward() -> Json:
                return proxy.forward({**question, "params": params})

            if proxy.fault is None:
                return forward()
            answer = proxy.fault(Exchange(question["method"], params, forward, self))
            return None if answer is None else {"jsonrpc": "2.0", **answer, "id": question["id"]}

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def running(node_url: str) -> Iterator[RpcProxy]:
    """Serve a proxy on a port of its own until the block ends."""
    proxy = RpcProxy(node_url)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    proxy.url = f"http://127.0.0.1:{server.server_port}/v2/a-secret-key"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
