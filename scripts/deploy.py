"""Deploy the platform's contracts: `ape run deploy`."""

from __future__ import annotations

from typing import Any, NamedTuple

import click
from ape import chain, project
from eth_utils import keccak

from scripts._compiled import contracts
from scripts._inputs import ADDRESS
from scripts._manifest import Manifest
from scripts._network import Connection, Request, connect, sending_options

CONTRACTS = ("BKS", "TicketCollection", "CollectionFactory", "ResaleMarket")
"""In the order in which they are deployed: the market serves the factory's collections."""

ROLES = {"CollectionFactory": ("deployer",), "BKS": ("bks_minters", "bks_pausers")}
"""Which roles of the manifest are kept in which contract (`ape run grant` writes them)."""


class MarketFee(NamedTuple):
    """The fee that a new market begins with."""

    receiver: str | None
    """Who gets it; the signer if nobody is named."""
    bps: int
    """Basis points of a price, at most 1000."""


class Deployment:
    """One run against one chain. Every step looks first whether it has been done."""

    def __init__(
        self, connection: Connection, manifest: Manifest, fee: MarketFee, *, replace: bool, dry_run: bool
    ) -> None:
        """Remember where, what is known, and what may be sent."""
        self.connection = connection
        self.fee = fee
        self.manifest = manifest
        self.replace = replace
        self.dry_run = dry_run
        self.sources = contracts()

    def run(self) -> None:
        """Bring the chain to the present sources and the manifest to the chain."""
        if all(self._stands(name) for name in CONTRACTS) and self._version() and self._serves():
            click.echo(f"already deployed on {self.connection.network}: {self.manifest.path}")
            return
        owner = self.connection.signer.address if self.connection.signer else None
        if not self.dry_run and not self.connection.request.yes:
            click.confirm(f"Deploy to {self.connection.network} as {owner}?", abort=True)
        self._contract("BKS", owner)
        # A collection keeps its implementation for ever; new code becomes the next version of the factory.
        self._contract("TicketCollection", replace=True)
        self._contract("CollectionFactory", owner)
        self._register()
        self._market(owner)

    def _market(self, owner: str | None) -> None:
        """Deploy the market, or another one after the factory was replaced: it serves one factory for good."""
        factory = self.manifest.contracts.get("CollectionFactory", {}).get("address")
        receiver = self.fee.receiver or owner
        self._contract("ResaleMarket", owner, factory, receiver, self.fee.bps, replace=not self._serves())

    def _serves(self) -> bool:
        """Whether the manifest's market, if there is one, serves the manifest's factory."""
        if not self._stands("ResaleMarket"):
            return True
        market = project.get_contract("ResaleMarket").at(
            self.manifest.contracts["ResaleMarket"]["address"], fetch_from_explorer=False
        )
        return bool(market.factory() == self.manifest.contracts["CollectionFactory"]["address"])

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
        if known and self._stands(name) and (name != "ResaleMarket" or self._serves()):
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
        signer = self.connection.signer
        assert signer is not None  # noqa: S101 -- only a dry run goes without
        made = signer.account.deploy(project.get_contract(name), *args, **_without_sender(self.connection.sending))
        receipt = made.creation_metadata.receipt
        self.manifest.contracts[name] = {
            "address": made.address,
            "block": receipt.block_number,
            "tx": receipt.txn_hash,
            "runtime_hash": self._expected(name),
        }
        if name == "ResaleMarket":
            self.manifest.contracts[name] |= dict(zip(("factory", "fee_receiver", "fee_bps"), args[1:], strict=True))
        for role in ROLES.get(name, ()):
            self.manifest.roles.pop(role, None)  # a new contract knows nobody yet
        self.manifest.deployer = signer.address
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
@sending_options
@click.option(
    "--replace", is_flag=True, help="Deploy anew a factory, token or market whose code differs from the sources."
)
@click.option(
    "--market-fee-bps", type=click.IntRange(0, 1000), default=250, show_default=True, help="Fee of a new market."
)
@click.option("--market-fee-receiver", type=ADDRESS, help="Who gets the fee of a new market.  [default: the signer]")
def cli(request: Request, market_fee_bps: int, market_fee_receiver: str | None, *, replace: bool) -> None:
    """Deploy BKS, the TicketCollection implementation, the CollectionFactory and the ResaleMarket; register version 1.

    The signer becomes owner of factory, token and market. What the manifest names and the chain confirms (the same
    runtime code) is kept, so the command may be run again at any time. New TicketCollection code becomes the factory's
    next version; existing collections keep theirs.

    \b
    Examples:
      BACKSTAGE_ADMIN_KEY=0x... ape run deploy                                     on the local chain
      ape run deploy --network bsc-testnet --rpc-url https://... --account admin --dry-run
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    with connect(request) as connection:
        manifest = Manifest.load(request.deployments, connection.network)
        fee = MarketFee(market_fee_receiver, market_fee_bps)
        Deployment(connection, manifest, fee, replace=replace, dry_run=request.dry_run).run()
