"""Take roles on the platform's contracts and on collections: `ape run revoke`."""

from __future__ import annotations

import click

from scripts import _granting
from scripts._inputs import ADDRESS
from scripts._manifest import Manifest
from scripts._network import Request, connect, sending_options
from scripts._roles import WANTED


@click.command(short_help="Take roles: ROLE=0x...")
@click.argument("wanted", nargs=-1, type=WANTED, metavar="ROLE=0x...")
@sending_options
@click.option("--collection", type=ADDRESS, help="The collection, for roles of a collection.")
def cli(request: Request, wanted: tuple[tuple[str, str], ...], collection: str | None) -> None:
    """Take each ROLE from the address that holds it; `ape run grant --help` lists the roles.

    An address that does not hold the role costs no transaction, so nobody else is hit by a stale command. The guardian
    may take minter, claim-signer, quote-signer and operator, too. A treasury that is taken away is the owner again; a
    market without fee receiver takes no fee. Ownership and fee-receiver cannot be taken, only given to somebody else.

    \b
    Examples:
      ape run revoke deployer=0x... --account admin --dry-run
      ape run revoke minter=0x... --collection 0x... --account guardian
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    _granting.check(wanted, collection)
    with connect(request) as connection:
        manifest = Manifest.load(request.deployments, connection.network)
        _granting.revoke(connection, manifest, wanted, collection)
