"""A node that misbehaves: passes JSON-RPC on to a real one and changes the answers as a test says."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Change = Callable[[str, list[Any], Any], Any]
"""Gets method, parameters and the true response (with "result" or "error"); returns the response to give."""


@dataclass
class Proxy:
    target: str
    url: str = ""
    change: Change | None = None
    is_down: bool = False
    delay: float = 0.0
    asked: list[str] = field(default_factory=list)

    def answer(self, body: bytes) -> bytes:
        time.sleep(self.delay)
        connection = HTTPConnection(self.target.removeprefix("http://"), timeout=10)
        try:
            connection.request("POST", "/", body, {"content-type": "application/json"})
            responses = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        calls = {call["id"]: call for call in json.loads(body)}
        changed = []
        for response in responses:
            call = calls[response["id"]]
            self.asked.append(call["method"])
            if self.change is not None:
                response = self.change(call["method"], call["params"], response)  # noqa: PLW2901
            changed.append(response)
        return json.dumps(changed).encode()


@contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    made = Proxy(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if made.is_down:
                self.send_response(503)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            answer = made.answer(body)
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_):
            pass  # a client that was killed leaves broken pipes

    server = Server(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
