"""Give roles on the platform's contracts and on collections: `ape run grant`."""

from __future__ import annotations

import click

from scripts import _granting
from scripts._inputs import ADDRESS
from scripts._manifest import Manifest
from scripts._network import Request, connect, sending_options
from scripts._roles import WANTED, Limits


@click.command(short_help="Give roles: ROLE=0x...")
@click.argument("wanted", nargs=-1, type=WANTED, metavar="ROLE=0x...")
@sending_options
@click.option("--collection", type=ADDRESS, help="The collection, for roles of a collection.")
@click.option("--allowance", type=click.IntRange(0, 2**64 - 1), help="With minter: tickets it may mint from now on.")
@click.option(
    "--per-day", type=click.IntRange(0, 2**32 - 1), help="With minter, claim-signer, quote-signer: a UTC day's limit."
)
@click.option("--fee-bps", type=click.IntRange(0, 1000), help="With market-fee-receiver: the fee in basis points.")
def cli(
    request: Request,
    wanted: tuple[tuple[str, str], ...],
    collection: str | None,
    allowance: int | None,
    per_day: int | None,
    fee_bps: int | None,
) -> None:
    """Give each ROLE to its address. One that is held already costs no transaction.

    \b
    Of the platform's contracts, given by their owner and recorded in the manifest (the fee receiver is not):
      deployer             deploys collections with a promoter's consent
      bks-minter           mints BKS
      bks-pauser           pauses BKS
      market-fee-receiver  gets the market's fee
    Of a collection (--collection), given by its owner, the promoter:
      minter               mints inside its allowance; what is not named stays
      claim-signer         signs vouchers for tickets in escrow
      quote-signer         signs prices
      operator             sets statuses: doors and refunds
      guardian             pauses and rotates
      treasury             gets the promoter's share of sales
      fee-receiver         gets the platform's share; given by the present one
    Ownership, in two steps: first the new owner signs this command, then the present owner:
      owner (of a collection), factory-owner, bks-owner, market-owner

    \b
    Examples:
      ape run grant deployer=0x... bks-minter=0x... --account admin --dry-run
      ape run grant minter=0x... --allowance 500 --per-day 200 --collection 0x... --account promoter
      ape run grant market-owner=0xNEW --account new      and then      --account old
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    limits = Limits(allowance, per_day, fee_bps)
    _granting.check(wanted, collection, limits)
    with connect(request) as connection:
        manifest = Manifest.load(request.deployments, connection.network)
        _granting.grant(connection, manifest, wanted, collection, limits)
