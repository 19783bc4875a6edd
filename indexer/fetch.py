"""Blocks and our logs in them, fetched and cross-checked: what leaves this module is fit to become facts.

Checked of every stretch: each block names the one before it as its parent; each log is of a block in the stretch; a
block whose bloom speaks of an address of ours without a log of it is asked for again, through its receipts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import sleep

from indexer.bloom import is_telling, suspects
from indexer.node import Filter, Header, Node, RawLog, all_topics, only
from indexer.rpc import NodeRefused, NodeTrouble

_METHOD_NOT_FOUND = -32601
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
    logs: tuple[RawLog, ...]
    wanted: Filter
    """Which logs were asked for."""

    @property
    def end(self) -> Mark:
        """The newest block."""
        return Mark(self.headers[-1].number, self.headers[-1].hash)


def fetch_range(node: Node, parent: Mark, last: int, wanted: Filter) -> Stretch:
    """Fetch the final blocks after `parent` up to `last`. Raises OtherBranch, NodeTrouble."""
    headers = linked(parent, node.headers(range(parent.number + 1, last + 1)))
    logs = node.logs_of_range(parent.number + 1, last, wanted)
    return _checked(node, headers, logs, wanted, thorough=False)


def fetch_blocks(node: Node, headers: Sequence[Header], wanted: Filter) -> Stretch:
    """Fetch our logs of exactly these (linked) blocks, by their hashes. Raises NodeTrouble."""
    logs = node.logs_of_blocks([header.hash for header in headers], wanted)
    return _checked(node, headers, logs, wanted, thorough=True)


def completed(node: Node, stretch: Stretch, wanted: Filter) -> Stretch:
    """Return the same blocks with the logs of `wanted`: what is missing is fetched, what is too much dropped.

    A collection found in this very stretch has logs in it, from the block of its deployment on.
    """
    new = only(wanted, [address for address in wanted if wanted[address] != stretch.wanted.get(address)])
    kept = [log for log in stretch.logs if log.address in wanted and log.address not in new]
    if new:
        blocks = [header.hash for header in stretch.headers]
        known = {header.hash for header in stretch.headers}
        first, last = stretch.headers[0].number, stretch.headers[-1].number
        found = node.logs_of_range(first, last, new) if len(blocks) > 1 else node.logs_of_blocks(blocks, new)
        if any(log.block_hash not in known for log in found):
            raise NodeTrouble("the node has gone over to other blocks meanwhile")
        kept.extend(found)
    logs = sorted(kept, key=lambda log: (log.block_number, log.log_index))
    return _checked(node, stretch.headers, logs, wanted, thorough=len(stretch.headers) == 1)


def linked(parent: Mark, headers: Sequence[Header | None]) -> tuple[Header, ...]:
    """Return the headers if each continues the one before, the first `parent`. Raises OtherBranch, NodeTrouble."""
    found: list[Header] = []
    for header in headers:
        if header is None:
            raise NodeTrouble("the node does not have a block it told of")
        before = Mark(found[-1].number, found[-1].hash) if found else parent
        if header.number != before.number + 1:
            raise NodeTrouble(f"the node answered with block {header.number} instead of {before.number + 1}")
        if header.parent_hash != before.hash:
            if found:
                raise NodeTrouble(f"block {header.number} does not continue the block before it: the node is moving")
            raise OtherBranch(f"block {header.number} does not continue ours")
        found.append(header)
    return tuple(found)


def _checked(
    node: Node, headers: Sequence[Header], logs: Sequence[RawLog], wanted: Filter, *, thorough: bool
) -> Stretch:
    hashes = {header.number: header.hash for header in headers}
    for log in logs:
        if hashes.get(log.block_number) != log.block_hash:
            raise NodeTrouble(f"the node gave a log of another block {log.block_number} than it told of")
    seen: dict[bytes, set[bytes]] = {}
    for log in logs:
        seen.setdefault(log.block_hash, set()).add(log.address)
    topics = all_topics(wanted)
    extra: list[RawLog] = []
    for header in headers:
        # A range of final blocks is trusted where the bloom is so full, or the addresses so many, that it would
        # send us to the receipts of nearly every block; at the head every doubt is followed.
        if not thorough and not is_telling(header.bloom, len(wanted)):
            continue
        silent = suspects(header.bloom, wanted, topics) - seen.get(header.hash, set())
        if silent:
            extra.extend(_asked_again(node, header, only(wanted, silent)))
    found = sorted([*logs, *extra], key=lambda log: (log.block_number, log.log_index)) if extra else logs
    places = {(log.block_number, log.log_index) for log in found}
    if len(places) != len(found):
        raise NodeTrouble("the node gave the same log twice")
    return Stretch(tuple(headers), tuple(found), wanted)


def _asked_again(node: Node, header: Header, wanted: Filter) -> list[RawLog]:
    """Find the logs the bloom hints at, or make sure that it hinted at nothing."""
    try:
        return node.logs_by_receipts(header.hash, wanted)
    except NodeRefused as refused:
        if refused.code != _METHOD_NOT_FOUND:
            raise
    for _ in range(_ASK_AGAIN):
        found = node.logs_of_blocks([header.hash], wanted)
        if found:
            return found
        sleep(_ASK_AGAIN_SECONDS)
    return []
