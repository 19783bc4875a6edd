"""The collections a command is about: named one by one, or all that the platform made through its factory.

Anybody may have the factory make a collection, with our keys in it, even: what a stranger made must cost nobody gas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import click
from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound

from scripts import _logs
from scripts._contract import Contract, node
from scripts._inputs import ADDRESS
from scripts._manifest import Manifest

AT_ONCE = 8
"""Calls that are asked for side by side."""
_SHOWN = 20


@dataclass(frozen=True)
class Made:
    """What the factory's log says of a collection."""

    address: str
    promoter: str
    event_ref: bytes
    version: int
    block: int
    transaction: bytes
    """Hash of what made it."""


def collection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --collection (may be repeated) and --all."""
    every = click.option("--all", "every", is_flag=True, help="Every collection that the platform made.")
    one = click.option(
        "--collection", "named", multiple=True, type=ADDRESS, help="Address of a collection. May be repeated."
    )
    return one(every(command))


def factory(manifest: Manifest) -> Contract:
    """Return the platform's factory."""
    return Contract("CollectionFactory", manifest.address("CollectionFactory"))


def check_choice(named: Sequence[str], *, every: bool) -> None:
    """Refuse options that name no collection, or some and all. Raises UsageError."""
    if bool(named) == every:
        raise click.UsageError("name --collection, or --all")


def chosen(manifest: Manifest, named: Sequence[str], *, every: bool) -> list[Contract]:
    """Return the collections that the options name; of all, the newest first, and say which others there are.

    Raises ClickException for one that our factory did not make.
    """
    if every:
        found = made(manifest)
        ours = by_the_platform(manifest, found)
        tell_of_others([one for one in found if one not in ours], "made by others than our deployers")
        return [Contract("TicketCollection", one.address) for one in ours]
    return [known(manifest, one) for one in dict.fromkeys(named)]


def known(manifest: Manifest, address: str) -> Contract:
    """Return one collection. Raises ClickException when our factory did not make it."""
    if not factory(manifest).read("isCollection", address):
        message = f"{address} is no collection of the factory {manifest.address('CollectionFactory')}"
        raise click.ClickException(message)
    return Contract("TicketCollection", address)


def made(manifest: Manifest, address: str | None = None) -> list[Made]:
    """Return what the factory has made, oldest first; only `address` if it is given."""
    source = factory(manifest)
    topics: list[Any] = [source.topic("CollectionDeployed")]
    if address is not None:
        topics.append("0x" + address[2:].lower().rjust(64, "0"))
    found = []
    for log in _logs.read(source.address, topics, _first_block(manifest), _newest()):
        told = source.decode("CollectionDeployed", log)
        found.append(
            Made(
                told["collection"],
                told["promoter"],
                bytes(told["eventRef"]),
                told["version"],
                int(log["blockNumber"]),
                bytes(log["transactionHash"]),
            )
        )
    return found


def by_the_platform(manifest: Manifest, found: Sequence[Made]) -> list[Made]:
    """Return those that a deployer of the platform made, with the promoter's consent; the newest first.

    A deployer that was taken back counts, and so does what the node cannot tell the maker of, because it dropped old
    transactions: a command that forgot one of ours would leave it open, a stranger's costs some gas.
    """
    deployers = ever_deployers(manifest)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        makers = list(pool.map(_maker, found))
    unknown = sum(maker is None for maker in makers)
    if unknown:
        told = f"the node does not know who made {unknown} of {len(found)} collections: they are taken for ours"
        click.echo(told, err=True)
    ours = [one for one, maker in zip(found, makers, strict=True) if maker is None or maker in deployers]
    return ours[::-1]


def ever_deployers(manifest: Manifest) -> frozenset[str]:
    """Return every address that was a deployer at some time, from the factory's log."""
    source = factory(manifest)
    logs = _logs.read(source.address, [source.topic("DeployerChanged")], _first_block(manifest), _newest())
    named = {str(source.decode("DeployerChanged", log)["deployer"]) for log in logs}
    recorded = manifest.roles.get("deployer")
    return frozenset(named | ({recorded} if isinstance(recorded, str) else set()))


def tell_of_others(others: Sequence[Made], which: str) -> None:
    """Name collections that are left alone, the newest of them: anybody can make thousands."""
    if others:
        click.echo(f"{len(others)} collections {which}: left alone; --collection names one that is yours", err=True)
        click.echo("".join(f"  {one.address}\n" for one in others[-_SHOWN:]), nl=False, err=True)


def _first_block(manifest: Manifest) -> int:
    return int(manifest.contracts["CollectionFactory"].get("block") or manifest.deployed_at_block or 0)


def _newest() -> int:
    return int(node().eth.block_number)


def _maker(one: Made) -> str | None:
    """Return who sent what made it; None when the node does not know it any more."""
    try:
        return str(node().eth.get_transaction(HexBytes(one.transaction))["from"])
    except TransactionNotFound:
        return None
