"""Raw JSON-RPC 2.0 over HTTP connections that are kept. Answers are parsed straight into structs; no web3."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from indexer.http_line import Broken, Line, Unreachable

Call = tuple[str, Sequence[Any]]
Answer = TypeVar("Answer")

PATIENCE = 20.0
"""Seconds to wait for an answer."""
_CONNECT_PATIENCE = 3.0
_LONGEST_MESSAGE = 300


class NodeTrouble(Exception):
    """The node gives no usable answer now: it is down, overloaded, behind, or contradicts itself. Try again."""


class NodeDown(NodeTrouble):
    """Nobody listens at the node's address."""


class NodeMoving(NodeTrouble):
    """Two answers of the node do not fit: its chain changed between them, or two nodes answer under one address."""


class NodeRefused(NodeTrouble):
    """The node answered with a JSON-RPC error; `code` is its number."""

    def __init__(self, method: str, code: int, message: str) -> None:
        """Keep what was asked and what the node said."""
        super().__init__(f"{method}: {message[:_LONGEST_MESSAGE]} ({code})")
        self.code = code


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Response(msgspec.Struct):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


_responses = msgspec.json.Decoder(list[_Response])
_response = msgspec.json.Decoder(_Response)


def decode(raw: msgspec.Raw, decoder: msgspec.json.Decoder[Answer]) -> Answer:
    """Parse a result. Raises NodeTrouble when it has another shape."""
    try:
        return decoder.decode(raw)
    except msgspec.MsgspecError as wrong:
        raise NodeTrouble(f"unexpected answer: {wrong}") from wrong


class Rpc:
    """A node's JSON-RPC. Safe to use from several threads."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        """Connect lazily to `url` (http or https); wait `patience` seconds for an answer."""
        self._line = Line(url, patience, min(patience, _CONNECT_PATIENCE))

    def close(self) -> None:
        """Close the connections."""
        self._line.close()

    def batch(self, calls: Sequence[Call]) -> list[msgspec.Raw]:
        """Send `calls` in one request; return their results in order.

        Raises NodeRefused when any of them failed, NodeTrouble when there is no usable answer.
        """
        results = self.attempt(calls)
        for result in results:
            if isinstance(result, NodeRefused):
                raise result
        return [result for result in results if isinstance(result, msgspec.Raw)]

    def attempt(self, calls: Sequence[Call]) -> list[msgspec.Raw | NodeRefused]:
        """Send `calls` in one request; return in order the result of each or its error. Raises NodeTrouble."""
        if not calls:
            return []
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        found = {response.id: response for response in self._post(body)}
        results: list[msgspec.Raw | NodeRefused] = []
        for number, (method, _) in enumerate(calls):
            response = found.get(number)
            if response is None:
                raise NodeTrouble(f"the node left {method} unanswered")
            error = response.error
            results.append(response.result if error is None else NodeRefused(method, error.code, error.message))
        return results

    def _post(self, body: list[dict[str, Any]]) -> list[_Response]:
        try:
            status, content = self._line.post(msgspec.json.encode(body))
        except Unreachable as broken:
            raise NodeDown(f"nobody listens at the node's address ({broken})") from None
        except Broken as broken:
            raise NodeTrouble(f"the node does not answer ({broken})") from None
        if status in (HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)):
            raise NodeTrouble(f"the node answers with HTTP {status}")
        try:
            if content.lstrip()[:1] == b"{":  # one error for the whole batch
                whole = _response.decode(content)
                error = whole.error or _Error(message=f"no batch was answered, HTTP {status}")
                raise NodeRefused("batch", error.code, error.message)
            return _responses.decode(content)
        except msgspec.MsgspecError as wrong:
            raise NodeTrouble(f"the answer is no JSON-RPC (HTTP {status}): {wrong}") from wrong
