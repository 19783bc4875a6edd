"""What a node's error answer means. Nodes agree on few codes, so their words are read as well."""

from typing import Any

from backend.chain.port import (
    AlreadyKnown,
    CallReverted,
    ChainError,
    FeeTooLow,
    InsufficientFunds,
    NonceTooLow,
    RefusedByNode,
)

_EXECUTION_REVERTED = 3
_LIMIT_EXCEEDED = -32005
_LONGEST_MESSAGE = 300


class Overloaded(Exception):
    """The node asks us to slow down."""


# In order: the first that fits decides. geth, BSC, erigon, nethermind, anvil and hardhat say it in these words.
_BY_WORDS: tuple[tuple[tuple[str, ...], type[ChainError] | type[InsufficientFunds]], ...] = (
    (("already known", "already imported", "known transaction", "alreadyknown"), AlreadyKnown),
    (("nonce too low", "oldnonce", "nonce has already been used"), NonceTooLow),
    (("insufficient funds", "out of fund", "insufficientfunds"), InsufficientFunds),
    (
        (
            "underpriced",
            "less than block base fee",
            "fee too low",
            "feetoolow",
            "below the minimum",
            "lower than the minimum",
        ),
        FeeTooLow,
    ),
)
_BUSY_WORDS = ("rate limit", "limit exceeded", "too many requests", "capacity", "try again")


def translated(error: Any) -> Exception:
    """Return the JSON-RPC `error` object as one of the port's errors, or Overloaded."""
    message = str(error.get("message", "")) if isinstance(error, dict) else str(error)
    code = error.get("code") if isinstance(error, dict) else None
    data = error.get("data") if isinstance(error, dict) else None
    words = message.lower()
    for signs, kind in _BY_WORDS:
        if any(sign in words for sign in signs):
            return kind(message[:_LONGEST_MESSAGE])
    if code == _EXECUTION_REVERTED or "revert" in words:
        return CallReverted(_revert_data(data))
    if code == _LIMIT_EXCEEDED or any(sign in words for sign in _BUSY_WORDS):
        return Overloaded(message[:_LONGEST_MESSAGE])
    return RefusedByNode(message[:_LONGEST_MESSAGE], node_code=code)


def _revert_data(data: Any) -> bytes:
    """Find the ABI-encoded error: a hex string, or one level down in an object."""
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    if not isinstance(data, str):
        return b""
    _, found, digits = data.partition("0x")
    try:
        return bytes.fromhex(digits) if found else b""
    except ValueError:
        return b""
