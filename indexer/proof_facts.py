"""Are our facts the chain's? Every log of final blocks is fetched again and compared with the row we have of it."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain.models import ChainBlock, ChainLog
from indexer.node import Filter, Node, RawLog
from indexer.rpc import NodeDown, NodeTrouble

_FIRST, _LARGEST = 500, 10_000
_EASY_LOGS = 10_000
_HEADERS_AT_ONCE = 2_000

Place = tuple[int, int]
Told = Callable[[int, int], None]
"""Told the block reached, and how many logs were compared since the last time."""


@dataclass(slots=True)
class FactsCheck:
    """How many logs the node has, and in words which of ours are not as it says."""

    compared: int = 0
    findings: list[str] = field(default_factory=list)


def check(
    session: Session, network: str, node: Node, wanted: Filter, blocks: tuple[int, int], told: Told = lambda *_: None
) -> FactsCheck:
    """Compare the facts of the final blocks `blocks`, first and last included. Raises NodeTrouble."""
    found = FactsCheck()
    for first, last, theirs in _ranges(node, wanted, *blocks):
        ours = {(log.block_number, log.log_index): log for log in _ours(session, network, first, last)}
        found.findings += _compared(ours, {(log.block_number, log.log_index): log for log in theirs})
        found.findings += _headers(session, network, node, first, last)
        found.compared += len(theirs)
        told(last, len(theirs))
    return found


def _ranges(node: Node, wanted: Filter, first: int, last: int) -> Iterator[tuple[int, int, list[RawLog]]]:
    """Yield ranges of blocks with the node's logs of them; halved on trouble, grown on ease."""
    size = _FIRST
    while first <= last:
        end = min(first + size - 1, last)
        try:
            logs = node.logs_of_range(first, end, wanted)
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


def _ours(session: Session, network: str, first: int, last: int) -> Iterator[RawLog]:
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
    for number, block, index, tx_index, tx, address, topics, data in session.execute(query):
        yield RawLog(number, block, index, tx_index, tx, address, tuple(topics), data)


def _compared(ours: dict[Place, RawLog], theirs: dict[Place, RawLog]) -> Iterator[str]:
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


def _content(log: RawLog) -> tuple[object, ...]:
    return log.block_hash, log.tx_hash, log.address, log.topics, log.data


def _said(logs: dict[Place, RawLog], places: list[Place]) -> Counter[tuple[object, ...]]:
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
