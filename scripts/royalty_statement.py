"""Recompute a promoter's statement from the chain alone: `python scripts/royalty_statement.py --help`.

It asks nodes by JSON-RPC and nothing else: no database, no code of the backend. The lines are those of
`GET /v1/organisations/{id}/royalties/statement.csv`, byte for byte; where they differ, the house is wrong. They are the
final sales on chain: at the box office (PRIMARY) and on the market. What was paid by card is on no chain.

It believes its node. Given several (--rpc-url once each), it asks all of them, and ends with an error as soon as two
say different things or one does not answer; final is what all of them call final.

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
from typing import Any, TypeVar
from urllib.parse import urlparse
from uuid import UUID

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

SALE = keccak(
    text="Sale(address,uint256,address,address,address,uint256,address,uint256,address,uint256,uint8,bytes32)"
)
BOUGHT = keccak(text="TicketsBought(bytes32,address,uint256,uint16,uint16,address,uint256,uint256)")
DEPLOYED = keccak(text="CollectionDeployed(address,address,bytes32,uint32,bytes32)")
Answer = TypeVar("Answer")
PRIMARY = "PRIMARY"
KINDS = {1: "SALE", 2: "BUYBACK"}
COLUMNS = [
    "sold_at",
    "network",
    "block",
    "tx_hash",
    "log_index",
    "collection",
    "token_id",
    "quantity",
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
_NOBODY = "0x" + "00" * 20
_PATIENCE = 30


class Refused(SystemExit):
    """A node cannot answer, two of them say different things, or they were asked for nothing."""


class Reverted(Refused):
    """What was called has no such getter."""


@dataclass(frozen=True)
class Log:
    """What a log says and where it stands."""

    block: int
    index: int
    block_hash: str
    tx_hash: str
    address: str
    topics: tuple[bytes, ...]
    data: bytes

    @classmethod
    def of(cls, said: dict[str, Any]) -> Log:
        """Read a node's answer; what some nodes add to it is left out."""
        return cls(
            int(said["blockNumber"], 16),
            int(said["logIndex"], 16),
            said["blockHash"],
            said["transactionHash"],
            said["address"].lower(),
            tuple(bytes.fromhex(topic[2:]) for topic in said["topics"]),
            bytes.fromhex(said["data"][2:]),
        )

    def words(self) -> list[bytes]:
        """Return the data, 32 bytes each."""
        return [self.data[at : at + _WORD] for at in range(0, len(self.data), _WORD)]


class Nodes:
    """The JSON-RPC of one node or more, which have to agree."""

    def __init__(self, *urls: str) -> None:
        """Keep the addresses; the first is the one that others are compared with."""
        self.urls = urls

    def chain_id(self) -> int:
        """Return the chain's number. Raises Refused."""
        return self._agreed("eth_chainId", [], lambda said: int(said, 16))

    def last_final(self, depth: int | None) -> int:
        """Return the newest block that every node calls final, or that is `depth` below each one's head."""
        if depth is None:
            return min(int(_ask(url, "eth_getBlockByNumber", "finalized", False)["number"], 16) for url in self.urls)  # noqa: FBT003 - the RPC's own
        return min(int(_ask(url, "eth_blockNumber"), 16) for url in self.urls) - depth

    def timestamp(self, number: int) -> int:
        """Return a block's time in Unix seconds. Raises Refused."""
        return self._agreed("eth_getBlockByNumber", [hex(number), False], lambda said: int(said["timestamp"], 16))

    def code(self, address: str) -> str:
        """Return the code at an address, "0x" where there is none. Raises Refused."""
        return self._agreed("eth_getCode", [address, "latest"], str)

    def call(self, address: str, signature: str, argument: bytes = b"") -> bytes:
        """Return what a getter answers; nothing where there is none. Raises Refused when a node cannot be asked."""
        data = "0x" + (keccak(text=signature)[:4] + argument).hex()
        try:
            return self._agreed(
                "eth_call", [{"to": address, "data": data}, "latest"], lambda said: bytes.fromhex(said[2:])
            )
        except Reverted:
            return b""

    def logs(self, address: str | list[str], topics: list[Any], first: int, last: int) -> list[Log]:
        """Return the logs from block `first` to block `last`, in the order of the chain. Raises Refused."""
        wanted = {"address": address, "topics": topics, "fromBlock": hex(first), "toBlock": hex(last)}
        return self._agreed("eth_getLogs", [wanted], _in_order)

    def _agreed(self, method: str, params: list[Any], read: Callable[[Any], Answer]) -> Answer:
        answers = [read(_ask(url, method, *params)) for url in self.urls]
        for url, answer in zip(self.urls, answers, strict=True):
            if answer != answers[0]:
                raise Refused(f"{method}: {_host(url)} says something else than {_host(self.urls[0])}: {params}")
        return answers[0]


