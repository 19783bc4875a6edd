"""Recompute a promoter's royalty statement from the chain alone: `python scripts/royalty_statement.py --help`.

It asks a node by JSON-RPC and nothing else: no database, no code of the backend. The lines are those of
`GET /v1/organisations/{id}/royalties/statement.csv`, byte for byte; where they differ, the house is wrong.

The statement covers the collections of the events that the house put on sale. A promoter's wallet can deploy others by
itself, of which the house knows nothing; so name the collections, or with --factory and --promoter the events.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlparse
from uuid import UUID

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

SALE = keccak(
    text="Sale(address,uint256,address,address,address,uint256,address,uint256,address,uint256,uint8,bytes32)"
)
DEPLOYED = keccak(text="CollectionDeployed(address,address,bytes32,uint32,bytes32)")
KINDS = {1: "SALE", 2: "BUYBACK"}
COLUMNS = [
    "sold_at",
    "network",
    "block",
    "tx_hash",
    "log_index",
    "collection",
    "token_id",
    "kind",
    "currency",
    "price",
    "royalty_receiver",
    "royalty",
    "fee_receiver",
    "fee",
    "seller",
    "proceeds",
    "buyer",
    "order_hash",
]
_MARKET_NAME = b"Backstage Market"
"""Of its EIP-712 domain."""
_WORD = 32
_PATIENCE = 30


class Refused(SystemExit):
    """The node cannot answer, or was asked for nothing."""


class Reverted(Refused):
    """What was called has no such getter."""


@dataclass(frozen=True)
class Node:
    """A node's JSON-RPC."""

    url: str

    def ask(self, method: str, *params: object) -> Any:
        """Return the result. Raises Refused."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})  # noqa: S310 - checked
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as response:  # noqa: S310 - as above
                answer = json.load(response)
        except (OSError, ValueError) as error:
            raise Refused(f"{method}: the node does not answer ({error})") from None
        if "error" in answer and method == "eth_call" and "revert" in str(answer["error"].get("message")).lower():
            raise Reverted(f"{method}: {answer['error'].get('message')}")
        if "error" in answer:
            raise Refused(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def call(self, address: str, signature: str, argument: bytes = b"") -> bytes:
        """Return what a getter answers; nothing where there is none. Raises Refused when the node cannot be asked."""
        data = "0x" + (keccak(text=signature)[:4] + argument).hex()
        try:
            return bytes.fromhex(self.ask("eth_call", {"to": address, "data": data}, "latest")[2:])
        except Reverted:
            return b""

    def logs(self, address: str, topics: list[Any], start: int, end: int, chunk: int) -> Iterator[dict[str, Any]]:
        """Yield logs from block `start` to block `end`, asking for `chunk` blocks at a time."""
        for first in range(start, end + 1, chunk):
            last = min(first + chunk - 1, end)
            yield from self.ask(
                "eth_getLogs",
                {"address": address, "topics": topics, "fromBlock": hex(first), "toBlock": hex(last)},
            )

    def timestamp(self, number: str) -> int:
        """Return a block's time in Unix seconds."""
        return int(self.ask("eth_getBlockByNumber", number, False)["timestamp"], 16)  # noqa: FBT003 - the RPC's own


def check_contracts(node: Node, market: str, factory: str | None, collections: list[str]) -> None:
    """Refuse addresses at which nothing stands that could tell: their statement would be empty, not wrong.

    Raises Refused.
    """
    if node.ask("eth_getCode", market, "latest") == "0x":
        raise Refused(f"--market {market}: there is no contract at this address on the node's network")
    if _MARKET_NAME not in node.call(market, "eip712Domain()"):
        raise Refused(f"--market {market}: this contract is no ResaleMarket")
    own = "0x" + node.call(market, "factory()")[-20:].hex()
    if factory is not None and own != factory:
        raise Refused(f"--factory {factory}: the market serves the factory {own}")
    for one in collections:
        if not any(node.call(own, "isCollection(address)", bytes.fromhex(one[2:]).rjust(_WORD, b"\0"))):
            raise Refused(f"--collection {one}: it is no collection of the market's factory {own}")


def collections_of(
    node: Node, factory: str, promoter: str, events: list[UUID], start: int, end: int, chunk: int
) -> list[str]:
    """Return the collections that the factory deployed for a promoter and these events."""
    wallet = "0x" + bytes.fromhex(promoter[2:]).rjust(_WORD, b"\0").hex()
    topics = ["0x" + DEPLOYED.hex(), None, wallet, ["0x" + event.int.to_bytes(_WORD, "big").hex() for event in events]]
    return [_address(bytes.fromhex(log["topics"][1][2:])) for log in node.logs(factory, topics, start, end, chunk)]


