"""What a follower asks a node, as bytes and numbers. An answer that contradicts itself is trouble, never a fact."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from indexer.encode import Found, LogAnswer, encoded
from indexer.rpc import NodeRefused, NodeTrouble, Rpc, decode

_BATCH = 500
_MANY_ADDRESSES = 200


@dataclass(frozen=True, slots=True)
class Header:
    """A block without its contents. `bloom` is its logs' bloom filter as a number; zero says nothing."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: datetime
    bloom: int


@dataclass(frozen=True, slots=True)
class Tip:
    """What the node says is newest, and how far it is final."""

    head: Header
    finalized: int
    finalized_hash: bytes | None
    """None when finality is counted in blocks."""


Filter = Mapping[bytes, frozenset[bytes]]
"""Which logs are ours: first topics by address."""


class _HeaderAnswer(msgspec.Struct, rename="camel"):
    number: str | None
    hash: str | None
    parent_hash: str
    timestamp: str
    logs_bloom: str | None = None


class _ReceiptAnswer(msgspec.Struct):
    logs: list[LogAnswer]


_headers = msgspec.json.Decoder(_HeaderAnswer | None)
_logs = msgspec.json.Decoder(list[LogAnswer])
_receipts = msgspec.json.Decoder(list[_ReceiptAnswer] | None)
_texts = msgspec.json.Decoder(str)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _header(raw: msgspec.Raw) -> Header | None:
    answer = decode(raw, _headers)
    if answer is None or answer.number is None or answer.hash is None:
        return None
    return Header(
        number=int(answer.number, 16),
        hash=_bytes(answer.hash),
        parent_hash=_bytes(answer.parent_hash),
        timestamp=datetime.fromtimestamp(int(answer.timestamp, 16), UTC),
        bloom=int(answer.logs_bloom, 16) if answer.logs_bloom and answer.logs_bloom != "0x" else 0,
    )


class Node:
    """One node of one chain. Every method raises NodeTrouble when the node gives no usable answer."""

    def __init__(self, rpc: Rpc, finality_depth: int | None) -> None:
        """Ask through `rpc`; `finality_depth` None trusts the finalized tag, else counts blocks."""
        self._rpc = rpc
        self._depth = finality_depth
        self.network = ""
        """In CAIP-2, what rows of logs are to bear; whoever asks for logs sets it before."""
        self._ours: tuple[Filter, frozenset[str]] = ({}, frozenset())

    def identity(self) -> tuple[int, bytes]:
        """Return the chain id and the hash of block 0: two chains may share the first, never both."""
        chain_id, first = self._rpc.batch([("eth_chainId", []), ("eth_getBlockByNumber", ["0x0", False])])
        header = _header(first)
        if header is None:
            raise NodeTrouble("the node does not know block 0")
        return int(decode(chain_id, _texts), 16), header.hash

    def tip(self) -> Tip:
        """Return the newest block and the newest final one."""
        calls: list[tuple[str, Sequence[Any]]] = [("eth_getBlockByNumber", ["latest", False])]
        if self._depth is None:
            calls.append(("eth_getBlockByNumber", ["finalized", False]))
        newest, *rest = self._rpc.attempt(calls)
        if isinstance(newest, NodeRefused):
            raise newest
        head = _header(newest)
        if head is None:
            raise NodeTrouble("the node has no newest block yet")
        if self._depth is not None:
            return Tip(head, max(head.number - self._depth, 0), None)
        # geth answers with an error until a first block is final.
        final = None if isinstance(rest[0], NodeRefused) else _header(rest[0])
        return Tip(head, 0, None) if final is None else Tip(head, final.number, final.hash)

    def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """Return the node's present blocks of these numbers; None where it has none."""
        found: list[Header | None] = []
        for start in range(0, len(numbers), _BATCH):
            calls = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers[start : start + _BATCH]]
            found.extend(_header(raw) for raw in self._rpc.batch(calls))
        return found

    def logs_of_range(self, first: int, last: int, wanted: Filter) -> Found:
        """Return our logs of blocks `first` to `last` in the order of the chain, by eth_getLogs."""
        return self._logs([{"fromBlock": hex(first), "toBlock": hex(last)}], wanted)

    def logs_of_blocks(self, hashes: Sequence[bytes], wanted: Filter) -> Found:
        """Return our logs of exactly these blocks, by eth_getLogs with a block hash (EIP-234)."""
        return self._logs([{"blockHash": "0x" + block.hex()} for block in hashes], wanted)

    def logs_by_receipts(self, block_hash: bytes, wanted: Filter) -> Found:
        """Return our logs of one block from its receipts: another way through the node than its log index."""
        [raw] = self._rpc.batch([("eth_getBlockReceipts", ["0x" + block_hash.hex()])])
        receipts = decode(raw, _receipts)
        if receipts is None:
            raise NodeTrouble("the node has no receipts of a block it told of")
        found = encoded(self.network, [log for receipt in receipts for log in receipt.logs], self._texts(wanted))
        if any(block != block_hash for block in found.blocks.values()):
            raise NodeTrouble("the node answered with receipts of another block")
        return found

    def _logs(self, places: Sequence[Mapping[str, str]], wanted: Filter) -> Found:
        if not wanted:
            return encoded(self.network, [], frozenset())
        criteria = _criteria(wanted)
        answers: list[LogAnswer] = []
        for start in range(0, len(places), _BATCH):
            chunk = places[start : start + _BATCH]
            for raw in self._rpc.batch([("eth_getLogs", [{**place, **criteria}]) for place in chunk]):
                found: list[LogAnswer] = decode(raw, _logs)
                answers += found
        return encoded(self.network, answers, self._texts(wanted))

    def _texts(self, wanted: Filter) -> frozenset[str]:
        """Return what is wanted as the node writes it: an address and a first topic, one behind the other."""
        known, texts = self._ours
        if known is not wanted:
            texts = frozenset(f"0x{address.hex()}0x{topic.hex()}" for address in wanted for topic in wanted[address])
            self._ours = wanted, texts
        return texts


def _criteria(wanted: Filter) -> dict[str, Any]:
    """Filter at the node by address while they are few, by first topic when they are many."""
    if len(wanted) <= _MANY_ADDRESSES:
        return {"address": ["0x" + address.hex() for address in sorted(wanted)]}
    return {"topics": [["0x" + topic.hex() for topic in sorted(all_topics(wanted))]]}


def all_topics(wanted: Filter) -> frozenset[bytes]:
    """Return every first topic the filter lets through."""
    return frozenset[bytes]().union(*wanted.values())


def only(wanted: Filter, addresses: Collection[bytes]) -> Filter:
    """Return the part of the filter that is about `addresses`."""
    return {address: topics for address, topics in wanted.items() if address in addresses}
