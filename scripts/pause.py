"""Pause or resume what a collection or the token does: `ape run pause`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from scripts._collections import check_choice, chosen, collection_options
from scripts._contract import Contract
from scripts._manifest import Manifest
from scripts._network import Connection, Request, connect, sending_options
from scripts._scopes import SCOPES, bits, words
from scripts._sending import Call, execute
from scripts._together import Failures, execute_together

_TOKEN = "bks"  # noqa: S105 -- a scope


@click.command(short_help="Pause or resume by scope: sale, mint, resale, claim, bks")
@click.argument("scopes", nargs=-1, type=click.Choice([*SCOPES, "all", _TOKEN]))
@sending_options
@collection_options
@click.option("--resume", is_flag=True, help="Lift the pause of these scopes instead.")
def cli(request: Request, scopes: tuple[str, ...], named: tuple[str, ...], *, every: bool, resume: bool) -> None:
    """Pause the SCOPES of collections, or lift the pause; the other scopes stay as they are.

    sale: buying by quote. mint: batches and safeMint. resale: sales and buy-backs on the market. claim: tickets out of
    escrow. all: these four. Refunds and the door are never paused. bks: transfers, mints and burns of the token BKS,
    for which no collection is named.

    The signer is the collection's owner or its guardian; for bks the token's owner or a pauser. What is so already
    costs no transaction, and without SCOPES the present state is shown. All is sent before anything is waited for; a
    collection that refuses keeps no other from its change, and the status is 1.

    \b
    Examples:
      ape run pause --collection 0x...                              shows what is paused
      ape run pause mint sale --collection 0x... --dry-run
      ape run pause mint --all --account guardian
      ape run pause mint --collection 0x... --resume --account guardian
      ape run pause bks --account admin
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    of_collections = [scope for scope in scopes if scope != _TOKEN]
    if _TOKEN in scopes and (of_collections or named or every):
        raise click.UsageError("bks is paused by itself: name no other scope and no collection with it")
    if _TOKEN not in scopes:
        check_choice(named, every=every)
    with connect(request, needs_key=bool(scopes)) as connection:
        manifest = Manifest.load(request.deployments, connection.network)
        if _TOKEN in scopes:
            _token(connection, Contract("BKS", manifest.address("BKS")), resume=resume)
            return
        if not _collections(connection, chosen(manifest, named, every=every), of_collections, resume=resume):
            raise click.exceptions.Exit(1)


def _collections(
    connection: Connection, collections: Sequence[Contract], scopes: Sequence[str], *, resume: bool
) -> bool:
    """Send what is to change as a whole, then wait; False if one refused, which keeps no other from its change."""
    calls: list[Call] = []
    wanted: dict[str, int] = {}
    for collection in collections:
        before = int(collection.read("paused"))
        click.echo(f"{collection.address} paused: {words(before)}")
        after = before & ~bits(scopes) if resume else before | bits(scopes)
        if after != before:
            wanted[collection.address] = after
            calls.append(Call(collection, "setPaused", (after,)))
        elif scopes:
            click.echo(f"{collection.address} is so already")
    acting = {call.contract.address: str(call.contract.read("guardian")) for call in calls}
    failures = execute_together(
        connection, lambda call: connection.acting_as(acting[call.contract.address]), [calls], "Send?"
    )
    for call in calls:
        _tell(connection, call.contract, wanted[call.contract.address], failures)
    return not failures


def _tell(connection: Connection, collection: Contract, wanted: int, failures: Failures) -> None:
    """Say how a collection stands now; somebody else may have changed it at the same time."""
    at = collection.address
    if at not in failures:
        dry_run = connection.request.dry_run
        after = wanted if dry_run else int(collection.read("paused"))
        click.echo(f"{at} {'would be paused' if dry_run else 'paused'}: {words(after)}")
        if after != wanted:
            failures[at] = "somebody else changed it at the same time; run it again"
    if at in failures:
        click.echo(f"{at} NOT CHANGED: {failures[at]}", err=True)


def _token(connection: Connection, token: Contract, *, resume: bool) -> None:
    is_paused = bool(token.read("paused"))
    click.echo(f"{token} {'is paused' if is_paused else 'is not paused'}")
    if is_paused != resume:
        click.echo(f"{token} is so already")
        return
    acting = connection.acting_as(token.read("owner"))
    if execute(connection, acting, [Call(token, "unpause" if resume else "pause")]):
        click.echo(f"{token} {'is paused' if token.read('paused') else 'is not paused'}")
