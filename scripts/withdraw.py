"""Pay out what collections and the market keep: `ape run withdraw`."""

from __future__ import annotations

import click

from scripts._collections import check_choice, chosen, collection_options
from scripts._contract import Contract
from scripts._inputs import ADDRESS, ZERO
from scripts._manifest import Manifest
from scripts._network import Connection, Request, connect, sending_options
from scripts._sending import Call, execute

_COIN, _TOKEN = "coin", "bks"


def _currency(_context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value if value in {_COIN, _TOKEN} else ADDRESS.convert(value, option, None) for value in values)


@click.command(short_help="Pay out a collection's proceeds or fees, or the market's credits")
@sending_options
@collection_options
@click.option(
    "--currency",
    "currencies",
    multiple=True,
    default=(_COIN, _TOKEN),
    callback=_currency,
    show_default="coin and bks",
    help="coin (BNB on BSC), bks, or a token's address. May be repeated.",
)
@click.option("--fees", is_flag=True, help="The platform's share (withdrawFees) instead of the promoter's.")
@click.option("--market", is_flag=True, help="The signer's credit on the market instead: payments that were refused.")
@click.option("--to", type=ADDRESS, help="With --market: who gets it.  [default: the signer]")
def cli(
    request: Request,
    named: tuple[str, ...],
    currencies: tuple[str, ...],
    to: str | None,
    *,
    every: bool,
    fees: bool,
    market: bool,
) -> None:
    """Pay out what ticket sales left in collections, or what the market owes the signer.

    A collection pays its treasury (its owner where none is named), and with --fees its fee receiver, whoever sends the
    transaction: any key that can pay gas will do. The market pays its credit only to whom the signer names. Where
    nothing is due no transaction is sent.

    \b
    Examples:
      ape run withdraw --collection 0x... --dry-run                 shows what is due, in coin and BKS
      ape run withdraw --collection 0x... --currency bks --account promoter
      ape run withdraw --all --fees --account admin
      ape run withdraw --market --currency coin --to 0x... --account seller
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if market and (named or every or fees):
        raise click.UsageError("--market goes without --collection, --all and --fees")
    if to is not None and not market:
        raise click.UsageError("--to goes with --market: a collection pays its treasury or fee receiver")
    if not market:
        check_choice(named, every=every)
    with connect(request) as connection:
        manifest = Manifest.load(request.deployments, connection.network)
        tokens = {_currency_of(one, manifest): one for one in currencies}
        if market:
            _credits(connection, Contract("ResaleMarket", manifest.address("ResaleMarket")), tokens, to)
            return
        for collection in chosen(manifest, named, every=every):
            _dues(connection, collection, tokens, fees=fees)


def _currency_of(word: str, manifest: Manifest) -> str:
    return {_COIN: ZERO, _TOKEN: ""}.get(word, word) or manifest.address("BKS")


def _dues(connection: Connection, collection: Contract, tokens: dict[str, str], *, fees: bool) -> None:
    receiver = collection.read("feeReceiver" if fees else "treasury")
    calls = []
    for token, word in tokens.items():
        promoter, platform = collection.read("due", token)
        amount = platform if fees else promoter
        click.echo(f"{collection.address} owes {receiver} {amount} base units of {word}")
        if amount:
            calls.append(Call(collection, "withdrawFees" if fees else "withdraw", (token,)))
    execute(connection, connection.acting_as(receiver), calls)


def _credits(connection: Connection, market: Contract, tokens: dict[str, str], to: str | None) -> None:
    if connection.signer is None:
        raise click.UsageError("whose credit? name --from, --account or --keystore")
    acting = connection.signer
    calls = []
    for token, word in tokens.items():
        amount = market.read("creditOf", acting.address, token)
        click.echo(f"{market} owes {acting.address} {amount} base units of {word}")
        if amount:
            calls.append(Call(market, "withdraw", (token, to or acting.address)))
    execute(connection, acting, calls)
