"""What a contract's refusal means, in words: custom errors come back as four bytes and arguments."""

from __future__ import annotations

from typing import Any

from eth_abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils import to_checksum_address

from scripts._contract import errors

_SELECTOR = 4
_REVERT_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")

WORDS = {
    "Unauthorized": "only the owner of the contract may do this",
    "NotOwnerOrGuardian": "only the collection's owner or its guardian may do this",
    "NotOperator": "only the collection's operator may do this",
    "NotMinter": "only the minter may do this",
    "NotFeeReceiver": "only the present fee receiver may name another",
    "NotPauser": "only the token's owner or a pauser may do this",
    "NotDeployer": "only the promoter, or a deployer with its consent, may do this",
    "UnknownVersion": "the factory knows no implementation under this version",
    "UnknownScopes": "there is no such scope",
    "MetadataIsFrozen": "the metadata was frozen before; that is for good",
    "NothingDue": "nothing of this currency waits to be withdrawn",
    "NothingToWithdraw": "this account has no credit in this currency",
    "PaymentFailed": "the receiver refuses the payment",
    "ReceiverIsZero": "nobody cannot be the receiver",
    "BadStatusChange": "the ticket's status does not allow this one",
    "TokenDoesNotExist": "there is no such ticket",
    "TokenIsPaused": "the token is paused already",
    "TokenIsNotPaused": "the token is not paused",
    "FeeTooHigh": "the fee may be 1000 basis points at most",
    "FeeReceiverIsZero": "a fee needs a receiver",
    "NoHandoverRequest": "the new owner has not asked for the ownership, or longer than 48 hours ago",
    "OneStepOwnershipDisabled": "ownership moves in two steps only: the new owner asks, the present one confirms",
    "ScopePaused": "this is paused",
    "Reentered": "it was called from inside itself",
}
"""Of the errors these commands can meet; any other is shown by its name, which says what is wrong."""


def explain(data: bytes) -> str:
    """Return the error's name, its arguments and its meaning."""
    selector, rest = data[:_SELECTOR], data[_SELECTOR:]
    entry = errors().get(selector)
    try:
        if entry is not None:
            return _named(entry, rest)
        if selector == _REVERT_STRING:
            return str(decode(["string"], rest)[0])
        if selector == _PANIC:
            return f"Panic({decode(['uint256'], rest)[0]:#x})"
    except DecodingError:
        return f"an error whose arguments cannot be read: 0x{data.hex()}"
    return f"an error of another contract: 0x{data.hex()}" if data else "no reason given"


def _named(entry: dict[str, Any], rest: bytes) -> str:
    types = [parameter["type"] for parameter in entry["inputs"]]
    values = decode(types, rest)
    named = zip(entry["inputs"], values, strict=True)
    told = ", ".join(f"{one['name']}={_shown(one['type'], value)}" for one, value in named)
    meaning = WORDS.get(entry["name"])
    return f"{entry['name']}({told})" + (f": {meaning}" if meaning else "")


def _shown(kind: str, value: Any) -> str:
    if kind == "address":
        return str(to_checksum_address(value))
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
