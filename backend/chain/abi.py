"""Calls, logs and errors of our contracts as bytes and back, by the exported artifacts. Free of web3.

Addresses are 20 bytes on both sides, integers are ints, structs are dicts on the way in and out. ABI encoding follows
the Solidity ABI specification; the work is done by eth_abi.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

if TYPE_CHECKING:
    from eth_abi.codec import ABICodec

ARTIFACTS = Path(__file__).parent / "evm" / "artifacts"
_WORD = 32
_PLAIN = re.compile(r"(uint|bytes)([0-9]+)")
_ERROR_STRING = keccak(b"Error(string)")[:4]
_PANIC = keccak(b"Panic(uint256)")[:4]

Entry = dict[str, Any]


class UnknownInAbi(LookupError):
    """The contract's interface has no such function, event or error: the code and the artifact do not fit."""


def _coder() -> "ABICodec":
    # Reading a past slices what it needs of nearly all logs: it does without eth_abi (10 MB, 0.1 s).
    from eth_abi.abi import default_codec  # noqa: PLC0415

    return default_codec


def _type(parameter: Entry) -> str:
    """Return the canonical type; a tuple is spelt out, as signatures need it."""
    kind: str = parameter["type"]
    if kind.startswith("tuple"):
        return f"({','.join(_type(part) for part in parameter['components'])}){kind[5:]}"
    return kind


def _signature(entry: Entry) -> str:
    return f"{entry['name']}({','.join(_type(parameter) for parameter in entry['inputs'])})"


def _to_abi(parameter: Entry, value: Any) -> Any:
    """Turn dicts into tuples in the order of the struct's fields."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        inner = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_to_abi(inner, item) for item in value]
    if kind == "tuple":
        parts = parameter["components"]
        values = [value[part["name"]] for part in parts] if isinstance(value, Mapping) else list(value)
        return tuple(_to_abi(part, item) for part, item in zip(parts, values, strict=True))
    return value


def _from_abi(parameter: Entry, value: Any) -> Any:
    """Turn address strings into bytes and tuples into dicts."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        inner = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_from_abi(inner, item) for item in value]
    if kind == "tuple":
        parts = parameter["components"]
        return {part["name"]: _from_abi(part, item) for part, item in zip(parts, value, strict=True)}
    return bytes.fromhex(value[2:]) if kind == "address" else value


def _decode(parameters: Sequence[Entry], data: bytes) -> dict[str, Any]:
    names = [parameter["name"] or str(place) for place, parameter in enumerate(parameters)]
    plain = _words([parameter["type"] for parameter in parameters], data)
    if plain is not None:
        return dict(zip(names, plain, strict=True))
    values = _coder().decode([_type(parameter) for parameter in parameters], data)
    return {name: _from_abi(parameter, value) for name, parameter, value in zip(names, parameters, values, strict=True)}


