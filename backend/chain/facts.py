"""Logs in bulk. One buffer holds them as rows of `chain_logs`, ready for COPY; a log is the place where its row begins.

Slices of the buffer are what handlers read, and what they write into rows of their own: no object is made for a log
unless somebody asks for it as a `Log`. Offsets below count from a log's place, which is behind the network's cell.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, pairwise
from typing import Any, TypeVar, overload

from sqlalchemy.orm import Session

from backend.chain.onlog import Log
from backend.kit import bulk

COLUMNS = (
    "network",
    "block_hash",
    "log_index",
    "block_number",
    "tx_hash",
    "address",
    "tx_index",
    "topics",
    "data",
)
"""Of `chain_logs`, in the order of the buffer."""

# The cells of a row, each with four bytes of length first: block hash 0, log index 36, block number 44, hash of the
# transaction 56, address 92, index of the transaction 116, topics 124 (their number at 140, the first at 152), data.
TOPICS, STEP = 152, 36
_HASH, _INDEX, _NUMBER, _TX, _ADDRESS = slice(4, 36), slice(40, 44), slice(48, 56), slice(60, 92), slice(96, 116)
_COUNT = slice(140, 144)
_HEAD = 144
_WORD = 32
_BYTEA = 17
_COUNTS = [number.to_bytes(4, "big") for number in range(5)]
Told = TypeVar("Told")
_SIZES = [(number * _WORD).to_bytes(4, "big") for number in range(32)]


class Facts(Sequence[Log]):
    """Logs of one network in the order of the chain. As a sequence it gives `Log`s, made when they are asked for."""

    def __init__(
        self,
        network: str,
        rows: bytes,
        places: Sequence[int],
        times: Mapping[bytes, datetime],
        by_kind: dict[bytes, list[int]] | None = None,
    ) -> None:
        """Hold the logs at `places` of `rows`. `times` are those of their blocks, by hash; `by_kind` may be known."""
        self.network = network
        self.rows = rows
        self.places = places
        self.times = times
        self._kinds = by_kind
        self._chosen: dict[tuple[bytes, ...], Facts] = {}
        self._told: dict[Callable[[Facts], Any], Any] = {}

    @classmethod
    def of(cls, network: str, logs: Sequence[Log]) -> "Facts":
        """Return the logs in bulk; such already are returned as they are."""
        if isinstance(logs, Facts):
            return logs
        head, at = row_head(network), 0
        places, parts = list[int](), list[bytes]()
        for log in logs:
            part = _row(log)
            places.append(at + len(head))
            at += len(head) + len(part)
            parts += (head, part)
        return cls(network, b"".join(parts), places, {log.block_hash: log.block_timestamp for log in logs})

    @classmethod
    def read(cls, network: str, rows: bytes, times: Mapping[bytes, datetime]) -> "Facts":
        """Return the logs in these rows of `chain_logs`; each but the network has its cells where they always are."""
        before = len(row_head(network))
        places, at = list[int](), 0
        while at < len(rows):
            at += before
            places.append(at)
            at += TOPICS + STEP * int.from_bytes(rows[at + 140 : at + 144], "big")
            at += int.from_bytes(rows[at - 4 : at], "big")
        return cls(network, rows, places, times)

    @classmethod
    def joined(cls, network: str, parts: Sequence["Facts"]) -> "Facts":
        """Return what the parts hold whole, one after another: blocks of a later part are higher."""
        if len(parts) == 1:
            return parts[0]
        places, times, kinds, at = list[int](), dict[bytes, datetime](), dict[bytes, list[int]](), 0
        for part in parts:
            places += [at + place for place in part.places]
            times.update(part.times)
            for kind, found in part.by_kind.items():
                kinds.setdefault(kind, []).extend([at + place for place in found])
            at += len(part.rows)
        return cls(network, b"".join(part.rows for part in parts), places, times, kinds)

    @classmethod
    def merged(cls, network: str, parts: Sequence["Facts"]) -> "Facts":
        """Return the logs of all parts in the order of the chain. Raises ValueError when one is there twice."""
        found = sorted(
            (part.rows[at + 44 : at + 56] + part.rows[at + 36 : at + 44], part.row(at))
            for part in parts
            for at in part.places
        )
        if any(one[0] == other[0] for one, other in pairwise(found)):
            raise ValueError("a log is there twice")
        size, at = len(row_head(network)), 0
        places = list[int]()
        for _, row in found:
            places.append(at + size)
            at += len(row)
        times = {block: time for part in parts for block, time in part.times.items()}
        return cls(network, b"".join(row for _, row in found), places, times)

    def chosen(self, kinds: Iterable[bytes]) -> "Facts":
        """Return the logs of these kinds, in their order; a kind is an address and a first topic, 52 bytes."""
        there = tuple(kind for kind in kinds if kind in self.by_kind)
        if there not in self._chosen:
            found = [self.by_kind[kind] for kind in there]
            places = found[0] if len(found) == 1 else sorted(chain.from_iterable(found))
            self._chosen[there] = Facts(self.network, self.rows, places, self.times)
        return self._chosen[there]

    def told(self, read: Callable[["Facts"], Told]) -> Told:
        """Return what `read` makes of these logs. It is pure and asked once, perhaps by another thread and ahead."""
        if read not in self._told:
            self._told[read] = read(self)
        found: Told = self._told[read]
        return found

    def cut(self, start: int, end: int) -> "Facts":
        """Return the logs from the place number `start` to the one before `end` with a buffer of their own."""
        before = len(row_head(self.network))
        places = self.places[start:end]
        first = places[0] - before if places else 0
        last = self.places[end] - before if end < len(self.places) else len(self.rows)
        rows = self.rows[first:last] if places else b""
        return Facts(self.network, rows, [place - first for place in places], self._times_of(places))

    def _times_of(self, places: Iterable[int]) -> dict[bytes, datetime]:
        return {block: self.times[block] for block in {self.rows[place + 4 : place + 36] for place in places}}

    def at(self, places: Sequence[int]) -> "Facts":
        """Return the logs at these of our places."""
        return Facts(self.network, self.rows, places, self.times)

    def above(self, number: int) -> "Facts":
        """Return the logs of higher blocks than `number`."""
        start = bisect_right(self.places, number, key=self.number)
        return self if start == 0 else self[start:]

    @property
    def by_kind(self) -> Mapping[bytes, list[int]]:
        """The places by kind: an address and a first topic, 52 bytes."""
        if self._kinds is None:
            rows, found = self.rows, dict[bytes, list[int]]()
            for at in self.places:
                found.setdefault(rows[at + 96 : at + 116] + rows[at + 152 : at + 184], []).append(at)
            self._kinds = found
        return self._kinds

    def row(self, place: int) -> bytes:
        """Return a log's whole row."""
        end = place + TOPICS + STEP * int.from_bytes(self.rows[place + 140 : place + 144], "big")
        return self.rows[place - len(row_head(self.network)) : end + int.from_bytes(self.rows[end - 4 : end], "big")]

    def number(self, place: int) -> int:
        """Return the number of a log's block."""
        return int.from_bytes(self.rows[place + 48 : place + 56], "big")

    def transaction(self, place: int) -> bytes:
        """Return the hash of a log's transaction."""
        return self.rows[place + 60 : place + 92]

    def address(self, place: int) -> bytes:
        """Return the contract that emitted a log."""
        return self.rows[place + 96 : place + 116]

    def topic(self, place: int, number: int) -> bytes:
        """Return a topic, the first is 0. Raises ValueError when there are not so many."""
        if number >= int.from_bytes(self.rows[place + 140 : place + 144], "big"):
            raise ValueError("the log has too few topics for its kind")
        return self.rows[place + TOPICS + STEP * number : place + TOPICS + STEP * number + _WORD]

    def last_topic(self, place: int) -> bytes:
        """Return the last of a log's topics."""
        return self.topic(place, int.from_bytes(self.rows[place + 140 : place + 144], "big") - 1)

    def shape(self, place: int, topics: int, words: int) -> int:
        """Return where a log's data begins. Raises ValueError unless it has so many topics and words of data."""
        start = place + TOPICS + STEP * topics
        rows = self.rows
        if rows[place + 140 : place + 144] != _COUNTS[topics] or rows[start - 4 : start] != _SIZES[words]:
            raise ValueError("the log has not the shape of its kind")
        return start

    def word(self, place: int, number: int) -> bytes:
        """Return the word `number` of a log's data, counted from 0. Raises ValueError when there are not so many."""
        rows = self.rows
        start = place + TOPICS + STEP * int.from_bytes(rows[place + 140 : place + 144], "big")
        end = _WORD * number + _WORD
        if end > int.from_bytes(rows[start - 4 : start], "big"):
            raise ValueError("the log's data is too short for its kind")
        return rows[start + end - _WORD : start + end]

    def data(self, place: int) -> bytes:
        """Return a log's data."""
        start = place + TOPICS + STEP * int.from_bytes(self.rows[place + 140 : place + 144], "big")
        return self.rows[start : start + int.from_bytes(self.rows[start - 4 : start], "big")]

    def log(self, place: int) -> Log:
        """Return the log at a place."""
        rows = self.rows[place : place + _HEAD]
        topics = int.from_bytes(rows[_COUNT], "big")
        starts = [place + TOPICS + STEP * number for number in range(topics)]
        return Log(
            self.network,
            int.from_bytes(rows[_NUMBER], "big"),
            rows[_HASH],
            self.times[rows[_HASH]],
            rows[_TX],
            int.from_bytes(rows[_INDEX], "big"),
            rows[_ADDRESS],
            tuple(self.rows[start : start + 32] for start in starts),
            self.data(place),
        )

    def __len__(self) -> int:
        """Return how many logs these are."""
        return len(self.places)

    def __iter__(self) -> Iterator[Log]:
        """Make one `Log` after another."""
        return map(self.log, self.places)

    @overload
    def __getitem__(self, key: int) -> Log: ...

    @overload
    def __getitem__(self, key: slice) -> "Facts": ...

    def __getitem__(self, key: int | slice) -> "Log | Facts":
        """Return one log, or some of them in bulk."""
        if isinstance(key, slice):
            return Facts(self.network, self.rows, self.places[key], self.times)
        return self.log(self.places[key])


