"""One RPC endpoint over HTTP: a question, its answer, or what kind of trouble came instead."""

import itertools
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlparse

import requests
import urllib3
from requests.adapters import HTTPAdapter

from backend.chain.evm import answers

Json = Any

_CONNECT_SECONDS = 3.0
_READ_SECONDS = 5.0
_WHOLE_SECONDS = 10.0
_CHUNK = 1 << 16
_LARGEST_ANSWER = 64 << 20
_CONNECTIONS = 32
_OK = 200
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_LONGEST_PAUSE = 300.0


class Trouble(Exception):
    """No usable answer. Whether the node has heard the question is not known. Never holds the node's address."""


class Limited(Trouble):
    """The endpoint asks us to slow down, for `pause` seconds if it says so."""

    def __init__(self, problem: str, pause: float | None = None) -> None:
        """Keep what it said."""
        super().__init__(problem)
        self.pause = pause


class TurnedAway(Trouble):
    """The endpoint does not serve us: a wrong key or path. Asking again changes nothing."""


def host_of(url: str) -> str:
    """Return host and port: what may be shown. Path, query and user name hold the keys of many providers."""
    parts = urlparse(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


class Wire:
    """JSON-RPC 2.0 by HTTP, usable from several threads. Raises Trouble, or the port's errors for a node's own."""

    def __init__(self, url: str) -> None:
        """Connect when first asked."""
        self.host = host_of(url)
        self._url = url
        self._numbers = itertools.count(1)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))

    def ask(self, method: str, params: Sequence[Json]) -> Json:
        """Return the result of one call."""
        number = next(self._numbers)
        question = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        try:
            with self._session.post(
                self._url,
                json=question,
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                stream=True,
                allow_redirects=False,
            ) as answer:
                _check_status(answer)
                content = _content(answer)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            # The exception's text would carry the node's address, and with it the key many providers put there.
            raise Trouble(type(error).__name__) from None
        return _result(content, number)


def _check_status(answer: requests.Response) -> None:
    status = answer.status_code
    if status == _TOO_MANY_REQUESTS:
        raise Limited(f"HTTP {status}", retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)))
    if status >= _SERVER_ERROR:
        raise Trouble(f"HTTP {status}")
    if status != _OK:
        raise TurnedAway(f"HTTP {status}")


def retry_after(said: str | None, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks for (RFC 9110: seconds or a date); None when it says nothing."""
    if said is None:
        return None
    if said.strip().isdecimal():
        seconds = float(said)
    else:
        try:
            until = parsedate_to_datetime(said)
        except ValueError:
            return None
        seconds = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_PAUSE)


def _content(answer: requests.Response) -> bytes:
    """Read the body within a time for all of it: a timeout for each read alone lets it trickle for ever."""
    until = time.monotonic() + _WHOLE_SECONDS
    parts: list[bytes] = []
    size = 0
    while part := answer.raw.read1(_CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > _LARGEST_ANSWER:
            raise Trouble("the answer has no end")
        if time.monotonic() > until:
            raise Trouble("the answer trickles")
    return b"".join(parts)


def _result(content: bytes, number: int) -> Json:
    try:
        answer = json.loads(content)
    except ValueError:
        raise Trouble("the answer is no JSON") from None
    if not isinstance(answer, dict) or not ({"result", "error"} & answer.keys()):
        raise Trouble("the answer is no JSON-RPC")
    if answer.get("error"):
        error = answers.translated(answer["error"])
        raise Limited(str(error)) if isinstance(error, answers.Overloaded) else error
    if answer.get("id") != number:
        raise Trouble("the answer is to another question")
    return answer.get("result")
