"""A little web server that keeps what is posted to it, for tests of things that post."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """What came, as (headers, raw body), and what it is answered with."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer = 200
        self.url = ""

    def wait_for(self, count: int, seconds: float = 60) -> list[tuple[dict[str, str], bytes]]:
        """Return what came once there is `count` of it. Raises TimeoutError."""
        self.wait_until(lambda: len(self.got) >= count, seconds)
        return list(self.got)

    @staticmethod
    def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until `is_so`. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.02)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port of the loopback."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((dict(self.headers), raw))
            self.send_response(receiver.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
