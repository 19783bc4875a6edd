"""Whether an index says what its chain says: owners against a fold of the logs and `ownerOf`, sales against theirs."""

from __future__ import annotations

import random
from dataclasses import dataclass

import psycopg

from backend.chain import abi
from bench.indexer_kit.contracts import NETWORK, World, text_of
from scripts.dump_owners import owners
from scripts.machine.trouble import Trouble

_BLOCKS = 200
_SAMPLE = 300
Token = tuple[bytes, int]


@dataclass(frozen=True)
class Expected:
    """What a right index holds."""

    head: int
    owners: dict[Token, bytes]
    moves: int
    sales: int
    paid: int
    """The sum of all prices, in the smallest unit of either currency."""


def expected(world: World) -> Expected:
    """Fold the chain's own logs, in the plainest way."""
    line = world.line
    head = int(line("eth_blockNumber"), 16)
    transfer, sale = text_of(abi.topic("TicketCollection", "Transfer")), text_of(abi.topic("ResaleMarket", "Sale"))
    collections = {text_of(address) for address in world.collections}
    market = text_of(world.contracts["ResaleMarket"])
    found: dict[Token, bytes] = {}
    moves = sales = paid = 0
    for first in range(0, head + 1, _BLOCKS):
        place = {"fromBlock": hex(first), "toBlock": hex(min(first + _BLOCKS - 1, head))}
        for log in line("eth_getLogs", place | {"address": [*collections, market], "topics": [[transfer, sale]]}):
            if log["address"] == market:
                sales += 1
                paid += int(log["data"][2 + 64 * 2 : 2 + 64 * 3], 16)
            else:
                moves += 1
                token = bytes.fromhex(log["address"][2:]), int(log["topics"][3], 16)
                found[token] = bytes.fromhex(log["topics"][2][26:])
    _ask_contracts(world, found)
    line.close()
    return Expected(head, found, moves, sales, paid)


def _ask_contracts(world: World, found: dict[Token, bytes]) -> None:
    """Have the contracts confirm some of it: the fold might be wrong, too."""
    tokens = random.Random(len(found)).sample(sorted(found), min(_SAMPLE, len(found)))  # noqa: S311 - a sample
    calls = [
        (
            "eth_call",
            [
                {"to": text_of(collection), "data": text_of(abi.encode_call("TicketCollection", "ownerOf", [token]))},
                "latest",
            ],
        )
        for collection, token in tokens
    ]
    line = world.line
    answers = line.many(calls)
    line.close()
    for token, answer in zip(tokens, answers, strict=True):
        if bytes.fromhex(answer[-40:]) != found[token]:
            message = f"the contract says another owner of token {token[1]} than its logs"
            raise Trouble(message)


def check(database: str, world: World, right: Expected) -> int:
    """Compare an index with what is right. Return how many logs it holds. Raises Trouble."""
    with psycopg.connect(database) as connection:
        held = {
            (collection, token): owner
            for collection in world.collections
            for token, owner in owners(connection, NETWORK, collection)
        }
        _same("owners", held, right.owners)
        [(moves,)] = connection.execute("SELECT count(*) FROM token_movements WHERE kind <> 'STATUS'").fetchall()
        [(sales, paid)] = connection.execute("SELECT count(*), coalesce(sum(price), 0) FROM sales").fetchall()
        [(orders,)] = connection.execute("SELECT count(*) FROM market_logs WHERE kind = 'SOLD'").fetchall()
        _same("movements", moves, right.moves)
        _same("sales and what they paid", (sales, orders, int(paid)), (right.sales, right.sales, right.paid))
        [(logs,)] = connection.execute("SELECT count(*) FROM chain_logs").fetchall()
    return int(logs)


def check_floor(database: str, right: Expected) -> int:
    """Compare the bare script's owners with what is right. Return how many logs it wrote. Raises Trouble."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT collection, token_id, owner FROM owners").fetchall()
        held = {(bytes(row[0]), int(row[1])): bytes(row[2]) for row in rows}
        _same("owners", held, right.owners)
        [(logs,)] = connection.execute("SELECT count(*) FROM logs").fetchall()
    return int(logs)


def _same(what: str, found: object, right: object) -> None:
    if found != right:
        message = f"the {what} came out wrong"
        raise Trouble(message)