@lru_cache
def _plain(kind: str) -> tuple[str, int] | None:
    """Return what a value that is one word is, and how many of its bytes count; None for other types."""
    if kind in {"address", "bool"}:
        return kind, 20 if kind == "address" else 1
    found = _PLAIN.fullmatch(kind)
    if found is None:
        return None
    return ("bytes", int(found[2])) if found[1] == "bytes" else ("uint", int(found[2]) // 8)


def _words(kinds: Sequence[str], data: bytes) -> list[Any] | None:
    """Return the values of words that are what they should be; None leaves it to eth_abi, and to its errors."""
    found: list[Any] = []
    for place, each in enumerate(kinds):
        kind, word = _plain(each), data[_WORD * place : _WORD * (place + 1)]
        if kind is None or len(word) != _WORD:
            return None
        name, size = kind
        value, rest = (word[:size], word[size:]) if name == "bytes" else (word[-size:], word[:-size])
        if any(rest) or (name == "bool" and value > b"\1"):
            return None
        found.append(value if name in {"bytes", "address"} else int.from_bytes(value, "big"))
        if name == "bool":
            found[-1] = bool(found[-1])
    return found


@dataclass(frozen=True)
class Interface:
    """A contract's ABI, ready to use."""

    contract: str
    abi: tuple[Entry, ...]

    @cached_property
    def _named(self) -> dict[tuple[str, str], list[Entry]]:
        named: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.abi:
            named.setdefault((entry["type"], entry.get("name", "")), []).append(entry)
        return named

    @cached_property
    def _errors(self) -> dict[bytes, Entry]:
        return {keccak(_signature(e).encode())[:4]: e for e in self.abi if e["type"] == "error"}

    @cached_property
    def events_by_topic(self) -> dict[bytes, str]:
        """The names of the contract's events by their first topic."""
        return {keccak(_signature(e).encode()): e["name"] for e in self.abi if e["type"] == "event"}

    def _find(self, kind: str, name: str, count: int | None = None) -> Entry:
        """Return the entry; a full signature such as `safeMint(address,uint256)` picks among overloads."""
        candidates = self._named.get((kind, name.partition("(")[0]), [])
        if "(" in name:
            candidates = [entry for entry in candidates if _signature(entry) == name]
        elif count is not None:
            candidates = [entry for entry in candidates if len(entry["inputs"]) == count]
        if len(candidates) != 1:
            found = "several" if candidates else "no"
            raise UnknownInAbi(f"{self.contract} has {found} {kind} {name}")
        return candidates[0]

    def encode_call(self, function: str, args: Sequence[Any] = ()) -> bytes:
        """Return selector and arguments. Structs may be dicts. Raises UnknownInAbi."""
        entry = self._find("function", function, len(args))
        values = [_to_abi(parameter, value) for parameter, value in zip(entry["inputs"], args, strict=True)]
        return keccak(_signature(entry).encode())[:4] + _coder().encode([_type(p) for p in entry["inputs"]], values)

    def decode_output(self, function: str, data: bytes) -> Any:
        """Return what a call gave back: one value bare, several as a dict by name."""
        entry = self._find("function", function)
        values = _decode(entry["outputs"], data)
        return next(iter(values.values())) if len(values) == 1 else values

    def topic(self, event: str) -> bytes:
        """Return the first topic of the event's logs."""
        return keccak(_signature(self._find("event", event)).encode())

    def decode_log(self, event: str, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """Return the log's values by name. Raises UnknownInAbi when the topics are not this event's.

        An indexed value of a dynamic type comes back as its 32-byte hash: the log holds no more.
        """
        entry = self._find("event", event)
        indexed = [parameter for parameter in entry["inputs"] if parameter["indexed"]]
        if not topics or topics[0] != self.topic(event) or len(topics) != len(indexed) + 1:
            raise UnknownInAbi(f"these topics are not of {self.contract}.{event}")
        values = _decode([parameter for parameter in entry["inputs"] if not parameter["indexed"]], data)
        for parameter, topic in zip(indexed, topics[1:], strict=True):
            kind: str = parameter["type"]
            hashed = kind in {"string", "bytes"} or kind.startswith("tuple") or kind.endswith("]")
            values[parameter["name"]] = topic if hashed else _decode([parameter], topic)[parameter["name"]]
        return values

    def decode_revert(self, data: bytes) -> tuple[str, dict[str, Any]] | None:
        """Return the custom error's name and values; None when it is not one of this contract's."""
        entry = self._errors.get(data[:4])
        return None if entry is None else (entry["name"], _decode(entry["inputs"], data[4:]))


@lru_cache
def artifact(contract: str) -> dict[str, Any]:
    """Return the exported artifact: contract, abi, bytecode, runtime_hash, compiler, source_hash."""
    path = ARTIFACTS / f"{contract}.json"
    if not path.is_file():
        raise UnknownInAbi(f"no artifact of {contract}: run scripts/export_artifacts.py")
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


@lru_cache
def interface(contract: str) -> Interface:
    """Return the interface of one of our contracts. Raises UnknownInAbi when it was not exported."""
    return Interface(contract, tuple(artifact(contract)["abi"]))


def contracts() -> list[str]:
    """Return the names of all exported contracts."""
    return sorted(path.stem for path in ARTIFACTS.glob("*.json"))


def encode_call(contract: str, function: str, args: Sequence[Any] = ()) -> bytes:
    """Return the call data of `contract.function(*args)`."""
    return interface(contract).encode_call(function, args)


def decode_output(contract: str, function: str, data: bytes) -> Any:
    """Return what a call of `contract.function` gave back."""
    return interface(contract).decode_output(function, data)


@cache
def topic(contract: str, event: str) -> bytes:
    """Return the first topic of logs of `contract.event`."""
    return interface(contract).topic(event)


def decode_log(contract: str, event: str, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
    """Return the values of a log of `contract.event` by name."""
    return interface(contract).decode_log(event, topics, data)


def decode_revert(contract: str | None, data: bytes) -> tuple[str, dict[str, Any]]:
    """Return name and values of the error in revert `data`; `contract` None tries every exported one.

    Solidity's own are `Error` and `Panic`; no data is `Reverted`; what nobody declares is `UnknownError`.
    """
    if not data:
        return "Reverted", {}
    from eth_abi.exceptions import DecodingError  # noqa: PLC0415 - see `_coder`

    unknown = "UnknownError", {"data": "0x" + data.hex()}
    try:
        return _decode_known_revert(contract, data) or unknown
    except DecodingError:
        # Any contract may revert with any bytes; those that only begin like an error are none.
        return unknown


def _decode_known_revert(contract: str | None, data: bytes) -> tuple[str, dict[str, Any]] | None:
    if data[:4] == _ERROR_STRING:
        return "Error", {"message": _coder().decode(["string"], data[4:])[0]}
    if data[:4] == _PANIC:
        return "Panic", {"code": _coder().decode(["uint256"], data[4:])[0]}
    found = (interface(name).decode_revert(data) for name in ([contract] if contract else contracts()))
    return next((decoded for decoded in found if decoded is not None), None)


def describe_revert(contract: str | None, data: bytes) -> str:
    """Return the error as `Name(field=value, ...)`, bytes in hex."""
    name, values = decode_revert(contract, data)
    shown = (f"{key}={'0x' + value.hex() if isinstance(value, bytes) else value}" for key, value in values.items())
    return f"{name}({', '.join(shown)})" if values else name
