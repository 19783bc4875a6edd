"""Blocks and our logs in them, fetched and cross-checked: what leaves this module is fit to become facts.

Checked of every stretch: each block names the one before it as its parent; each log is of a block in the stretch; a
block whose bloom speaks of an address of ours without a log of it is asked for again, through its receipts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from time import sleep

from backend.chain.facts import Facts
from indexer.bloom import is_telling, suspects
from indexer.encode import Found
from indexer.node import Filter, Header, Node, all_topics, only
from indexer.rpc import NodeDown, NodeMoving, NodeRefused, NodeTrouble

_METHOD_NOT_FOUND = -32601
_FIRST_PIECE, _FEW_LOGS = 10, 600
"""Blocks in which a contract that was just found is looked for at first; with fewer logs than these, in more."""
_ASK_AGAIN = 3
_ASK_AGAIN_SECONDS = 0.05


class OtherBranch(NodeTrouble):
    """The node's next block does not continue our newest one: a reorg, here or at the node."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A block by number and hash."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive blocks, each the parent of the next, and all our logs in them in the order of the chain."""

    headers: tuple[Header, ...]
    logs: Facts
    wanted: Filter
    """Which logs were asked for."""
    cuts: tuple[tuple[int, int], ...] = ()
    """Where each page ends that it was joined from: how many headers and how many logs come before."""

    def pages(self) -> list["Stretch"]:
        """Return what it was joined from."""
        found, header, log = [], 0, 0
        for headers, logs in self.cuts or [(len(self.headers), len(self.logs))]:
            found.append(Stretch(self.headers[header:headers], self.logs.cut(log, logs), self.wanted))
            header, log = headers, logs
        return found

    def ends(self) -> list[Mark]:
        """Return the newest block of each page."""
        last = (self.headers[headers - 1] for headers, _ in self.cuts or [(len(self.headers), 0)])
        return [Mark(header.number, header.hash) for header in last]

    @property
    def end(self) -> Mark:
        """The newest block."""
        return Mark(self.headers[-1].number, self.headers[-1].hash)


def fetch_range(node: Node, first: int, last: int, wanted: Filter) -> Stretch:
    """Fetch the final blocks `first` to `last`, a page of a stretch. Raises NodeTrouble."""
    headers = linked(None, node.headers(range(first, last + 1)), first)
    return _checked(node, headers, node.logs_of_range(first, last, wanted), wanted, thorough=False)


def joined(parent: Mark, pages: Sequence[Stretch]) -> Stretch:
    """Return the pages as one stretch. Raises OtherBranch when it does not continue `parent`, NodeTrouble."""
    headers = linked(parent, [header for page in pages for header in page.headers])
    if len(pages) == 1:
        return pages[0]
    logs = Facts.joined(pages[0].logs.network, [page.logs for page in pages])
    ends = accumulate(len(page.headers) for page in pages), accumulate(len(page.logs) for page in pages)
    return Stretch(headers, logs, pages[0].wanted, tuple(zip(*ends, strict=True)))


def fetch_blocks(node: Node, headers: Sequence[Header], wanted: Filter) -> Stretch:
    """Fetch our logs of exactly these (linked) blocks, by their hashes. Raises NodeTrouble."""
    found = node.logs_of_blocks([header.hash for header in headers], wanted)
    return _checked(node, headers, found, wanted, thorough=True)


def completed(node: Node, stretch: Stretch, wanted: Filter) -> Stretch:
    """Return the same blocks with the logs of `wanted`: what is missing is fetched, what is too much dropped.

    A collection found in this very stretch has logs in it, from the block of its deployment on. Of a stretch of several
    pages only the first comes back: what is missing may be more than the rest.
    """
    if stretch.cuts:
        return completed(node, stretch.pages()[0], wanted)
    new = only(wanted, [address for address in wanted if wanted[address] != stretch.wanted.get(address)])
    logs = stretch.logs
    kept = [at for at in logs.places if logs.address(at) in wanted and logs.address(at) not in new]
    parts = [logs if len(kept) == len(logs) else Facts.merged(node.network, [logs.at(kept)])]
    if new:
        parts += _also(node, stretch.headers, new)
    return Stretch(stretch.headers, _merged(node, parts), wanted)