def _in_order(said: list[dict[str, Any]]) -> list[Log]:
    return sorted((Log.of(one) for one in said), key=lambda log: (log.block, log.index))


def _ask(url: str, method: str, *params: object) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - checked
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as response:  # noqa: S310 - as above
            answer = json.load(response)
    except (OSError, ValueError) as error:
        raise Refused(f"{method}: {_host(url)} does not answer ({error})") from None
    if "error" in answer and method == "eth_call" and "revert" in str(answer["error"].get("message")).lower():
        raise Reverted(f"{method}: {_host(url)}: {answer['error'].get('message')}")
    if "error" in answer:
        raise Refused(f"{method}: {_host(url)}: {answer['error'].get('message')}")
    if answer.get("result") is None:
        raise Refused(f"{method}: {_host(url)} does not have what was asked for: {params}")
    return answer["result"]


def _host(url: str) -> str:
    # Keys stand in the rest of the address.
    return urlparse(url).netloc.rpartition("@")[2]


def _chunks(blocks: tuple[int, int], size: int) -> Iterator[tuple[int, int]]:
    for first in range(blocks[0], blocks[1] + 1, size):
        yield first, min(first + size - 1, blocks[1])


def check_contracts(nodes: Nodes, market: str, factory: str | None, collections: list[str]) -> None:
    """Refuse addresses at which nothing stands that could tell: their statement would be empty, not wrong.

    Raises Refused.
    """
    if nodes.code(market) == "0x":
        raise Refused(f"--market {market}: there is no contract at this address on the node's network")
    if _MARKET_NAME not in nodes.call(market, "eip712Domain()"):
        raise Refused(f"--market {market}: this contract is no ResaleMarket")
    own = "0x" + nodes.call(market, "factory()")[-20:].hex()
    if factory is not None and own != factory:
        raise Refused(f"--factory {factory}: the market serves the factory {own}")
    for one in collections:
        if not any(nodes.call(own, "isCollection(address)", bytes.fromhex(one[2:]).rjust(_WORD, b"\0"))):
            raise Refused(f"--collection {one}: it is no collection of the market's factory {own}")


def check_markets(nodes: Nodes, market: str, collections: list[str]) -> None:
    """Refuse collections that sell on another market, and none at all: sales would be missing. Raises Refused."""
    if not collections:
        raise Refused("--promoter and --event: the factory deployed no collection for them")
    for one in collections:
        theirs = "0x" + nodes.call(one, "market()")[-20:].hex()
        if theirs != market:
            raise Refused(f"--market {market}: the collection {one} is sold on {theirs}")


def collections_of(
    nodes: Nodes, factory: str, promoter: str, events: list[UUID], blocks: tuple[int, int], chunk: int
) -> list[str]:
    """Return the collections that the factory deployed for a promoter and these events."""
    wallet = "0x" + bytes.fromhex(promoter[2:]).rjust(_WORD, b"\0").hex()
    topics = ["0x" + DEPLOYED.hex(), None, wallet, ["0x" + event.int.to_bytes(_WORD, "big").hex() for event in events]]
    found = (log for first, last in _chunks(blocks, chunk) for log in nodes.logs(factory, topics, first, last))
    return [_address(log.topics[1]) for log in found]


