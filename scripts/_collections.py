"""The collections a command is about: named one by one, or all that the platform's factory made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from scripts import _logs
from scripts._contract import Contract, node
from scripts._inputs import ADDRESS
from scripts._manifest import Manifest


@dataclass(frozen=True)
class Made:
    """What the factory's log says of a collection."""

    address: str
    promoter: str
    event_ref: bytes
    version: int
    block: int


def collection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --collection (may be repeated) and --all."""
    every = click.option("--all", "every", is_flag=True, help="Every collection that the manifest's factory made.")
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
    """Return the collections that the options name. Raises ClickException for one that our factory did not make."""
    if every:
        return [Contract("TicketCollection", one.address) for one in made(manifest)]
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
    first = int(manifest.contracts["CollectionFactory"].get("block") or manifest.deployed_at_block or 0)
    found = []
    for log in _logs.read(source.address, topics, first, node().eth.block_number):
        told = source.decode("CollectionDeployed", log)
        found.append(
            Made(
                told["collection"], told["promoter"], bytes(told["eventRef"]), told["version"], int(log["blockNumber"])
            )
        )
    return found