def lines(
    node: Node, market: str, collections: list[str], period: tuple[int, int], blocks: tuple[int, int], chunk: int
) -> Iterator[list[Any]]:
    """Yield the statement's lines in the order of the chain. `period` is in Unix seconds, its end not included."""
    network = f"eip155:{int(node.ask('eth_chainId'), 16)}"
    wanted = ["0x" + bytes.fromhex(one[2:]).rjust(_WORD, b"\0").hex() for one in collections]
    times: dict[str, int] = {}
    for log in node.logs(market, ["0x" + SALE.hex(), wanted], *blocks, chunk):
        number = log["blockNumber"]
        if number not in times:
            times[number] = node.timestamp(number)
        if not period[0] <= times[number] < period[1]:
            continue
        collection, token, seller = (bytes.fromhex(topic[2:]) for topic in log["topics"][1:])
        data = bytes.fromhex(log["data"][2:])
        words = [data[at : at + _WORD] for at in range(0, len(data), _WORD)]
        buyer, currency, price, royalty_receiver, royalty, fee_receiver, fee, kind, order_hash = words
        paid, share, cut = (int.from_bytes(word, "big") for word in (price, royalty, fee))
        yield [
            datetime.fromtimestamp(times[number], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            network,
            int(number, 16),
            log["transactionHash"],
            int(log["logIndex"], 16),
            _address(collection),
            int.from_bytes(token, "big"),
            KINDS[int.from_bytes(kind, "big")],
            _address(currency),
            paid,
            _address(royalty_receiver),
            share,
            _address(fee_receiver),
            cut,
            _address(seller),
            paid - share - cut,
            _address(buyer),
            "0x" + order_hash.hex(),
        ]


def _address(word: bytes) -> str:
    return str(to_checksum_address(word[-20:]))


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no moment in ISO 8601"
        raise argparse.ArgumentTypeError(message) from None
    if moment.tzinfo is None:
        message = f"{text} names no offset; write 2027-06-01T00:00:00+00:00"
        raise argparse.ArgumentTypeError(message)
    # Blocks have whole seconds: from 0.5 on means from 1 on.
    return -int(-moment.timestamp() // 1)


def _given_address(text: str) -> str:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        message = f"{text!r} is not an address"
        raise argparse.ArgumentTypeError(message)
    if text[2:] not in {text[2:].lower(), text[2:].upper()} and text != to_checksum_address(text):
        message = f"{text} has a wrong checksum: a letter was mistyped"
        raise argparse.ArgumentTypeError(message)
    return text.lower()


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = least - 1
        if found < least:
            message = f"{text!r} is no whole number of {least} or more"
            raise argparse.ArgumentTypeError(message)
        return found

    return number


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rpc-url", required=True, help="a node that keeps the logs of the period")
    parser.add_argument("--market", required=True, type=_given_address, help="address of ResaleMarket")
    parser.add_argument("--collection", action="append", default=[], type=_given_address, help="may be given again")
    parser.add_argument("--factory", type=_given_address, help="with --promoter and --event: their collections")
    parser.add_argument("--promoter", type=_given_address, help="the promoter's wallet")
    parser.add_argument("--event", action="append", default=[], type=UUID, help="an event's id; may be given again")
    parser.add_argument("--from", dest="begin", required=True, type=_moment, help="not before, ISO 8601 with offset")
    parser.add_argument("--to", dest="end", required=True, type=_moment, help="before, ISO 8601 with offset")
    parser.add_argument(
        "--from-block", type=_at_least(0), default=0, help="where to begin reading; the market's own block, say"
    )
    parser.add_argument("--depth", type=_at_least(0), help="blocks until final; the finalized tag when not given")
    parser.add_argument("--chunk", type=_at_least(1), default=5_000, help="blocks a request (default 5000)")
    options = parser.parse_args(arguments)
    if len({bool(options.factory), bool(options.promoter), bool(options.event)}) > 1 or not (
        options.collection or options.promoter
    ):
        parser.error("name --collection, or --factory, --promoter and --event")
    if urlparse(options.rpc_url).scheme not in {"http", "https"}:
        parser.error("--rpc-url is http:// or https://")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Write the lines to standard output, the totals to standard error."""
    options = _options(arguments)
    node = Node(options.rpc_url)
    check_contracts(node, options.market, options.factory, options.collection)
    if options.depth is None:
        last = int(node.ask("eth_getBlockByNumber", "finalized", False)["number"], 16)  # noqa: FBT003 - the RPC's own
    else:
        last = int(node.ask("eth_blockNumber"), 16) - options.depth
    collections = list(options.collection)
    if options.promoter:
        found = (options.factory, options.promoter, options.event, options.from_block, last, options.chunk)
        collections += collections_of(node, *found)
    written = csv.writer(sys.stdout)
    written.writerow(COLUMNS)
    sums: Counter[tuple[str, str, str]] = Counter()
    blocks = (options.from_block, last)
    if collections:  # an empty list of topics would mean any
        for line in lines(node, options.market, collections, (options.begin, options.end), blocks, options.chunk):
            written.writerow(line)
            said = dict(zip(COLUMNS, line, strict=True))
            for what in ("price", "royalty", "fee", "proceeds"):
                sums[said["kind"], said["currency"], what] += said[what]
    for (kind, currency, what), amount in sums.items():
        print(f"{kind} in {currency}: {what} {amount}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
