"""What a follower asks a node, as bytes and numbers. An answer that contradicts itself is trouble, never a fact."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

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
class RawLog:
    """A log as the node gave it. Its block's time is in the header."""

    block_number: int
    block_hash: bytes
    log_index: int
    tx_index: int
    tx_hash: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


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


class _LogAnswer(msgspec.Struct, rename="camel"):
    block_number: str | None
    block_hash: str | None
    log_index: str | None
    transaction_index: str | None
    transaction_hash: str | None
    address: str
    topics: list[str]
    data: str
    removed: bool = False


class _ReceiptAnswer(msgspec.Struct):
    logs: list[_LogAnswer]


_headers = msgspec.json.Decoder(_HeaderAnswer | None)
_logs = msgspec.json.Decoder(list[_LogAnswer])
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


def _log(answer: _LogAnswer) -> RawLog:
    if (
        answer.removed
        or answer.block_number is None
        or answer.block_hash is None
        or answer.log_index is None
        or answer.transaction_hash is None
    ):
        raise NodeTrouble("the node returned a log that is in no block")
    return RawLog(
        block_number=int(answer.block_number, 16),
        block_hash=_bytes(answer.block_hash),
        log_index=int(answer.log_index, 16),
        tx_index=int(answer.transaction_index or "0x0", 16),
        tx_hash=_bytes(answer.transaction_hash),
        address=_bytes(answer.address),
        topics=tuple(_bytes(topic) for topic in answer.topics),
        data=_bytes(answer.data),
    )


def _ours(answers: Iterable[_LogAnswer], wanted: Filter) -> list[RawLog]:
    nothing: frozenset[bytes] = frozenset()
    logs = (_log(answer) for answer in answers if answer.topics)
    return [log for log in logs if log.topics[0] in wanted.get(log.address, nothing)]


class Node:
    """One node of one chain. Every method raises NodeTrouble when the node gives no usable answer."""

    def __init__(self, rpc: Rpc, finality_depth: int | None) -> None:
        """Ask through `rpc`; `finality_depth` None trusts the finalized tag, else counts blocks."""
        self._rpc = rpc
        self._depth = finality_depth

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

    def logs_of_range(self, first: int, last: int, wanted: Filter) -> list[RawLog]:
        """Return our logs of blocks `first` to `last` in the order of the chain, by eth_getLogs."""
        return self._logs([{"fromBlock": hex(first), "toBlock": hex(last)}], wanted)

    def logs_of_blocks(self, hashes: Sequence[bytes], wanted: Filter) -> list[RawLog]:
        """Return our logs of exactly these blocks, by eth_getLogs with a block hash (EIP-234)."""
        found: list[RawLog] = []
        for start in range(0, len(hashes), _BATCH):
            chunk = hashes[start : start + _BATCH]
            found.extend(self._logs([{"blockHash": "0x" + block.hex()} for block in chunk], wanted))
        return found

    def logs_by_receipts(self, block_hash: bytes, wanted: Filter) -> list[RawLog]:
        """Return our logs of one block from its receipts: another way through the node than its log index."""
        [raw] = self._rpc.batch([("eth_getBlockReceipts", ["0x" + block_hash.hex()])])
        receipts = decode(raw, _receipts)
        if receipts is None:
            raise NodeTrouble("the node has no receipts of a block it told of")
        logs = _ours([log for receipt in receipts for log in receipt.logs], wanted)
        if any(log.block_hash != block_hash for log in logs):
            raise NodeTrouble("the node answered with receipts of another block")
        return logs

    def _logs(self, places: Sequence[Mapping[str, str]], wanted: Filter) -> list[RawLog]:
        if not wanted:
            return []
        criteria = _criteria(wanted)
        raws = self._rpc.batch([("eth_getLogs", [{**place, **criteria}]) for place in places])
        logs: list[RawLog] = []
        for raw in raws:
            answers: list[_LogAnswer] = decode(raw, _logs)
            logs.extend(_ours(answers, wanted))
        return sorted(logs, key=lambda log: (log.block_number, log.log_index))


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
