"""Reading logs in ranges of blocks that a node accepts: halved when it refuses, grown again when it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click
from requests.exceptions import RequestException
from web3.exceptions import Web3Exception

from scripts._contract import node

RANGE = 5_000
"""Blocks asked for at first, and at most."""


def read(address: str, topics: Sequence[Any], first: int, last: int, at_once: int = RANGE) -> Iterator[Any]:
    """Yield an address's logs from block `first` to block `last`, both included, in the chain's order.

    Raises ClickException when the node refuses even a single block.
    """
    size = at_once
    while first <= last:
        end = min(first + size - 1, last)
        asked: Any = {"address": address, "topics": list(topics), "fromBlock": first, "toBlock": end}
        try:
            found = node().eth.get_logs(asked)
        except (Web3Exception, RequestException, ValueError) as error:
            if size == 1:
                message = f"the node gives no logs of block {first}: {type(error).__name__}"
                raise click.ClickException(message) from error
            size = max(1, size // 2)
            continue
        yield from found
        first = end + 1
        size = min(size * 2, at_once)