def _also(node: Node, headers: Sequence[Header], new: Filter) -> list[Facts]:
    """Return the logs of `new` in these blocks, in as many requests as the node wants."""
    if len(headers) == 1:
        return [_checked(node, headers, node.logs_of_blocks([headers[0].hash], new), new, thorough=True).logs]
    parts: list[Facts] = []
    start, size = 0, _FIRST_PIECE
    while start < len(headers):
        piece = headers[start : start + size]
        try:
            found = node.logs_of_range(piece[0].number, piece[-1].number, new)
        except NodeDown:
            raise
        except NodeTrouble:
            if len(piece) == 1:
                raise
            size = len(piece) // 2
            continue
        parts.append(_checked(node, piece, found, new, thorough=False).logs)
        start += len(piece)
        size = size * 2 if len(found.logs) < _FEW_LOGS else max(size // 2, 1)
    return parts


def linked(parent: Mark | None, headers: Sequence[Header | None], first: int = 0) -> tuple[Header, ...]:
    """Return the headers if each continues the one before, the first `parent` (None: it need only be block `first`).

    Raises OtherBranch, NodeTrouble.
    """
    found: list[Header] = []
    number, block_hash = (first - 1, None) if parent is None else (parent.number, parent.hash)
    for header in headers:
        if header is None:
            raise NodeTrouble("the node does not have a block it told of")
        if header.number != number + 1:
            raise NodeTrouble(f"the node answered with block {header.number} instead of {number + 1}")
        if block_hash is not None and header.parent_hash != block_hash:
            if found:
                raise NodeMoving(f"block {header.number} does not continue the block before it")
            raise OtherBranch(f"block {header.number} does not continue ours")
        found.append(header)
        number, block_hash = header.number, header.hash
    return tuple(found)


def _checked(node: Node, headers: Sequence[Header], found: Found, wanted: Filter, *, thorough: bool) -> Stretch:
    known = {header.number: header for header in headers}
    for number, block_hash in found.blocks.items():
        if number not in known or known[number].hash != block_hash:
            raise NodeMoving(f"the node gave a log of another block {number} than it told of")
    found.logs.times = {block_hash: known[number].timestamp for number, block_hash in found.blocks.items()}
    topics = all_topics(wanted)
    parts = [found.logs]
    for header in headers:
        # A range of final blocks is trusted where the bloom is so full, or the addresses so many, that it would
        # send us to the receipts of nearly every block; at the head every doubt is followed.
        if not thorough and not is_telling(header.bloom, len(wanted)):
            continue
        silent = {each for each in suspects(header.bloom, wanted, topics) if not found.has(header.hash, each)}
        if silent:
            extra = _asked_again(node, header, only(wanted, silent))
            extra.times = {header.hash: header.timestamp}
            parts.append(extra)
    return Stretch(tuple(headers), _merged(node, parts), wanted)


def _merged(node: Node, parts: Sequence[Facts]) -> Facts:
    speaking = [part for part in parts if part]
    if len(speaking) <= 1:
        return speaking[0] if speaking else parts[0]
    try:
        return Facts.merged(node.network, speaking)
    except ValueError as twice:
        raise NodeTrouble("the node gave the same log twice") from twice


def _asked_again(node: Node, header: Header, wanted: Filter) -> Facts:
    """Find the logs the bloom hints at, or make sure that it hinted at nothing."""
    try:
        return node.logs_by_receipts(header.hash, wanted).logs
    except NodeRefused as refused:
        if refused.code != _METHOD_NOT_FOUND:
            raise
    for _ in range(_ASK_AGAIN):
        found = node.logs_of_blocks([header.hash], wanted)
        if found.logs:
            break
        sleep(_ASK_AGAIN_SECONDS)
    return found.logs
