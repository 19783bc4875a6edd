"""Deploy the platform's contracts: `ape run deploy`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from ape import chain, project
from eth_utils import keccak

from scripts._manifest import Manifest
from scripts._network import Connection, connect, network_options

ROLES = {"CollectionFactory": ("deployer",), "BKS": ("bks_minters", "bks_pausers")}
"""Which roles of the manifest are kept in which contract (grant_roles.py writes them)."""


class Deployment:
    """One run against one chain. Every step looks first whether it has been done."""

    def __init__(self, connection: Connection, manifest: Manifest, *, replace: bool, dry_run: bool) -> None:
        """Remember where, what is known, and what may be sent."""
        self.connection = connection
        self.manifest = manifest
        self.replace = replace
        self.dry_run = dry_run
        self.sources = project.load_contracts()

    def run(self) -> None:
        """Bring the chain to the present sources and the manifest to the chain."""
        if all(self._stands(name) for name in ("BKS", "TicketCollection", "CollectionFactory")) and self._version():
            click.echo(f"already deployed on {self.connection.network}: {self.manifest.path}")
            return
        owner = self.connection.signer.address if self.connection.signer else None
        self._contract("BKS", owner)
        # A collection keeps its implementation for ever; new code becomes the next version of the factory.
        self._contract("TicketCollection", replace=True)
        self._contract("CollectionFactory", owner)
        self._register()

    def _stands(self, name: str) -> bool:
        """Whether the manifest's address runs exactly this source's code on this chain."""
        entry = self.manifest.contracts.get(name)
        return entry is not None and _runtime_hash(self._code(name)) == self._expected(name)

    def _expected(self, name: str) -> str:
        return _runtime_hash(bytes(self.sources[name].get_runtime_bytecode()))

    def _code(self, name: str) -> bytes:
        return bytes(chain.provider.get_code(self.manifest.contracts[name]["address"]))

    def _contract(self, name: str, *args: object, replace: bool = False) -> None:
        """Deploy one contract unless it stands."""
        known = self.manifest.contracts.get(name)
        if known and self._stands(name):
            click.echo(f"{name:18} kept      {known['address']}")
            return
        if known and self._code(name) and not (replace or self.replace):
            message = (
                f"{name} at {known['address']} runs other code than these sources. --replace deploys a new one; "
                "collections and balances stay with the old one."
            )
            raise click.ClickException(message)
        if self.dry_run:
            click.echo(f"{name:18} would be deployed")
            return
        made = self.connection.signer.deploy(
            project.get_contract(name), *args, **_without_sender(self.connection.sending)
        )
        receipt = made.creation_metadata.receipt
        self.manifest.contracts[name] = {
            "address": made.address,
            "block": receipt.block_number,
            "tx": receipt.txn_hash,
            "runtime_hash": self._expected(name),
        }
        for role in ROLES.get(name, ()):
            self.manifest.roles.pop(role, None)  # a new contract knows nobody yet
        self.manifest.deployer = self.connection.signer.address
        blocks = [entry["block"] for entry in self.manifest.contracts.values()]
        self.manifest.deployed_at_block = min(blocks)
        self.manifest.save()
        click.echo(f"{name:18} deployed  {made.address}  block {receipt.block_number}  gas {receipt.gas_used:,}")

    def _factory(self) -> Any:
        return project.get_contract("CollectionFactory").at(
            self.manifest.contracts["CollectionFactory"]["address"], fetch_from_explorer=False
        )

    def _version(self) -> int | None:
        """Find the version under which the factory knows the implementation."""
        factory = self._factory()
        wanted = self.manifest.contracts["TicketCollection"]["address"]
        latest: int = factory.latestVersion()
        return next((version for version in range(latest, 0, -1) if factory.implementation(version) == wanted), None)

    def _register(self) -> None:
        """Make the implementation the factory's next version, unless it is one."""
        if self.dry_run:
            click.echo(f"{'TicketCollection':18} would be registered with the factory")
            return
        version = self._version()
        if version is None:
            implementation = self.manifest.contracts["TicketCollection"]["address"]
            self._factory().addVersion(implementation, **self.connection.sending)
            version = self._version()
        self.manifest.contracts["TicketCollection"]["version"] = version
        self.manifest.save()
        click.echo(f"{'TicketCollection':18} is version {version} of the factory")


def _runtime_hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()


def _without_sender(sending: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sending.items() if name != "sender"}


@click.command(short_help="Deploy the platform's contracts and write the manifest")
@network_options
@click.option("--replace", is_flag=True, help="Deploy anew a factory or token whose code differs from the sources.")
def cli(
    network: str,
    rpc_url: str,
    account: str | None,
    deployments: Path,
    dry_run: bool,  # noqa: FBT001 -- a command's flag is a boolean
    replace: bool,  # noqa: FBT001
) -> None:
    """Deploy BKS, the TicketCollection implementation and the CollectionFactory, and register version 1.

    The signer becomes owner of factory and token. What the manifest names and the chain confirms (the same runtime
    code) is kept, so the command may be run again at any time. New TicketCollection code becomes the factory's next
    version; existing collections keep theirs.
    """
    with connect(network, rpc_url, account, dry_run=dry_run) as connection:
        manifest = Manifest.load(deployments, connection.network)
        Deployment(connection, manifest, replace=replace, dry_run=dry_run).run()
