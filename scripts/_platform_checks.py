"""Comparing the platform's contracts with the manifest and the exported artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth_utils import keccak

from scripts import _logs
from scripts._checks import UNSTATED, Check
from scripts._contract import NAMES, Contract, artifact, node
from scripts._manifest import Manifest

_LISTS = (
    ("CollectionFactory", "DeployerChanged", "deployers"),
    ("BKS", "MinterChanged", "bks_minters"),
    ("BKS", "PauserChanged", "bks_pausers"),
)


def platform(manifest: Manifest, chain_id: int) -> Iterator[Check]:
    """Yield what the manifest and the artifacts say beside what the chain does. Raises ClickException."""
    yield Check("chain", "id", f"eip155:{chain_id}", manifest.network)
    standing = True
    for name in NAMES:
        yield from _code(manifest, name)
        standing = standing and bool(Contract(name, manifest.address(name)).code())
    if not standing:
        return
    yield from _versions(manifest)
    for name in ("CollectionFactory", "BKS", "ResaleMarket"):
        yield Check(name, "owner", Contract(name, manifest.address(name)).read("owner"), manifest.deployer)
    yield Check("BKS", "paused", Contract("BKS", manifest.address("BKS")).read("paused"), expected=False)
    yield from _market(manifest)
    for contract, event, role in _LISTS:
        yield Check(contract, role, _holders(manifest, contract, event), _recorded(manifest, role))


def _code(manifest: Manifest, name: str) -> Iterator[Check]:
    """Compare the code itself, and not only with the manifest, which could be as wrong as the code."""
    code = Contract(name, manifest.address(name)).code()
    found = "0x" + keccak(code).hex() if code else "no code"
    # None of our contracts has immutables, so the exported code is what stands on every network, byte for byte.
    yield Check(name, "code (artifact)", found, artifact(name)["runtime_hash"])
    yield Check(name, "code (manifest)", found, manifest.contracts[name].get("runtime_hash", UNSTATED))


def _versions(manifest: Manifest) -> Iterator[Check]:
    factory = Contract("CollectionFactory", manifest.address("CollectionFactory"))
    version = manifest.contracts["TicketCollection"].get("version")
    latest = factory.read("latestVersion")
    yield Check("CollectionFactory", "latest version", latest, version)
    for number in range(1, latest + 1):
        expected = manifest.address("TicketCollection") if number == version else UNSTATED
        yield Check("CollectionFactory", f"version {number}", factory.read("implementation", number), expected)


def _market(manifest: Manifest) -> Iterator[Check]:
    market, entry = Contract("ResaleMarket", manifest.address("ResaleMarket")), manifest.contracts["ResaleMarket"]
    yield Check("ResaleMarket", "factory", market.read("factory"), manifest.address("CollectionFactory"))
    yield Check("ResaleMarket", "fee receiver", market.read("feeReceiver"), entry.get("fee_receiver", UNSTATED))
    yield Check("ResaleMarket", "fee bps", market.read("feeBps"), entry.get("fee_bps", UNSTATED))


def _holders(manifest: Manifest, name: str, event: str) -> list[str]:
    """Return everybody who holds a role, from the logs: a getter answers only about whom one thinks of."""
    contract = Contract(name, manifest.address(name))
    first = int(manifest.contracts[name].get("block") or manifest.deployed_at_block or 0)
    held: dict[str, bool] = {}
    for log in _logs.read(contract.address, [contract.topic(event)], first, node().eth.block_number):
        told: dict[str, Any] = contract.decode(event, log)
        *_, address, allowed = told.values()
        held[str(address)] = bool(allowed)
    return sorted(address for address, allowed in held.items() if allowed)


def _recorded(manifest: Manifest, role: str) -> list[str]:
    if role == "deployers":
        return [manifest.roles["deployer"]] if "deployer" in manifest.roles else []
    return sorted(manifest.roles.get(role, []))