def sales(
    nodes: Nodes, market: str, collections: list[str], blocks: tuple[int, int], chunk: int
) -> Iterator[tuple[Log, list[Any]]]:
    """Yield the logs of sales in the order of the chain, each with what it says from the collection on."""
    wanted = ["0x" + bytes.fromhex(one[2:]).rjust(_WORD, b"\0").hex() for one in collections]
    for first, last in _chunks(blocks, chunk):
        resold = [(log, _resold(log)) for log in nodes.logs(market, ["0x" + SALE.hex(), wanted], first, last)]
        bought = [(log, _bought(log)) for log in nodes.logs(collections, ["0x" + BOUGHT.hex()], first, last)]
        yield from sorted([*resold, *bought], key=lambda found: (found[0].block, found[0].index))


def _resold(log: Log) -> list[Any]:
    collection, token, seller = log.topics[1:]
    buyer, currency, price, royalty_receiver, royalty, fee_receiver, fee, kind, order_hash = log.words()
    paid, share, cut = _number(price), _number(royalty), _number(fee)
    shares = [_address(royalty_receiver), share, _address(fee_receiver), cut]
    sides = [_address(seller), paid - share - cut, _address(buyer), "0x" + order_hash.hex()]
    about = [_address(collection), _number(token), 1, KINDS[_number(kind)], _address(currency), paid]
    return [*about, *shares, *sides]


def _bought(log: Log) -> list[Any]:
    """Say a purchase as a sale: the collection sold, and keeps all of it until it is withdrawn."""
    quote, buyer, token = log.topics[1:]
    _tier, quantity, currency, price, fee = log.words()
    seller, paid, cut = _address(bytes.fromhex(log.address[2:])), _number(price), _number(fee)
    about = [seller, _number(token), _number(quantity), PRIMARY, _address(currency), paid]
    shares = [_NOBODY, 0, seller if cut else _NOBODY, cut]
    return [*about, *shares, seller, paid - cut, _address(buyer), "0x" + quote.hex()]


def lines(
    nodes: Nodes, market: str, collections: list[str], period: tuple[int, int], blocks: tuple[int, int], chunk: int
) -> Iterator[list[Any]]:
    """Yield the statement's lines in the order of the chain. `period` is in Unix seconds, its end not included."""
    network = f"eip155:{nodes.chain_id()}"
    times: dict[int, int] = {}
    for log, said in sales(nodes, market, collections, blocks, chunk):
        if log.block not in times:
            times[log.block] = nodes.timestamp(log.block)
        if period[0] <= times[log.block] < period[1]:
            sold_at = datetime.fromtimestamp(times[log.block], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield [sold_at, network, log.block, log.tx_hash, log.index, *said]


def _number(word: bytes) -> int:
    return int.from_bytes(word, "big")


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
    parser.add_argument(
        "--rpc-url",
        required=True,
        action="append",
        help="a node that keeps the logs of the period; may be given again: then all have to say the same",
    )
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
    if any(urlparse(url).scheme not in {"http", "https"} for url in options.rpc_url):
        parser.error("--rpc-url is http:// or https://")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Write the lines to standard output, the totals to standard error."""
    options = _options(arguments)
    nodes = Nodes(*options.rpc_url)
    check_contracts(nodes, options.market, options.factory, options.collection)
    blocks = (options.from_block, nodes.last_final(options.depth))
    collections = list(options.collection)
    if options.promoter:
        asked = (options.factory, options.promoter, options.event, blocks, options.chunk)
        collections += collections_of(nodes, *asked)
    check_markets(nodes, options.market, collections)
    written = csv.writer(sys.stdout)
    written.writerow(COLUMNS)
    sums: Counter[tuple[str, str, str]] = Counter()
    for line in lines(nodes, options.market, collections, (options.begin, options.end), blocks, options.chunk):
        written.writerow(line)
        said = dict(zip(COLUMNS, line, strict=True))
        for what in ("price", "royalty", "fee", "proceeds"):
            sums[said["kind"], said["currency"], what] += said[what]
    for (kind, currency, what), amount in sums.items():
        print(f"{kind} in {currency}: {what} {amount}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
