"""The API as any client sees it."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

Answer = dict[str, Any]
Found = TypeVar("Found")
_PAUSE_SECONDS = 0.1

line = httpx.Client(timeout=30)
"""One pool of connections for everybody in the story."""


class Refused(Exception):
    """The API said no: `code` is for programs, `message` for the person."""

    def __init__(self, status: int, code: str, message: str, details: Answer) -> None:
        """Keep what the API answered."""
        super().__init__(f"{status} {code}: {message} {details or ''}".strip())
        self.status, self.code, self.message, self.details = status, code, message, details


class NotInTime(Exception):
    """Something that should have happened by itself did not."""


class Api:
    """A client of one Backstage. `token` is a session's, `secret` a guest order's."""

    def __init__(self, url: str, token: str | None = None, secret: str | None = None) -> None:
        """Speak to the API at `url`."""
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._headers |= {"X-Order-Secret": secret} if secret else {}

    def get(self, path: str, **query: Any) -> Answer:
        """Read."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Answer | None = None, key: str | None = None) -> Answer:
        """Do. `key` is the Idempotency-Key of things that must be made once."""
        return self._ask("POST", path, json=body or {}, key=key)

    def put(self, path: str, body: Answer) -> Answer:
        """Set."""
        return self._ask("PUT", path, json=body)

    def _ask(self, method: str, path: str, key: str | None = None, **what: Any) -> Answer:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        response = line.request(method, f"{self.url}{path}", headers=headers, **what)
        body: Answer = response.json() if response.content else {}
        if response.is_error:
            error = body.get("error", {})
            raise Refused(
                response.status_code,
                error.get("code", "unknown"),
                error.get("message", response.text[:300]),
                error.get("details", {}),
            )
        return body


def until(what: str, look: Callable[[], Found | None], seconds: float = 60) -> Found:
    """Ask again and again until `look` gives something; raises NotInTime naming `what`."""
    give_up = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > give_up:
            raise NotInTime(f"{what}: not within {seconds:.0f} s")
        time.sleep(_PAUSE_SECONDS)
    return found
