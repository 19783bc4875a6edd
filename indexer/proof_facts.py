"""Are our facts the chain's? Every log of final blocks is fetched again and compared with the row we have of it.

Fetched and read by code of its own: what decodes logs on their way into the index is among what is checked.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain.models import ChainBlock, ChainLog
from indexer.node import Filter, Node
from indexer.rpc import Call, NodeDown, NodeTrouble, Rpc, decode

_FIRST, _LARGEST = 500, 10_000
_EASY_LOGS = 10_000
_ADDRESSES_AT_ONCE = 200
_HEADERS_AT_ONCE = 2_000

Place = tuple[int, int]
Told = Callable[[int, int], None]
"""Told the block reached, and how many logs were compared since the last time."""


class _Answer(msgspec.Struct, rename="camel"):
    block_number: str
    block_hash: str
    log_index: str
    transaction_index: str
    transaction_hash: str
    address: str
    topics: list[str]
    data: str
    removed: bool = False


_answers = msgspec.json.Decoder(list[_Answer])


@dataclass(frozen=True, slots=True)
class Fact:
    """A log, as the node gives it or as our row has it."""

    block_number: int
    block_hash: bytes
    log_index: int
    tx_index: int
    tx_hash: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


Facts = dict[Place, Fact]


@dataclass(slots=True)
class FactsCheck:
    """How many logs the node has, and in words which of ours are not as it says."""

    compared: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """A node, and which logs of it are ours: first topics by address."""

    rpc: Rpc
    node: Node
    wanted: Filter


def check(
    session: Session, network: str, source: Source, blocks: tuple[int, int], told: Told = lambda *_: None
) -> FactsCheck:
    """Compare the facts of the final blocks `blocks`, first and last included. Raises NodeTrouble."""
    found = FactsCheck()
    for first, last, theirs in _ranges(source, *blocks):
        found.findings += _compared(_ours(session, network, first, last), theirs)
        found.findings += _headers(session, network, source.node, first, last)
        found.compared += len(theirs)
        told(last, len(theirs))
    return found


def _ranges(source: Source, first: int, last: int) -> Iterator[tuple[int, int, Facts]]:
    """Yield ranges of blocks with the node's logs of them; halved on trouble, grown on ease."""
    size = _FIRST
    while first <= last:
        end = min(first + size - 1, last)
        try:
            logs = _theirs(source, first, end)
        except NodeDown:
            raise
        except NodeTrouble:
            if size == 1:
                raise
            size = max(size // 2, 1)
            continue
        yield first, end, logs
        first = end + 1
        if len(logs) < _EASY_LOGS:
            size = min(size * 2, _LARGEST)


def _theirs(source: Source, first: int, last: int) -> Facts:
    addresses = sorted(source.wanted)
    places = {"fromBlock": hex(first), "toBlock": hex(last)}
    calls: list[Call] = [
        ("eth_getLogs", [places | {"address": ["0x" + one.hex() for one in addresses[at : at + _ADDRESSES_AT_ONCE]]}])
        for at in range(0, len(addresses), _ADDRESSES_AT_ONCE)
    ]
    found: Facts = {}
    for raw in source.rpc.batch(calls):
        for answer in decode(raw, _answers):
            fact = _fact(answer)
            if fact.topics and fact.topics[0] in source.wanted.get(fact.address, ()):
                found[fact.block_number, fact.log_index] = fact
    return found


def _fact(answer: _Answer) -> Fact:
    if answer.removed:
        raise NodeTrouble("the node returned a log of a block that was undone")
    return Fact(
        int(answer.block_number, 16),
        _bytes(answer.block_hash),
        int(answer.log_index, 16),
        int(answer.transaction_index, 16),
        _bytes(answer.transaction_hash),
        _bytes(answer.address),
        tuple(_bytes(topic) for topic in answer.topics),
        _bytes(answer.data),
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _ours(session: Session, network: str, first: int, last: int) -> Facts:
    query = select(
        ChainLog.block_number,
        ChainLog.block_hash,
        ChainLog.log_index,
        ChainLog.tx_index,
        ChainLog.tx_hash,
        ChainLog.address,
        ChainLog.topics,
        ChainLog.data,
    ).where(ChainLog.network == network, ChainLog.block_number >= first, ChainLog.block_number <= last)
    found: Facts = {}
    for number, block, index, tx_index, tx, address, topics, data in session.execute(query):
        found[number, index] = Fact(number, block, index, tx_index, tx, address, tuple(topics), data)
    return found


def _compared(ours: Facts, theirs: Facts) -> Iterator[str]:
    """Yield what differs, by what happened to it: dropped, extra, reordered, changed."""
    odd = [place for place in sorted(ours.keys() | theirs.keys()) if ours.get(place) != theirs.get(place)]
    moved = _said(ours, odd) & _said(theirs, odd)
    for place in odd:
        mine, its = ours.get(place), theirs.get(place)
        where = f"log {place[1]} of block {place[0]}"
        if mine is not None and _content(mine) in moved:
            yield f"{where} was reordered: the chain has it at another place of its block"
        elif mine is not None and its is None:
            yield f"{where} is extra: the chain has no such log, of 0x{mine.address.hex()}"
        elif mine is not None and its is not None:
            names = ("block_hash", "tx_hash", "tx_index", "address", "topics", "data")
            wrong = [name for name in names if getattr(mine, name) != getattr(its, name)]
            yield f"{where} was changed: {', '.join(wrong)}"
        elif its is not None and _content(its) not in moved:
            yield f"{where} was dropped: the chain has it, of 0x{its.address.hex()}"


def _content(log: Fact) -> tuple[object, ...]:
    return log.block_hash, log.tx_hash, log.address, log.topics, log.data


def _said(logs: Facts, places: list[Place]) -> Counter[tuple[object, ...]]:
    return Counter(_content(logs[place]) for place in places if place in logs)


def _headers(session: Session, network: str, node: Node, first: int, last: int) -> Iterator[str]:
    """Yield the blocks of ours, of those that hold logs, whose hash or time the node does not say."""
    query = (
        select(ChainBlock.number, ChainBlock.hash, ChainBlock.timestamp)
        .where(
            ChainBlock.network == network, ChainBlock.number >= first, ChainBlock.number <= last, ChainBlock.canonical
        )
        .order_by(ChainBlock.number)
    )
    rows = session.execute(query).all()
    for start in range(0, len(rows), _HEADERS_AT_ONCE):
        chunk = rows[start : start + _HEADERS_AT_ONCE]
        for row, header in zip(chunk, node.headers([row.number for row in chunk]), strict=True):
            if header is None or (header.hash, header.timestamp) != (row.hash, row.timestamp):
                yield f"block {row.number} is not the chain's: hash or time differs"
