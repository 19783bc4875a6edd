"""What a node, or the way to it, can do to us: one class of trouble each, for the proxy to commit once when armed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

Call = dict[str, Any]
Answer = dict[str, Any]
Forward = Callable[[Call], Answer]

_SEND = "eth_sendRawTransaction"
_DECEIVED_SECONDS = 6.0
_OUTAGE_SECONDS = 17.0
"""Longer than the product goes on asking, so that it never hears an answer."""
_GWEI = 10**9
_TIMES = 50


class NoAnswer(Exception):
    """Hold the connection until the caller gives up, then close it."""


def _error(call: Call, message: str) -> Answer:
    return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32_000, "message": message}}


def _result(call: Call, result: object) -> Answer:
    return {"jsonrpc": "2.0", "id": call["id"], "result": result}


def timeout_after_accept(call: Call, forward: Forward) -> Answer:
    """Take the bytes; the answer never arrives."""
    forward(call)
    raise NoAnswer


def timeout_before_accept(_call: Call, _forward: Forward) -> Answer:
    """Let the request never arrive."""
    raise NoAnswer


def nonce_too_low(call: Call, _forward: Forward) -> Answer:
    """Say that the nonce is used. It is not, and the bytes are nowhere."""
    return _error(call, "nonce too low")


def nonce_too_low_after_accept(call: Call, forward: Forward) -> Answer:
    """Take the bytes, and say that their nonce is used."""
    forward(call)
    return _error(call, "nonce too low")


def underpriced(call: Call, _forward: Forward) -> Answer:
    """Want a higher fee."""
    return _error(call, "replacement transaction underpriced")


def underpriced_after_accept(call: Call, forward: Forward) -> Answer:
    """Take the bytes, and want a higher fee for them: two sets of bytes are about then."""
    forward(call)
    return _error(call, "transaction underpriced")


def dropped(call: Call, forward: Forward) -> Answer:
    """Take the bytes, answer, and forget them."""
    answer = forward(call)
    if "result" in answer:
        forward({"jsonrpc": "2.0", "id": 1, "method": "anvil_dropTransaction", "params": [answer["result"]]})
    return answer


def base_fee_times_50(call: Call, forward: Forward) -> Answer:
    """Make the next block cost fifty times as much; from there it falls by an eighth a block."""
    newest = forward({"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["latest", False]})
    fee = max(int((newest.get("result") or {}).get("baseFeePerGas", "0x0"), 16), _GWEI) * _TIMES
    forward({"jsonrpc": "2.0", "id": 1, "method": "anvil_setNextBlockBaseFeePerGas", "params": [hex(fee)]})
    return forward(call)


def empty_logs(call: Call, _forward: Forward) -> Answer:
    """Show no logs: the node's index is behind its blocks."""
    return _result(call, [])


def busy(_call: Call, _forward: Forward) -> Answer:
    """Answer HTTP 429."""
    raise TooMany


class TooMany(Exception):
    """Answer HTTP 429."""


def receipt_lags(call: Call, _forward: Forward) -> Answer:
    """Have no receipt yet: this is a node behind the one that counted our nonces."""
    return _result(call, None)


def _number(block: object) -> int:
    """Return the number of a block that is named by it; -1 of a tag."""
    return int(block, 16) if isinstance(block, str) and block.startswith("0x") else -1


@dataclass(frozen=True)
class Kind:
    """A kind of trouble: what it is committed on, and for how long it goes on once begun (0: one call)."""

    name: str
    methods: frozenset[str]
    commit: Callable[[Call, Forward], Answer]
    seconds: float = 0.0
    is_everywhere: bool = False
    """An outage of all endpoints; anything else is the lie of one, and the others tell the truth meanwhile."""


def _kind(
    commit: Callable[[Call, Forward], Answer], *methods: str, seconds: float = 0.0, is_everywhere: bool = False
) -> Kind:
    return Kind(commit.__name__.replace("_", " "), frozenset(methods), commit, seconds, is_everywhere)


@dataclass
class StaleHead:
    """Answers as a node would that is some blocks behind: an old head, old counts, and no receipt from later blocks."""

    behind: int = 4
    _head: int | None = None
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, call: Call, forward: Forward) -> Answer:
        """Answer one call from the past."""
        head = self._old_head(forward)
        method, params = call["method"], list(call["params"])
        if method == "eth_getTransactionReceipt":
            answer = forward(call)
            found = answer.get("result")
            return _result(call, None) if found and int(found["blockNumber"], 16) > head else answer
        if method == "eth_blockNumber":
            return _result(call, hex(head))
        place = 0 if method == "eth_getBlockByNumber" else 1
        params += ["latest"] * (place + 1 - len(params))
        if _number(params[place]) > head:
            return _result(call, None) if place == 0 else _error(call, "header not found")
        if params[place] != "latest":
            return forward(call)
        params[place] = hex(head)
        answer = forward({**call, "params": params})
        # A node that is behind has the state of its newest block; this one may have forgotten it, when it died since.
        has_forgotten = "error" in answer and "revert" not in str(answer["error"])
        return forward(call) if has_forgotten else answer

    def end(self) -> None:
        """Catch up."""
        with self._lock:
            self._head = None

    def _old_head(self, forward: Forward) -> int:
        with self._lock:
            if self._head is None:
                newest = forward({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})
                self._head = max(int(newest["result"], 16) - self.behind, 0)
            return self._head


stale = StaleHead()
_CALLS = ("eth_call", "eth_estimateGas", "eth_getTransactionCount")
_READS = ("eth_getBlockByNumber", "eth_blockNumber", "eth_getTransactionReceipt", *_CALLS)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind(timeout_after_accept, _SEND, seconds=_OUTAGE_SECONDS, is_everywhere=True),
        _kind(timeout_before_accept, _SEND, seconds=_OUTAGE_SECONDS, is_everywhere=True),
        _kind(nonce_too_low, _SEND),
        _kind(nonce_too_low_after_accept, _SEND),
        _kind(underpriced, _SEND),
        _kind(underpriced_after_accept, _SEND),
        _kind(dropped, _SEND),
        _kind(base_fee_times_50, _SEND),
        _kind(empty_logs, "eth_getLogs", seconds=1.0),
        _kind(busy, _SEND, "eth_estimateGas", "eth_getTransactionReceipt", seconds=2.0, is_everywhere=True),
        _kind(receipt_lags, "eth_getTransactionReceipt", seconds=_DECEIVED_SECONDS),
        Kind("stale head", frozenset(_READS), stale, seconds=_DECEIVED_SECONDS),
    )
}


def names(chosen: Sequence[str] = ()) -> list[str]:
    """Return the kinds' names, in order."""
    return [name for name in KINDS if not chosen or name in chosen]
