"""The file that says what the house itself minted and quoted: `python -m backend.tickets.known_batches` writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import IO, Any

import click
from eth_utils import to_checksum_address

FORMAT = 1
Terms = tuple[str, int, int, str, int, int]
"""A quote's buyer, tier, quantity, currency, price and fee: what TicketsBought says of it."""


@dataclass(frozen=True)
class Known:
    """What is known of one collection."""

    batches: dict[int, str]
    """Number -> hash of the contents, 0x and lower case."""
    quotes: dict[str, Terms]
    """Id -> terms."""


@dataclass(frozen=True)
class KnownFile:
    """What was known, and when."""

    network: str
    block: int
    """The chain's head before the database was read. What was minted after it is not judged by this file."""
    collections: dict[str, Known]
    """By checksummed address."""


def read(file: IO[str], network: str) -> KnownFile:
    """Read the file. Raises ClickException when it is none, or another network's."""
    try:
        told = json.load(file)
        if told["format"] != FORMAT:
            raise click.ClickException(f"{file.name} has format {told['format']}; this command reads {FORMAT}")
        found = KnownFile(
            network=str(told["network"]),
            block=int(told["block"]),
            collections={str(to_checksum_address(one["address"])): _known(one) for one in told["collections"]},
        )
    except (ValueError, KeyError, TypeError) as error:
        message = f"{file.name} is no list of known batches: {type(error).__name__}: {error}"
        raise click.ClickException(message) from None
    if found.network != network:
        raise click.ClickException(f"{file.name} is of {found.network}, not of {network}")
    return found


def _known(told: dict[str, Any]) -> Known:
    return Known(
        batches={int(batch["number"]): str(batch["contents_hash"]).lower() for batch in told["batches"]},
        quotes={str(quote["id"]).lower(): terms(quote) for quote in told["quotes"]},
    )


def terms(told: dict[str, Any]) -> Terms:
    """Return a quote's terms from the file or from a TicketsBought log."""
    numbers = [int(told[name]) for name in ("tier", "quantity", "price", "fee")]
    return (
        str(to_checksum_address(told["buyer"])),
        numbers[0],
        numbers[1],
        str(to_checksum_address(told["currency"])),
        numbers[2],
        numbers[3],
    )
