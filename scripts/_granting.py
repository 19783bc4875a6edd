"""What `grant` and `revoke` share: which contract a role is kept in, one role after another, and the record of it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from scripts._collections import known
from scripts._contract import Contract
from scripts._manifest import Manifest
from scripts._network import Connection
from scripts._roles import COLLECTION, ROLES, Limits, Role, record
from scripts._sending import Call, execute

Wanted = Sequence[tuple[str, str]]


def check(wanted: Wanted, collection: str | None, limits: Limits | None = None) -> None:
    """Refuse what does not fit together before a node is asked. Raises UsageError."""
    if not wanted:
        raise click.UsageError(f"name at least one ROLE=0x... of {', '.join(ROLES)}")
    names = [name for name, _ in wanted]
    of_collections = [name for name in names if ROLES[name].contract == COLLECTION]
    if of_collections and collection is None:
        raise click.UsageError(f"{of_collections[0]} is a role of a collection: name --collection")
    if collection is not None and not of_collections:
        raise click.UsageError(f"{names[0]} is no role of a collection: leave --collection out")
    for limit, option in (("allowance", "--allowance"), ("per_day", "--per-day"), ("fee_bps", "--fee-bps")):
        given = limits is not None and getattr(limits, limit) is not None
        if given and not any(limit in ROLES[name].limits for name in names):
            raise click.UsageError(f"{option} belongs to none of {', '.join(names)}")


def contract_of(manifest: Manifest, role: Role, collection: str | None) -> Contract:
    """Return the contract that keeps a role."""
    if role.contract == COLLECTION and collection is not None:
        return known(manifest, collection)
    return Contract(role.contract, manifest.address(role.contract))


def grant(connection: Connection, manifest: Manifest, wanted: Wanted, collection: str | None, limits: Limits) -> None:
    """Give each role to its address, unless it is so already."""
    for name, address in wanted:
        role = ROLES[name]
        at = contract_of(manifest, role, collection)
        has = role.holds(at, address)
        calls = [] if has and not role.limits else _handover(connection, at, name, address, limits)
        _carry_out(connection, at, (name, address), calls, role, word="granted")
        if not connection.request.dry_run:
            record(manifest, role, address, holds=role.holds(at, address))


def revoke(connection: Connection, manifest: Manifest, wanted: Wanted, collection: str | None) -> None:
    """Take each role from its address, unless somebody else, or nobody, holds it."""
    for name, address in wanted:
        role = ROLES[name]
        if role.revokes is None:
            message = f"{name} cannot be taken away: grant it to somebody else ({role.giver})"
            raise click.ClickException(message)
        at = contract_of(manifest, role, collection)
        calls = role.revokes(at, address) if role.holds(at, address) else []
        _carry_out(connection, at, (name, address), calls, role, word="revoked")
        if not connection.request.dry_run:
            record(manifest, role, address, holds=role.holds(at, address))


def _handover(connection: Connection, at: Contract, name: str, address: str, limits: Limits) -> list[Call]:
    """Return the calls of a grant. Of an ownership the new owner sends the first, the present one the second."""
    if ROLES[name].reads == "owner" and connection.signer is not None and connection.signer.address == address:
        return [Call(at, "requestOwnershipHandover")]
    return ROLES[name].grants(at, address, limits)


def _carry_out(
    connection: Connection, at: Contract, wanted: tuple[str, str], calls: list[Call], role: Role, *, word: str
) -> None:
    name, address = wanted
    if not calls:
        click.echo(f"{name:20} {address} already {word}")
        return
    sent = execute(connection, connection.acting_as(at.read(role.sender)), calls)
    if not sent:
        click.echo(f"{name:20} {address} would be {word}")
    elif calls[0].function == "requestOwnershipHandover":
        click.echo(f"{name:20} {address} has asked; the present owner confirms within 48 hours")
    else:
        click.echo(f"{name:20} {address} {word} in block {sent[-1].block_number}")
