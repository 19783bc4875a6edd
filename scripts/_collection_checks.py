"""Comparing one collection with the manifest and with what somebody expects of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from eth_utils import keccak, to_checksum_address

from scripts import _logs
from scripts._checks import UNSTATED, Check
from scripts._collections import Made, factory, made
from scripts._contract import Contract, artifact, fields, node
from scripts._inputs import ZERO
from scripts._manifest import Manifest
from scripts._scopes import SCOPES

_CLONE = bytes.fromhex("3d3d3d3d363d3d37363d73"), bytes.fromhex("5af43d3d93803e602a57fd5bf3")
"""What stands before and after the implementation's address in the code of a clone (Solady's form of ERC-1167)."""

_GETTERS = (
    "owner",
    "minter",
    "minterAllowance",
    "mintsPerDay",
    "claimSigner",
    "claimsPerDay",
    "quoteSigner",
    "quotesPerDay",
    "operator",
    "guardian",
    "maxSupply",
    "market",
    "resaleCurrency",
    "treasury",
    "feeReceiver",
    "name",
    "symbol",
    "metadataFrozen",
)
_OTHERS = ("promoter", "eventRef", "version", "royaltyReceiver", "royaltyBps", "baseURI", "rules", "paused", "tiers")
_IGNORED = {"deadline"}
"""Of the promoter's consent: it says how long the consent was good, nothing about the collection."""
_BPS = 10_000


def read_expected(path: Path) -> dict[str, Any]:
    """Read what is expected: the fields of `Params`, and owner, paused, metadataFrozen. Raises ClickException."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from None
    if not isinstance(told, dict):
        raise click.ClickException(f"{path} holds no JSON object")
    unknown = sorted(set(told) - set(_GETTERS) - set(_OTHERS) - _IGNORED)
    if unknown:
        raise click.ClickException(f"{path} expects something of {', '.join(unknown)}, which no collection has")
    if "eventRef" in told:
        told["eventRef"] = _event_ref(path, str(told["eventRef"]))
    return told


def collection(
    manifest: Manifest, address: str, expected: dict[str, Any], receivers: Sequence[str] = ()
) -> Iterator[Check]:
    """Yield what the collection is beside what is expected. Raises ClickException when it is not our factory's.

    `receivers` are the hashes of code that may hold its tickets.
    """
    source = factory(manifest)
    is_ours = bool(source.read("isCollection", address))
    yield Check(address, "of our factory", is_ours, expected=True)
    if not is_ours:
        return
    [origin] = made(manifest, address)
    yield from _origin(manifest, origin)
    stated = expected | {"market": expected.get("market", manifest.address("ResaleMarket"))}
    found = _found(Contract("TicketCollection", address), origin)
    if "resaleCurrency" not in expected:
        usual = found["resaleCurrency"] in {ZERO, manifest.address("BKS")}
        yield Check(address, "resale in coin/BKS", usual, expected=True)
    for name, value in found.items():
        yield Check(address, name, value, stated.get(name, UNSTATED))
    yield from _receivers(Contract("TicketCollection", address), origin, receivers)
    yield from _tiers(Contract("TicketCollection", address), expected.get("tiers", []))


def _origin(manifest: Manifest, origin: Made) -> Iterator[Check]:
    """Check that it runs a registered implementation, at the address that promoter and event give."""
    source = factory(manifest)
    code = Contract("TicketCollection", origin.address).code()
    before, after = _CLONE
    is_clone = code.startswith(before) and code.endswith(after) and len(code) == len(before) + 20 + len(after)
    target = to_checksum_address(code[len(before) : len(before) + 20]) if is_clone else "0x" + code[:32].hex()
    implementation = source.read("implementation", origin.version)
    yield Check(origin.address, "clone of", target, implementation)
    # A clone runs what stands at its target now: the registry names an address, not what is there.
    behind = "0x" + keccak(Contract("TicketCollection", str(implementation)).code()).hex()
    yield Check(origin.address, "code behind it", behind, _known_code(manifest, str(implementation)))
    predicted = source.read("predict", origin.promoter, origin.event_ref, origin.version)
    yield Check(origin.address, "address", origin.address, predicted)


def _known_code(manifest: Manifest, implementation: str) -> Any:
    """Return the hash that the code of an implementation has by the manifest, which names the newest version only."""
    recorded = manifest.contracts.get("TicketCollection", {})
    if str(recorded.get("address", "")).lower() != implementation.lower():
        return UNSTATED
    return recorded.get("runtime_hash", artifact("TicketCollection")["runtime_hash"])


def _receivers(at: Contract, origin: Made, expected: Sequence[str]) -> Iterator[Check]:
    """Yield each code that may hold tickets, by the logs as they add up: all of it is trusted with every ticket."""
    allowed: dict[str, bool] = {}
    for log in _logs.read(at.address, [at.topic("ReceiverCodeHashChanged")], origin.block, node().eth.block_number):
        told = at.decode("ReceiverCodeHashChanged", log)
        allowed["0x" + bytes(told["codeHash"]).hex()] = bool(told["allowed"])
    found = sorted(code for code, is_allowed in allowed.items() if is_allowed)
    yield Check(at.address, "receiver codes", found, sorted(code.lower() for code in expected))


def _found(at: Contract, origin: Made) -> dict[str, Any]:
    receiver, bps = at.read("royaltyInfo", 0, _BPS)
    paused = at.read("paused")
    return {
        "promoter": origin.promoter,
        "eventRef": "0x" + origin.event_ref.hex(),
        "version": origin.version,
        **{name: at.read(name) for name in _GETTERS},
        "royaltyReceiver": receiver,
        "royaltyBps": bps,
        "baseURI": str(at.read("contractURI")).removesuffix("collection.json"),
        "rules": dict(zip(fields(at.name, "rules"), at.read("rules"), strict=True)),
        "paused": [name for name, bit in SCOPES.items() if paused & bit],
    }


def _tiers(at: Contract, expected: list[dict[str, Any]]) -> Iterator[Check]:
    names = fields(at.name, "tierTerms")
    for tier in expected:
        terms = dict(zip(names, at.read("tierTerms", int(tier["tier"])), strict=True))
        yield Check(at.address, f"tier {tier['tier']}", terms, tier)


def _event_ref(path: Path, text: str) -> str:
    """Return an event as the chain has it, 32 bytes, from that or from a UUID."""
    if text.startswith("0x"):
        return text.lower()
    try:
        return "0x" + UUID(text).int.to_bytes(32, "big").hex()
    except ValueError:
        raise click.ClickException(f"{path}: eventRef {text!r} is neither a UUID nor 32 bytes in hex") from None
