"""A deployed contract as the exported artifact describes it: reading, calldata, logs. Nothing is compiled."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from ape import chain
from eth_abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils import keccak, to_checksum_address
from eth_utils.abi import collapse_if_tuple
from web3 import Web3
from web3.exceptions import ContractLogicError

from scripts.source_hash import ARTIFACTS, CONTRACTS

NAMES = CONTRACTS
Entry = dict[str, Any]


@functools.cache
def artifact(name: str) -> dict[str, Any]:
    """Return what `ape run export_artifacts` wrote about a contract."""
    path = ARTIFACTS / f"{name}.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise click.ClickException(f"{path} is missing: run `ape run export_artifacts`") from None
    return content


@functools.cache
def _entry(contract: str, kind: str, name: str) -> Entry:
    """Return a function or event of a contract. None that is used here is overloaded."""
    [entry] = [one for one in artifact(contract)["abi"] if one["type"] == kind and one["name"] == name]
    found: Entry = entry
    return found


def _types(parameters: Sequence[Any]) -> list[str]:
    return [str(collapse_if_tuple(parameter)) for parameter in parameters]


def _signature(entry: Entry) -> bytes:
    return bytes(keccak(text=f"{entry['name']}({','.join(_types(entry['inputs']))})"))


def node() -> Web3:
    """Return the node that the command is connected to."""
    connected: Web3 = chain.provider.web3
    return connected


@dataclass(frozen=True)
class Contract:
    """A contract at an address."""

    name: str
    address: str

    def __str__(self) -> str:
        """Name and address, as they are shown."""
        return f"{self.name} {self.address}"

    def read(self, function: str, *arguments: object) -> Any:
        """Call a view. Raises ClickException when nothing there answers, or not like this contract."""
        try:
            return self._call(function, arguments)
        except (DecodingError, ContractLogicError) as error:
            message = f"{self.address} does not answer {function}() as a {self.name} does: {type(error).__name__}"
            raise click.ClickException(message) from error

    def attempt(self, function: str, *arguments: object) -> Any:
        """Call a view; None when it reverts, as `ticket` does for a burnt one."""
        try:
            return self._call(function, arguments)
        except ContractLogicError:
            return None

    def _call(self, function: str, arguments: Sequence[object]) -> Any:
        asked: Any = {"to": self.address, "data": self.data(function, arguments)}
        answer = node().eth.call(asked)
        outputs = _entry(self.name, "function", function)["outputs"]
        values = decode(_types(outputs), bytes(answer))
        found = [_told(output["type"], value) for output, value in zip(outputs, values, strict=True)]
        return found[0] if len(found) == 1 else tuple(found)

    def data(self, function: str, arguments: Sequence[object]) -> str:
        """Return the calldata."""
        entry = _entry(self.name, "function", function)
        return "0x" + (_signature(entry)[:4] + encode(_types(entry["inputs"]), list(arguments))).hex()

    def topic(self, event: str) -> str:
        """Return the first topic of an event's logs."""
        return "0x" + _signature(_entry(self.name, "event", event)).hex()

    def decode(self, event: str, log: Any) -> dict[str, Any]:
        """Return a log's arguments by name, in their order."""
        inputs = _entry(self.name, "event", event)["inputs"]
        plain = [one for one in inputs if not one.get("indexed")]
        told = dict(zip((one["name"] for one in plain), decode(_types(plain), bytes(log["data"])), strict=True))
        indexed = [one for one in inputs if one.get("indexed")]
        for one, topic in zip(indexed, log["topics"][1:], strict=True):
            [told[one["name"]]] = decode([one["type"]], bytes(topic))
        return {one["name"]: _told(one["type"], told[one["name"]]) for one in inputs}

    def code(self) -> bytes:
        """Return the code at the address."""
        return bytes(node().eth.get_code(to_checksum_address(self.address)))

    def names_of(self, function: str) -> list[str]:
        """Return the parameters' names of a function."""
        return [str(parameter["name"]) for parameter in _entry(self.name, "function", function)["inputs"]]


def _told(kind: str, value: Any) -> Any:
    return str(to_checksum_address(value)) if kind == "address" else value


def fields(contract: str, function: str) -> list[str]:
    """Return the field names of the struct that a function returns."""
    return [str(part["name"]) for part in _entry(contract, "function", function)["outputs"][0]["components"]]


@functools.cache
def errors() -> dict[bytes, Entry]:
    """Return every custom error of our contracts by its selector."""
    found = {}
    for name in NAMES:
        for entry in artifact(name)["abi"]:
            if entry["type"] == "error":
                found[_signature(entry)[:4]] = entry
    return found
