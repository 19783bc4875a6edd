"""Compare what stands on chain with the manifest: `ape run verify`."""

from __future__ import annotations

from pathlib import Path

import click

from scripts import _checks
from scripts._collection_checks import collection, read_expected
from scripts._inputs import ADDRESS, CODE_HASH
from scripts._manifest import Manifest
from scripts._network import Request, connect, reading_options
from scripts._platform_checks import platform


@click.command(short_help="Compare what stands on chain with the manifest")
@reading_options
@click.option("--collection", "address", type=ADDRESS, help="Look at this collection instead of the platform.")
@click.option(
    "--expect",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --collection: JSON of what is expected, any of the fields below.",
)
@click.option(
    "--expect-receiver",
    "receivers",
    multiple=True,
    type=CODE_HASH,
    help="With --collection: hash of code that may hold its tickets. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cli(
    request: Request, address: str | None, expect: Path | None, receivers: tuple[str, ...], *, as_json: bool
) -> None:
    """Compare the chain with the manifest and the exported artifacts. Sends nothing; status 1 if anything differs.

    The platform: chain id; the code of the four contracts, byte for byte (they have no immutables); the version
    registry; owners; every deployer, BKS minter and pauser, from the logs, so that one nobody recorded is found; the
    market's factory and fee; whether BKS is paused.

    One collection: made by our factory, at its address, a clone of a registered implementation, the code that stands
    there, every code that may hold its tickets (from the logs: none but those of --expect-receiver), our market, its
    resale currency; everything else is compared with --expect and shown where that says nothing. Fields: those of
    Params in docs/contracts.md (the message of the promoter's consent will do), owner, paused (a list of scopes),
    metadataFrozen. Leave out what may change, such as minterAllowance.

    \b
    Examples:
      ape run verify --network bsc --rpc-url https://...
      ape run verify --collection 0x... --expect consent.json --json
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if expect is not None and address is None:
        raise click.UsageError("--expect goes with --collection")
    if receivers and address is None:
        raise click.UsageError("--expect-receiver goes with --collection")
    expected = read_expected(expect) if expect else {}
    with connect(request, needs_key=False) as connection:
        manifest = Manifest.load(request.deployments, connection.network)
        found = (
            collection(manifest, address, expected, receivers) if address else platform(manifest, connection.chain_id)
        )
        if not _checks.show(list(found), as_json=as_json):
            raise click.exceptions.Exit(1)
