"""Replace or revoke a collection's minter, claim signer or quote signer: `ape run rotate_minter`."""

from __future__ import annotations

import click

from scripts._collections import check_choice, chosen, collection_options
from scripts._contract import Contract
from scripts._inputs import ADDRESS_OR_ZERO, ZERO
from scripts._manifest import Manifest
from scripts._network import Request, connect, sending_options
from scripts._sending import Call
from scripts._together import execute_together

_KEYS = {
    "minter": ("minter", "rotateMinter", ("minterAllowance", "mintsPerDay")),
    "claim-signer": ("claimSigner", "rotateClaimSigner", ("claimsPerDay",)),
    "quote-signer": ("quoteSigner", "rotateQuoteSigner", ("quotesPerDay",)),
}
"""What reads the key, what replaces it, and the limits that stay as they are."""


@click.command(short_help="Replace or revoke the minter, the claim signer or the quote signer")
@sending_options
@collection_options
@click.option("--to", required=True, type=ADDRESS_OR_ZERO, help="The new key's address; `zero` revokes the old one.")
@click.option("--key", type=click.Choice(list(_KEYS)), default="minter", show_default=True, help="Which key.")
def cli(request: Request, named: tuple[str, ...], to: str, key: str, *, every: bool) -> None:
    """Put another key in the place of the minter (or claim signer, or quote signer) of collections, or nobody.

    Limits stay: what is left of the allowance, and what was counted today. A larger allowance is the owner's to give
    (`ape run grant minter=0x... --allowance N`). The signer is the collection's owner or its guardian. All is sent
    before anything is waited for; a collection that refuses keeps no other from its change, and the status is 1.

    \b
    Examples:
      ape run rotate_minter --collection 0x... --to 0xNEW --dry-run
      ape run rotate_minter --all --to zero --account guardian
      ape run rotate_minter --collection 0x... --key quote-signer --to 0xNEW --keystore guardian.json --yes
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    check_choice(named, every=every)
    getter, setter, limits = _KEYS[key]
    with connect(request) as connection:
        manifest = Manifest.load(request.deployments, connection.network)
        collections = chosen(manifest, named, every=every)
        calls: list[Call] = []
        for collection in collections:
            click.echo(_state(collection, key, getter, limits))
            if collection.read(getter) == to:
                click.echo(f"{collection.address} is so already")
            else:
                calls.append(Call(collection, setter, (to,)))
        acting = {call.contract.address: str(call.contract.read("guardian")) for call in calls}
        failures = execute_together(
            connection, lambda call: connection.acting_as(acting[call.contract.address]), [calls], "Send?"
        )
        for call in calls:
            why = failures.get(call.contract.address)
            if why is not None:
                click.echo(f"{call.contract.address} NOT CHANGED: {why}", err=True)
            elif not request.dry_run:
                click.echo(_state(call.contract, key, getter, limits))
        if failures:
            raise click.exceptions.Exit(1)


def _state(collection: Contract, key: str, getter: str, limits: tuple[str, ...]) -> str:
    holder = collection.read(getter)
    told = "  ".join(f"{limit} {collection.read(limit)}" for limit in limits)
    return f"{collection.address} {key} {'nobody' if holder == ZERO else holder}  {told}"