def row_head(network: str) -> bytes:
    """Return what each row begins with: the number of columns, and the network."""
    return bulk.count(len(COLUMNS)) + bulk.text(network)


def topics_head(topics: int) -> bytes:
    """Return what stands before the topics of a log that has so many: lengths and type of the array."""
    parts = (20 + STEP * topics, 1, 0, _BYTEA, topics, 1)
    return b"".join(part.to_bytes(4, "big") for part in parts)


def _row(log: Log) -> bytes:
    # Which transaction of its block a log is of is not part of `Log`; only rows that come from a node hold it.
    return b"".join(
        (
            bulk.raw(log.block_hash),
            bulk.int4(log.log_index),
            bulk.int8(log.block_number),
            bulk.raw(log.tx_hash),
            bulk.raw(log.address),
            bulk.int4(0),
            topics_head(len(log.topics)),
            *map(bulk.raw, log.topics),
            bulk.raw(log.data),
        )
    )


def store_new(
    session: Session, table: str, columns: Sequence[str], facts: Facts, rows: Mapping[int, bytes]
) -> set[int]:
    """COPY the rows that say something of the logs at these places; return the places of those that were there already.

    The table has `network`, `block_number`, `block_hash` and `log_index`. A log that was read before is left out, so
    that handlers may be given the same logs twice.
    """
    known = known_among(session, table, facts)
    old = {place for place in rows if facts.rows[place + 4 : place + 44] in known} if known else set[int]()
    bulk.copy(session, table, columns, (row for place, row in rows.items() if place not in old))
    return old


def known_among(session: Session, table: str, facts: Facts) -> set[bytes]:
    """Return which of these logs `table` has rows of: block hash, the length before an index, and the index."""
    if not facts.places:
        return set()
    first, last = facts.number(facts.places[0]), facts.number(facts.places[-1])
    found = bulk.run(
        session,
        f"SELECT block_hash, log_index FROM {table} "  # noqa: S608 - our own tables' names
        "WHERE network = %(network)s AND block_number BETWEEN %(first)s AND %(last)s",
        network=facts.network,
        first=first,
        last=last,
    )
    return {bytes(row[0]) + bulk.int4(row[1]) for row in found}
