"""Print who holds each ticket as the index has it, as `token_id,owner` lines, so that others can check it.

    python -m scripts.dump_owners --database-url URL --collection 0x... [--network eip155:56] [--burned]

Lines are ordered by token id; the owner is 0x and 40 lower-case hexadecimal digits. Compare them with `ownerOf`, or
with a fold of the collection's Transfer logs, at the block that is told on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import Any

import psycopg

_BURNED = bytes(20)
_OWNERS = """
    SELECT token_id, owner FROM holdings
    WHERE network = %s AND collection = %s AND (owner <> %s OR %s) ORDER BY token_id
"""
_BLOCK = "SELECT block_number FROM chain_cursors WHERE network = %s AND name = 'facts'"


def owners(
    connection: psycopg.Connection[Any], network: str, collection: bytes, *, burned: bool = False
) -> Iterator[tuple[int, bytes]]:
    """Give token ids and their holders' addresses; burned tokens, whose holder is zero, only when asked for."""
    with connection.cursor() as cursor:
        for token, owner in cursor.execute(_OWNERS, (network, collection, _BURNED, burned)):
            yield int(token), bytes(owner)


def main(arguments: list[str]) -> int:
    """Print the lines; return 1 when the network was never indexed."""
    parser = argparse.ArgumentParser(prog="python -m scripts.dump_owners", description=__doc__.splitlines()[0])
    parser.add_argument("--database-url", default=os.environ.get("INDEX_DATABASE_URL"), help="or INDEX_DATABASE_URL")
    parser.add_argument("--network", default=os.environ.get("EVM_NETWORK", "eip155:56"), help="in CAIP-2")
    parser.add_argument("--collection", required=True, type=_address, help="the collection's address")
    parser.add_argument("--burned", action="store_true", help="print burned tickets as well, held by the zero address")
    asked = parser.parse_args(arguments)
    if not asked.database_url:
        parser.error("--database-url or INDEX_DATABASE_URL is needed")
    with psycopg.connect(asked.database_url) as connection:
        found = connection.execute(_BLOCK, (asked.network,)).fetchone()
        if found is None:
            print(f"{asked.network} was never indexed into this database", file=sys.stderr)
            return 1
        print(f"as of block {found[0]}", file=sys.stderr)
        for token, owner in owners(connection, asked.network, asked.collection, burned=asked.burned):
            print(f"{token},0x{owner.hex()}")
    return 0


def _address(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != len(_BURNED):
        message = f"{text} is no address: 0x and 40 hexadecimal digits"
        raise argparse.ArgumentTypeError(message)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
