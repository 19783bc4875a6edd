"""Give or take the platform's roles on the deployed contracts: `ape run grant_roles`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click
from ape import project
from eth_utils import is_address, to_checksum_address

from scripts._manifest import Manifest
from scripts._network import Connection, connect, network_options


class Role(NamedTuple):
    """A role and where it is kept."""

    label: str
    contract: str
    read: str
    write: str


DEPLOYER = Role("deployer", "CollectionFactory", "isDeployer", "setDeployer")
BKS_MINTER = Role("bks_minters", "BKS", "isMinter", "setMinter")
BKS_PAUSER = Role("bks_pausers", "BKS", "isPauser", "setPauser")


def _address(_context: click.Context, option: click.Parameter, value: str | tuple[str, ...] | None) -> object:
    """Check and checksum addresses from the command line."""
    given = (value,) if isinstance(value, str) else value or ()
    for address in given:
        if not is_address(address) or int(address, 16) == 0:
            message = f"{address!r} is not an address"
            raise click.BadParameter(message, param=option)
    checked = tuple(to_checksum_address(address) for address in given)
    return (checked[0] if checked else None) if isinstance(value, str) or value is None else checked


def _set(connection: Connection, manifest: Manifest, role: Role, address: str, *, allowed: bool, dry_run: bool) -> None:
    """Bring one role of one address to `allowed`, unless it is there already."""
    if role.contract not in manifest.contracts:
        message = f"{manifest.path} names no {role.contract}: run `ape run deploy` first"
        raise click.ClickException(message)
    deployed = manifest.contracts[role.contract]["address"]
    contract = project.get_contract(role.contract).at(deployed, fetch_from_explorer=False)
    word = "granted" if allowed else "revoked"
    if getattr(contract, role.read)(address) == allowed:
        click.echo(f"{role.label:12} {address} already {word}")
    elif dry_run:
        click.echo(f"{role.label:12} {address} would be {word}")
        return
    else:
        receipt = getattr(contract, role.write)(address, allowed, **connection.sending)
        click.echo(f"{role.label:12} {address} {word} in block {receipt.block_number}")
    if not dry_run:
        _record(manifest, role, address, allowed=allowed)


def _record(manifest: Manifest, role: Role, address: str, *, allowed: bool) -> None:
    """Write the role into the manifest: one deployer, lists for the token's roles."""
    if role is DEPLOYER:
        if allowed:
            manifest.roles[role.label] = address
        elif manifest.roles.get(role.label) == address:
            del manifest.roles[role.label]
    else:
        others = [known for known in manifest.roles.get(role.label, []) if known != address]
        manifest.roles[role.label] = [*others, address] if allowed else others
    manifest.save()


@click.command(short_help="Grant or revoke the platform's roles")
@network_options
@click.option("--deployer", callback=_address, help="Address that deploys collections with a promoter's consent.")
@click.option("--bks-minter", multiple=True, callback=_address, help="Address that may mint BKS. May be repeated.")
@click.option("--bks-pauser", multiple=True, callback=_address, help="Address that may pause BKS. May be repeated.")
@click.option("--revoke", is_flag=True, help="Take the roles away instead.")
def cli(
    network: str,
    rpc_url: str,
    account: str | None,
    deployments: Path,
    dry_run: bool,  # noqa: FBT001 -- a command's flag is a boolean
    deployer: str | None,
    bks_minter: tuple[str, ...],
    bks_pauser: tuple[str, ...],
    revoke: bool,  # noqa: FBT001
) -> None:
    """Grant (or revoke) roles on the contracts of the manifest, and record them there under "roles".

    The signer must own the contracts. A role that an address already holds costs no transaction, so the command may be
    run again at any time.
    """
    wanted = [(DEPLOYER, deployer)] if deployer else []
    wanted += [(BKS_MINTER, address) for address in bks_minter]
    wanted += [(BKS_PAUSER, address) for address in bks_pauser]
    if not wanted:
        raise click.UsageError("name at least one of --deployer, --bks-minter, --bks-pauser")
    with connect(network, rpc_url, account, dry_run=dry_run) as connection:
        manifest = Manifest.load(deployments, connection.network)
        for role, address in wanted:
            _set(connection, manifest, role, address, allowed=not revoke, dry_run=dry_run)
