"""The answer to a leaked minter key, in one command: `ape run minter_compromise`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from scripts import _known
from scripts._collections import (
    AT_ONCE,
    by_the_platform,
    check_choice,
    chosen,
    collection_options,
    made,
    tell_of_others,
)
from scripts._contract import Contract
from scripts._inputs import ADDRESS, ADDRESS_OR_ZERO, ZERO
from scripts._keys import OPERATOR_KEY, KeyChoice
from scripts._lockdown import Plan, lock_unknown, stop_minting
from scripts._manifest import Manifest
from scripts._network import Connection, Request, connect, sending_options
from scripts._sending import Refused


@click.command(short_help="A leaked minter key: pause, rotate, list and lock what it minted")
@sending_options
@collection_options
@click.option(
    "--new-minter",
    type=ADDRESS_OR_ZERO,
    default="zero",
    show_default="zero: nobody",
    help="The key that takes the leaked one's place.",
)
@click.option(
    "--key",
    type=ADDRESS,
    help="The leaked key: other minters are left alone. Otherwise whatever minter a collection has now.",
)
@click.option(
    "--known",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What the house minted itself: `python -m backend.tickets.known_batches > FILE`.",
)
@click.option("--operator-account", help=f"Ape alias of the operator, who locks. Locally also ${OPERATOR_KEY}.")
@click.option(
    "--operator-keystore",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The operator's keystore file instead.",
)
@click.option("--operator-from", type=ADDRESS, help="With --dry-run: try the locking as this address.")
@click.option("--chunk", type=click.IntRange(1, 300), default=100, show_default=True, help="Tickets locked at once.")
def cli(
    request: Request,
    named: tuple[str, ...],
    new_minter: str,
    key: str | None,
    known: Path | None,
    operator_account: str | None,
    operator_keystore: Path | None,
    operator_from: str | None,
    chunk: int,
    *,
    every: bool,
) -> None:
    """Stop a leaked minter key and take back what it minted. The signer is the guardian (or the owner).

    Pauses minting in every collection, the newest first, and waits when all is sent; then rotates the minter to
    --new-minter or to nobody, likewise; then lists the tickets of batches whose number and hash the file of known
    batches does not have, of safeMint, and of quotes the house did not give, and has the operator lock them. Tickets
    that are USED, VOID or burnt are listed only. Refunds, doors and sales by quote go on; MINT stays paused until
    `ape run pause --resume`.

    --all: the collections that the file names, and those that a deployer of the platform made; with --key, of these
    those that have this minter now, or nobody since an earlier run took it away. What strangers had the factory make
    is named and left alone.

    Without --known it stops minting and judges nothing: do that first if the file would take time. What was minted
    after the file was written is listed, not locked, and the status is 1: write the file anew and run this again.
    Running it again changes nothing that is done, and goes on where a run broke off.

    \b
    Examples:
      python -m backend.tickets.known_batches > known.json
      ape run minter_compromise --all --key 0xLEAKED --known known.json --dry-run
      ape run minter_compromise --all --known known.json --account guardian --operator-keystore operator.json --yes
      ape run minter_compromise --collection 0x... --new-minter 0xNEW --account guardian
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if operator_from is not None and not request.dry_run:
        raise click.UsageError("--operator-from goes with --dry-run")
    check_choice(named, every=every)
    with connect(request) as connection:
        manifest = Manifest.load(request.deployments, connection.network)
        file = None
        if known is not None:
            with known.open(encoding="utf-8") as opened:
                file = _known.read(opened, connection.network)
        choice = KeyChoice(operator_account, operator_keystore, operator_from, OPERATOR_KEY, "operator-")
        operator = connection.second(choice) if known else None
        # Not needed to stop minting, which is what cannot wait.
        begun = {one.address: one.block for one in made(manifest)} if known or (key and new_minter != ZERO) else {}
        plan = Plan(new_minter, key, file, operator, chunk, begun)
        collections = _targets(manifest, plan) if every else chosen(manifest, named, every=False)
        if not _carry_out(connection, collections, plan):
            raise click.exceptions.Exit(1)


def _targets(manifest: Manifest, plan: Plan) -> list[Contract]:
    """Return every collection of the platform that the leaked key could mint in, the newest first.

    Those of the file, and those that a deployer of the platform made and that name the key. A stranger may have the
    factory make collections with our keys in them, which would cost the guardian gas: they are told of, not touched.
    """
    found = made(manifest)
    in_file = [one for one in found if plan.known is not None and one.address in plan.known.collections]
    others = [one for one in found if one not in in_file]
    if plan.leaked is not None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            concerned = list(pool.map(lambda one: _concerns(plan, Contract("TicketCollection", one.address)), others))
        others = [one for one, is_meant in zip(others, concerned, strict=True) if is_meant]
    ours = by_the_platform(manifest, others)
    which = "made by strangers" + (" name the key" if plan.leaked is not None else "")
    tell_of_others([one for one in others if one not in ours], which)
    chosen_ones = {*in_file, *ours}
    return [Contract("TicketCollection", one.address) for one in reversed(found) if one in chosen_ones]


def _concerns(plan: Plan, at: Contract) -> bool:
    return plan.concerns(at, str(at.read("minter")))


def _carry_out(connection: Connection, collections: list[Contract], plan: Plan) -> bool:
    """Stop them all before judging the first; one that refuses keeps no other from being stopped."""
    is_done = stop_minting(connection, collections, plan)
    for at in collections:
        try:
            is_done = lock_unknown(connection, at, plan, plan.begun.get(at.address, 0)) and is_done
        except Refused as refused:
            is_done = False
            click.echo(f"{at.address} NOT LOCKED: {refused.message}", err=True)
    return is_done
