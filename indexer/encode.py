"""A node's logs into rows of `chain_logs`: pasted together as hexadecimal text, turned into bytes once a page.

An answer whose hashes, addresses or numbers have not the length they must have is refused: the rows would shift.
"""

from binascii import unhexlify
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from backend.chain.facts import STEP, Facts, row_head, topics_head
from indexer.rpc import NodeTrouble

Hash = Annotated[str, msgspec.Meta(min_length=66, max_length=66)]
Address = Annotated[str, msgspec.Meta(min_length=42, max_length=42)]
Quantity = Annotated[str, msgspec.Meta(min_length=3, max_length=17)]
_TOPICS = 4
_LARGEST = 2**31 - 1
_FIXED = 152
"""Bytes of a row without network, topics and data: see the offsets in `backend.chain.facts`."""


class LogAnswer(msgspec.Struct, rename="camel", gc=False):
    """A log as JSON-RPC has it. A pending one, whose places are null, does not decode."""

    block_number: Quantity
    block_hash: Hash
    log_index: Quantity
    transaction_index: Quantity
    transaction_hash: Hash
    address: Address
    topics: Annotated[list[Hash], msgspec.Meta(max_length=_TOPICS)]
    data: Annotated[str, msgspec.Meta(min_length=2)]
    removed: bool = False


@dataclass
class Found:
    """Our logs, and of which blocks and contracts they are."""

    logs: Facts
    blocks: dict[int, bytes] = field(default_factory=dict)
    """Hashes by number."""
    seen: set[str] = field(default_factory=set)
    """Block hash and address, as the node wrote them, one behind the other."""

    def has(self, block: bytes, address: bytes) -> bool:
        """Say whether there is a log of this contract in this block."""
        return f"0x{block.hex()}0x{address.hex()}" in self.seen


class _Unordered(Exception):
    """The logs are not in the order of the chain."""


class _Int4(dict[str, str]):
    def __missing__(self, quantity: str) -> str:
        value = int(quantity, 16)
        if value > _LARGEST:
            raise ValueError("a place in a block is too large")
        cell = self[quantity] = f"00000004{value:08x}"
        return cell


def encoded(network: str, answers: Sequence[LogAnswer], ours: AbstractSet[str]) -> Found:
    """Return those answers whose address and first topic, one text behind the other, are among `ours`.

    Raises NodeTrouble for logs that are malformed, in no block, told twice, or of two blocks at one height.
    """
    try:
        return _encoded(network, answers, ours)
    except _Unordered:
        ordered = sorted(answers, key=lambda log: (int(log.block_number, 16), int(log.log_index, 16)))
    except ValueError as wrong:
        raise NodeTrouble(f"the node returned a malformed log: {wrong}") from wrong
    try:
        return _encoded(network, ordered, ours)
    except _Unordered:
        raise NodeTrouble("the node gave the same log twice") from None
    except ValueError as wrong:
        raise NodeTrouble(f"the node returned a malformed log: {wrong}") from wrong


def _encoded(network: str, answers: Iterable[LogAnswer], ours: AbstractSet[str]) -> Found:
    head = row_head(network)
    before, int4, topic_heads = head.hex(), _Int4(), _topic_heads()
    blocks: dict[int, bytes] = {}
    numbers: dict[str, str] = {}
    seen: set[str] = set()
    kinds: dict[str, list[int]] = {}
    parts: list[str] = []
    places: list[int] = []
    at, fixed, last = len(head), len(head) + _FIXED, ""
    for log in answers:
        topics = log.topics
        kind = log.address + topics[0] if topics else ""
        if kind not in ours:
            if kind.lower() not in ours:
                continue
            log.address, kind = log.address.lower(), kind.lower()
        block = log.block_hash
        number = numbers.get(log.block_number + block) or _number(log, numbers, blocks)
        index = int4[log.log_index]
        if number + index <= last:
            raise _Unordered
        last = number + index
        data, size = log.data, len(log.data) // 2 - 1
        parts.append(
            # Only hashes bring their 0x: each becomes the length of one below.
            f"{before}{block}{index}{number}{log.transaction_hash}00000014{log.address[2:]}"
            f"{int4[log.transaction_index]}{topic_heads[len(topics)]}{''.join(topics)}{size:08x}{data[2:]}"
        )
        seen.add(block + log.address)
        if kind in kinds:
            kinds[kind].append(at)
        else:
            kinds[kind] = [at]
        places.append(at)
        at += fixed + STEP * len(topics) + size
        if log.removed:
            raise ValueError("it was removed from the chain")
    # 0x becomes 00000020; a single letter is looked for many times as fast, and no other x is hexadecimal.
    rows = unhexlify("".join(parts).replace("x", "0000020"))
    if len(rows) != at - len(head):
        raise ValueError("its lengths are not those of what it holds")
    by_kind = {bytes.fromhex(kind.replace("0x", "")): found for kind, found in kinds.items()}
    return Found(Facts(network, rows, places, {}, by_kind), blocks, seen)


def _topic_heads() -> list[str]:
    return [topics_head(number).hex() for number in range(_TOPICS + 1)]


def _number(log: LogAnswer, numbers: dict[str, str], blocks: dict[int, bytes]) -> str:
    """Return the cell of a block's number, and remember which block it is."""
    number, block_hash = int(log.block_number, 16), bytes.fromhex(log.block_hash[2:])
    if blocks.setdefault(number, block_hash) != block_hash:
        raise ValueError(f"there are two blocks {number}")
    cell = numbers[log.block_number + log.block_hash] = f"00000008{number:016x}"
    return cell
