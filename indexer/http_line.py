"""HTTP POST over connections that are kept, by the standard library: a past is hundreds of megabytes of JSON.

An HTTP client of more comfort costs 20 MB and half a millisecond a request, which is what there is for a whole block.
"""

import gzip
import ssl
from base64 import b64encode
from collections import deque
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

_MOST_KEPT = 4


class Broken(Exception):
    """There was no answer. Told is the kind of error only: its text may hold the address, and that a provider's key."""


class Unreachable(Broken):
    """Nobody listens at the address."""


class Line:
    """One address. Safe to use from several threads: each request has a connection to itself."""

    def __init__(self, url: str, patience: float, connect_patience: float) -> None:
        """Connect when there is something to send. Patience is in seconds, for each part of an answer."""
        parts = urlsplit(url)
        self._host, self._port, self._is_tls = parts.hostname or "", parts.port, parts.scheme == "https"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._patience, self._connect_patience = patience, connect_patience
        self._headers = {"content-type": "application/json"}
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["authorization"] = f"Basic {b64encode(user.encode()).decode()}"
        # On this machine packing costs more than it saves.
        self._headers["accept-encoding"] = "identity" if _is_here(self._host) else "gzip"
        self._idle: deque[HTTPConnection] = deque()
        self._tls: ssl.SSLContext | None = None

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Return status and content of the answer. Raises Unreachable, Broken."""
        while self._idle:
            kept = self._idle.popleft()
            try:
                return self._ask(kept, body)
            except TimeoutError as late:
                raise Broken(type(late).__name__) from None
            except (OSError, HTTPException):
                continue  # the other side may have hung up long ago; what is asked changes nothing, so it may be again
        made = self._connected()
        try:
            return self._ask(made, body)
        except (OSError, HTTPException) as broken:
            raise Broken(type(broken).__name__) from None

    def close(self) -> None:
        """Hang up."""
        while self._idle:
            self._idle.pop().close()

    def _ask(self, connection: HTTPConnection, body: bytes) -> tuple[int, bytes]:
        try:
            connection.request("POST", self._path, body, self._headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.headers.get("content-encoding") == "gzip":
                content = gzip.decompress(content)
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < _MOST_KEPT:
            self._idle.append(connection)
        else:
            connection.close()
        return answer.status, content

    def _connected(self) -> HTTPConnection:
        if self._is_tls:
            self._tls = self._tls or ssl.create_default_context()
            made: HTTPConnection = HTTPSConnection(
                self._host, self._port, timeout=self._connect_patience, context=self._tls
            )
        else:
            made = HTTPConnection(self._host, self._port, timeout=self._connect_patience)
        try:
            made.connect()
        except (OSError, HTTPException) as broken:
            raise Unreachable(type(broken).__name__) from None
        made.sock.settimeout(self._patience)
        return made


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
