"""The bare script an index is held against: fetch, decode by slicing, COPY, keep owners and headers. No more.

    python -m bench.indexer_kit.floor RPC DATABASE FIRST LAST ADDRESS...

It believes its node, cannot resume, notices no reorg and knows neither tiers nor statuses nor what a sale paid.
"""

from __future__ import annotations

import http.client
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

_BLOCKS = 400
_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_WITH_TOKEN = 4
_TABLES = """
    CREATE TABLE headers (number bigint PRIMARY KEY, hash bytea, parent bytea, at bigint);
    CREATE TABLE logs (block_number bigint, log_index int, tx_hash bytea, address bytea, topic0 bytea, topic1 bytea,
                       topic2 bytea, topic3 bytea, data bytea, PRIMARY KEY (block_number, log_index));
    CREATE TABLE owners (collection bytea, token_id numeric, owner bytea, PRIMARY KEY (collection, token_id));
"""
_KEEP = """
    INSERT INTO owners SELECT * FROM unnest(%s::bytea[], %s::numeric[], %s::bytea[])
    ON CONFLICT (collection, token_id) DO UPDATE SET owner = EXCLUDED.owner
"""


class _Log(msgspec.Struct, rename="camel", gc=False):
    block_number: str
    log_index: str
    transaction_hash: str
    address: str
    topics: list[str]
    data: str


class _Header(msgspec.Struct, rename="camel", gc=False):
    number: str
    hash: str
    parent_hash: str
    timestamp: str


class _Logs(msgspec.Struct):
    result: list[_Log]


class _Block(msgspec.Struct):
    result: _Header


_logs = msgspec.json.Decoder(_Logs)
_blocks = msgspec.json.Decoder(list[_Block])


def main(node: str, database: str, first: int, last: int, addresses: Sequence[str]) -> None:
    """Read blocks `first` to `last` into three tables of its own."""
    line = http.client.HTTPConnection(node.removeprefix("http://"), timeout=60)
    with psycopg.connect(database) as connection:
        connection.execute(_TABLES)
        for start in range(first, last + 1, _BLOCKS):
            end = min(start + _BLOCKS - 1, last)
            headers = [("eth_getBlockByNumber", [hex(number), False]) for number in range(start, end + 1)]
            blocks = _blocks.decode(_ask(line, [_call(number, *one) for number, one in enumerate(headers)]))
            place = {"fromBlock": hex(start), "toBlock": hex(end), "address": list(addresses)}
            logs = _logs.decode(_ask(line, _call(0, "eth_getLogs", [place]))).result
            _write(connection, blocks, logs)
            connection.commit()


def _write(connection: psycopg.Connection[Any], blocks: Sequence[_Block], logs: Sequence[_Log]) -> None:
    owners: dict[tuple[bytes, int], bytes] = {}
    with connection.cursor() as cursor:
        with cursor.copy("COPY headers FROM STDIN") as copy:
            for block in blocks:
                found = block.result
                row = f"{int(found.number, 16)}\t\\\\x{found.hash[2:]}\t\\\\x{found.parent_hash[2:]}"
                copy.write(f"{row}\t{int(found.timestamp, 16)}\n")
        rows = []
        for log in logs:
            topics = log.topics
            padded = [f"\\\\x{topic[2:]}" for topic in topics] + ["\\N"] * (_WITH_TOKEN - len(topics))
            rows.append(
                f"{int(log.block_number, 16)}\t{int(log.log_index, 16)}\t\\\\x{log.transaction_hash[2:]}\t"
                f"\\\\x{log.address[2:]}\t{padded[0]}\t{padded[1]}\t{padded[2]}\t{padded[3]}\t\\\\x{log.data[2:]}\n"
            )
            if len(topics) == _WITH_TOKEN and topics[0] == _TRANSFER:
                token = bytes.fromhex(log.address[2:]), int(topics[3], 16)
                owners[token] = bytes.fromhex(topics[2][26:])
        with cursor.copy("COPY logs FROM STDIN") as copy:
            copy.write("".join(rows))
        collections, tokens = [token[0] for token in owners], [token[1] for token in owners]
        cursor.execute(_KEEP, (collections, tokens, list(owners.values())))


def _call(number: int, method: str, params: Sequence[object]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def _ask(line: http.client.HTTPConnection, body: object) -> bytes:
    line.request("POST", "/", msgspec.json.encode(body), {"content-type": "application/json"})
    return line.getresponse().read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
