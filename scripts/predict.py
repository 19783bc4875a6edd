"""Tell a collection's address before it exists: `ape run predict`."""

from __future__ import annotations

import re
from uuid import UUID

import click

from scripts._collections import factory
from scripts._inputs import ADDRESS, ZERO
from scripts._manifest import Manifest
from scripts._network import Request, connect, reading_options

_WORD = 32


def _event(_context: click.Context, option: click.Parameter, value: str) -> bytes:
    """Take an event as the API shows it, a UUID, or as the chain does, 32 bytes."""
    if re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
        return bytes.fromhex(value[2:])
    try:
        return UUID(value).int.to_bytes(_WORD, "big")
    except ValueError:
        message = f"{value!r} is neither a UUID nor 32 bytes in hex"
        raise click.BadParameter(message, param=option) from None


@click.command(short_help="Tell the address a collection has or will have")
@reading_options
@click.option("--promoter", required=True, type=ADDRESS, help="The promoter's wallet, owner() of the collection.")
@click.option("--event", required=True, callback=_event, help="The event's id: a UUID, or 0x and 32 bytes.")
@click.option("--version", type=click.IntRange(min=1), help="Version of the implementation.  [default: the latest]")
def cli(request: Request, promoter: str, event: bytes, version: int | None) -> None:
    """Tell the address of a promoter's collection for an event, as the factory on chain computes it. Sends nothing.

    Promoter, event and version are all that the address depends on. The first line is the address and nothing else.

    \b
    Examples:
      ape run predict --promoter 0xPROMOTER --event 018f0c2e-7a3b-7c4d-8e9f-0a1b2c3d4e5f
      ape run predict --network bsc --rpc-url https://... --promoter 0x... --event 0x... --version 1
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    with connect(request, needs_key=False) as connection:
        source = factory(Manifest.load(request.deployments, connection.network))
        used = version or source.read("latestVersion")
        if source.read("implementation", used) == ZERO:
            raise click.ClickException(f"the factory {source.address} knows no version {used}")
        address = source.read("predict", promoter, event, used)
        click.echo(address)
        state = "deployed" if source.read("isCollection", address) else "not deployed yet"
        click.echo(f"version {used}, {state}")
