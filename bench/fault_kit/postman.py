"""Between Stripe and our API: every webhook reaches it late, out of order, and up to twenty times, many at once.

The first copy is passed on while Stripe waits, and Stripe hears what the API said: what was not taken, it sends again.
"""

from __future__ import annotations

import heapq
import http.client
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOST_COPIES = 20
_MOST_OF = 25
"""One webhook in so many is delivered as often as any is: those of its copies that the API did not take come again."""
_AGAIN_SECONDS = 3.0
_MANY_SHARE, _ONCE_SHARE = 0.2, 0.5
_LATEST_SECONDS = 12.0
_FIRST_SECONDS = 1.5
_AT_ONCE = 16
_TIMEOUT_SECONDS = 10.0
_Letter = tuple[str, bytes, dict[str, str]]


class Postman(ThreadingHTTPServer):
    """Takes webhooks on a loopback port and carries them to the API."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, api: str, seed: str) -> None:
        """Listen on `port` for what goes to `api` (host:port)."""
        super().__init__(("127.0.0.1", port), _Round)
        self._api, self._dice = api, random.Random(seed)  # noqa: S311 - seeded on purpose
        self._lock = threading.Condition()
        self._bag: list[tuple[float, int, _Letter]] = []
        self._numbers = 0
        self._seen: dict[bytes, bool] = {}
        """By body: whether it is one of those that are delivered as often as any."""
        self.delivered = 0
        self._times: Counter[bytes] = Counter()
        """How often the API took each webhook, by its body."""
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="copies")

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._rounds, name="rounds", daemon=True).start()
        threading.Thread(target=self.serve_forever, name="postman", daemon=True).start()

    def take(self, letter: _Letter) -> int:
        """Deliver a letter, after a while, and have copies of it delivered later; return the API's status."""
        with self._lock:
            dice = self._dice
            share = dice.random()
            copies = 0 if share < _ONCE_SHARE else dice.randrange(1, 4)
            if share > 1 - _MANY_SHARE:
                copies = dice.randrange(4, MOST_COPIES)
            body = letter[1]
            if body not in self._seen:
                self._seen[body] = (len(self._seen) + 1) % _MOST_OF == 0
                copies = MOST_COPIES - 1 if self._seen[body] else copies
            first = dice.uniform(0, _FIRST_SECONDS)
            for _ in range(copies):
                self._keep(letter, dice.uniform(0, _LATEST_SECONDS))
        time.sleep(first)
        return self._deliver(letter)

    def waiting(self) -> int:
        """Return how many copies are still in the bag."""
        with self._lock:
            return len(self._bag)

    def told(self) -> dict[str, int]:
        """Return how many were delivered in all, and how often the one that was delivered most often."""
        with self._lock:
            return {"webhooks": self.delivered, "most_copies": max(self._times.values(), default=0)}

    def handle_error(self, _request: Any, _client: Any) -> None:
        """Say nothing of a client that went away."""

    def _rounds(self) -> None:
        while True:
            with self._lock:
                while not self._bag or self._bag[0][0] > time.monotonic():
                    pause = self._bag[0][0] - time.monotonic() if self._bag else None
                    self._lock.wait(pause)
                _, _, letter = heapq.heappop(self._bag)
            self._pool.submit(self._deliver_copy, letter)

    def _keep(self, letter: _Letter, seconds: float) -> None:
        """Put a copy into the bag, for `seconds` from now. The lock must be held."""
        self._numbers += 1
        heapq.heappush(self._bag, (time.monotonic() + seconds, self._numbers, letter))
        self._lock.notify()

    def _deliver_copy(self, letter: _Letter) -> None:
        with self._lock:
            if self._times[letter[1]] >= MOST_COPIES:  # Stripe sent it again meanwhile, and that was copied, too
                return
        if self._deliver(letter) >= http.client.INTERNAL_SERVER_ERROR:
            with self._lock:
                if self._seen[letter[1]]:
                    self._keep(letter, _AGAIN_SECONDS)

    def _deliver(self, letter: _Letter) -> int:
        path, body, headers = letter
        connection = http.client.HTTPConnection(self._api, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return int(http.client.BAD_GATEWAY)
        finally:
            connection.close()
        with self._lock:
            self.delivered += 1
            self._times[body] += answer.status < http.client.MULTIPLE_CHOICES
        return answer.status


class _Round(BaseHTTPRequestHandler):
    server: Postman

    def do_POST(self) -> None:
        """Take one webhook."""
        body = self.rfile.read(int(self.headers["content-length"]))
        passed = ("Stripe-Signature", "Content-Type", "User-Agent")
        status = self.server.take((self.path, body, {name: self.headers[name] for name in passed}))
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
