"""Freeze a collection's metadata for good: `ape run freeze`."""

from __future__ import annotations

import click

from scripts._collections import check_choice, chosen, collection_options
from scripts._manifest import Manifest
from scripts._network import Request, connect, sending_options
from scripts._sending import Call, execute


@click.command(short_help="Freeze a collection's metadata for good")
@sending_options
@collection_options
@click.option("--base-uri", help="Refuse unless the collection's base URI is this one.")
def cli(request: Request, named: tuple[str, ...], *, every: bool, base_uri: str | None) -> None:
    """Call freezeMetadata: the base URI never changes again. The signer is the collection's owner, its promoter.

    It cannot be undone. Say by --base-uri what you expect to freeze. One that is frozen already costs no transaction.

    \b
    Examples:
      ape run freeze --collection 0x... --base-uri ipfs://bafy.../ --dry-run
      ape run freeze --collection 0x... --base-uri ipfs://bafy.../ --account promoter
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    check_choice(named, every=every)
    with connect(request) as connection:
        manifest = Manifest.load(request.deployments, connection.network)
        for collection in chosen(manifest, named, every=every):
            frozen_uri = str(collection.read("contractURI")).removesuffix("collection.json")
            click.echo(f"{collection.address} base URI {frozen_uri}")
            if base_uri is not None and base_uri != frozen_uri:
                raise click.ClickException(f"the base URI is {frozen_uri}, not {base_uri}: nothing was sent")
            if collection.read("metadataFrozen"):
                click.echo(f"{collection.address} is frozen already")
                continue
            owner = connection.acting_as(collection.read("owner"))
            execute(connection, owner, [Call(collection, "freezeMetadata")], "Freeze for good?")
