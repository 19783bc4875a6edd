"""Hints at new blocks over WebSocket (`eth_subscribe` with `newHeads`), so that nobody has to ask all the time.

A hint only wakes the follower, which then asks its node as if it had woken by itself: what a socket says is never
a fact, and one that lies, repeats itself or falls silent costs a question or a moment, nothing else. While no socket
is heard, the follower polls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from backend.kit import logs
from indexer.waiting import Backoff

if TYPE_CHECKING:
    from websockets.sync.connection import Connection

_OPEN_SECONDS = 5.0
_PING_SECONDS = 10.0
_LOOK_UP_SECONDS = 0.5
_SILENT_SECONDS = 2.0
_MOST_IN_VAIN = 50
_LONGEST_PAUSE = 30.0
_LARGEST_MESSAGE = 1 << 20
OFF = "off"
"""The setting that means: poll."""
_SUBSCRIBE = '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'
_log = logs.get(__name__)


class Unusable(Exception):
    """The socket is open but no use: it refuses the subscription, talks nonsense, or missed a block."""


class _Head(msgspec.Struct):
    number: str
    hash: str


class _Params(msgspec.Struct):
    result: _Head


class _Message(msgspec.Struct):
    id: int | None = None
    result: str | None = None
    params: _Params | None = None


_messages = msgspec.json.Decoder(_Message)


@dataclass(frozen=True, slots=True)
class Hint:
    """What a socket said is the newest block. Nobody has checked it."""

    number: int
    hash: bytes


def socket_urls(rpc_urls: Sequence[str], setting: str | None) -> list[str]:
    """Return where to listen: what the setting names, nowhere if it says `off`, else the nodes' own addresses."""
    if setting is None:
        return ["ws" + url.removeprefix("http") for url in rpc_urls]
    return [] if setting == OFF else [url.strip() for url in setting.split(",") if url.strip()]


class NewHeads:
    """Listens on one socket after another, on a thread of its own, and calls `wake` for each hint."""

    def __init__(self, urls: Sequence[str], wake: Callable[[], None]) -> None:
        """Prepare to listen at `urls`, the preferred one first. With none, nothing is ever heard."""
        self._urls = list(urls)
        self._wake = wake
        self._closed = Event()
        self._socket: Connection | None = None
        self._thread: Thread | None = None
        self._missed_at: float | None = None
        self._is_open = False
        self._in_vain = 0
        self.newest: Hint | None = None
        """The last hint, whatever it is worth."""

    def start(self) -> None:
        """Begin to listen."""
        if self._urls:
            self._thread = Thread(target=self._run, name="newheads", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Hang up."""
        self._closed.set()
        socket = self._socket
        if socket is not None:
            socket.close()
        if self._thread is not None:
            self._thread.join(_OPEN_SECONDS)

    @property
    def is_heard(self) -> bool:
        """Whether a socket is subscribed and has not missed a block: then there is no need to ask often."""
        return self._is_open and not self._is_silent()

    def led_to(self, *, something: bool) -> None:
        """Be told what a hint led to. A socket whose hints lead to nothing again and again is left."""
        self._in_vain = 0 if something else self._in_vain + 1

    def found(self, number: int) -> None:
        """Be told that block `number` was found by asking. When no hint of it comes either, the socket is silent."""
        newest = self.newest
        if self._is_open and self._missed_at is None and (newest is None or newest.number < number):
            self._missed_at = monotonic()

    def _is_silent(self) -> bool:
        missed_at = self._missed_at
        return missed_at is not None and monotonic() - missed_at > _SILENT_SECONDS

    def _run(self) -> None:
        from websockets.exceptions import WebSocketException  # noqa: PLC0415 - reading a past needs no socket

        backoff = Backoff(_LONGEST_PAUSE)
        at = 0
        while not self._closed.is_set():
            try:
                self._listen(self._urls[at], backoff)
            except (OSError, WebSocketException, Unusable, ValueError) as lost:
                if self._closed.is_set():
                    return
                at = (at + 1) % len(self._urls)
                pause = backoff.next()
                # Neither the address nor the library's words, which may hold it: providers put their keys into it.
                reason = str(lost) if isinstance(lost, Unusable) else type(lost).__name__
                _log.warning("newheads_lost", reason=reason, next=at + 1, of=len(self._urls), again_in_seconds=pause)
                self._closed.wait(pause)

    def _listen(self, url: str, backoff: Backoff) -> None:
        from websockets.sync.client import connect  # noqa: PLC0415 - as above

        with connect(
            url,
            open_timeout=_OPEN_SECONDS,
            close_timeout=1,
            ping_interval=_PING_SECONDS,
            ping_timeout=_PING_SECONDS,
            max_size=_LARGEST_MESSAGE,
            compression=None,
        ) as socket:
            self._socket = socket
            try:
                socket.send(_SUBSCRIBE)
                _check_subscribed(socket.recv(_OPEN_SECONDS))
                self._missed_at, self._in_vain = None, 0
                self._is_open = True
                _log.info("newheads_heard")
                self._wake()  # what came while nobody listened
                while not self._closed.is_set():
                    self._hear(socket, backoff)
            finally:
                self._is_open = False
                self._socket = None

    def _hear(self, socket: "Connection", backoff: Backoff) -> None:
        try:
            text = socket.recv(_LOOK_UP_SECONDS)
        except TimeoutError:
            if self._is_silent():
                raise Unusable("a block came and the socket did not tell") from None
            return
        hint = _hint(text)
        if hint == self.newest:
            return
        if self._in_vain > _MOST_IN_VAIN:
            raise Unusable("its hints lead to nothing")
        self.newest = hint
        self._missed_at = None
        backoff.reset()
        self._wake()


def _check_subscribed(text: str | bytes) -> None:
    try:
        answer = _messages.decode(text)
    except msgspec.MsgspecError as wrong:
        raise Unusable("the answer is no JSON-RPC") from wrong
    if answer.id != 1 or answer.result is None:
        raise Unusable("it refuses to subscribe to newHeads")


def _hint(text: str | bytes) -> Hint:
    try:
        params = _messages.decode(text).params
        if params is None:
            raise Unusable("it sent something else than a hint")
        return Hint(int(params.result.number, 16), bytes.fromhex(params.result.hash[2:]))
    except (msgspec.MsgspecError, ValueError) as wrong:
        raise Unusable("it sent something else than a hint") from wrong
