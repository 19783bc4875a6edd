"""Following the head: from a mined block to its rows, after a burst, and after reorgs. Real process, real servers.

Time begins when the node first says that the block is there, in its answer to who had it mined or by its socket to a
listener of ours, whichever comes first; for a reorg, that the newest block of the new branch is there. It ends when
a query on another connection, asked every millisecond, sees the block applied, its rows being of the same transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Protocol

import psycopg

from bench.figures import Figure
from bench.indexer_kit.live_chain import LiveChain
from bench.indexer_kit.live_ear import Ear
from scripts.machine.processes import Running
from scripts.machine.trouble import Trouble

_BLOCKS, _MOVES = 120, 5
_BURST_BLOCKS, _BURST_MOVES = 50, 20
_DEPTHS = (1, 3, 10, 40)
_REORG_MOVES = 10
_DEEP = 64
"""Blocks until a block is final where reorgs are measured: the node's own tag is two blocks behind its head."""
_REPEATS = 5
_PAUSE_SECONDS = 0.05
_LOOK_SECONDS = 0.001
_PATIENCE_SECONDS = 60.0
_P50_MS, _P95_MS, _BURST_MS, _REORG_MS = 15.0, 40.0, 40.0, 100.0
_PEERS = {
    "live_p50_ms": "40 (ponder)",
    "live_p95_ms": "66 (ponder)",
    "burst_lag_ms": "41 (envio)",
    "reorg_ms_depth_1": "30 or more (ponder)",
    "reorg_ms_depth_40": "up to 8,100 (ponder)",
}


class World(Protocol):
    """A node with a collection of ours, a migrated database, and a way to start the follower on them."""

    chain: LiveChain
    database_url: str

    def follow(self, finality_depth: int | None) -> Running:
        """Start `python -m indexer follow`; None: final is what the node's tag says."""


class TooLate(Trouble):
    """The index did not arrive where the chain is."""


@dataclass
class Watcher:
    """Looks at node and database as anybody could."""

    connection: psycopg.Connection[tuple[object, ...]]
    chain: LiveChain
    ear: Ear

    def took(self, answered: float) -> float:
        """Return the milliseconds from the newest block's being there to its being applied. Raises TooLate."""
        _, head = self.chain.head()
        seen = self._seen(head)
        return (seen - min(answered, self.ear.heard_at(head))) * 1000

    def _seen(self, head: bytes) -> float:
        query = "SELECT block_hash = %s FROM chain_cursors WHERE name = 'facts'"
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < give_up:
            found = self.connection.execute(query, (head,)).fetchone()
            if found is not None and found[0]:
                return time.monotonic()
            time.sleep(_LOOK_SECONDS)
        raise TooLate(f"block 0x{head.hex()} is not in the index after {_PATIENCE_SECONDS:.0f} s")

    def ghosts(self) -> int:
        """Count the rows of undone blocks, and the tickets whose holder is not the contract's own answer."""
        real = list(self.chain.hashes(0, self.chain.head()[0]))
        count = 0
        for table, column in (
            ("chain_blocks", "hash"),
            ("chain_logs", "block_hash"),
            ("token_movements", "block_hash"),
        ):
            count += self._count(f"SELECT count(*) FROM {table} WHERE NOT {column} = ANY(%s)", real)  # noqa: S608 - ours
        tokens = list(self.chain.owners)
        for token, owner in zip(tokens, self.chain.owner_of(tokens), strict=True):
            query = "SELECT count(*) FROM holdings WHERE collection = %s AND token_id = %s AND owner = %s"
            count += 1 - self._count(query, self.chain.collection, token, owner)
        return count

    def _count(self, query: str, *values: object) -> int:
        row = self.connection.execute(query.encode(), values).fetchone()
        return 0 if row is None else int(str(row[0]))


def measure(world: World) -> list[Figure]:
    """Follow with the node's own finality, two blocks behind its head, then with reorgs; return all figures."""
    with psycopg.connect(world.database_url, autocommit=True) as connection, Ear(world.chain.anvil.url) as ear:
        watcher = Watcher(connection, world.chain, ear)
        with _followed(world, watcher, None):
            figures = [*_live(watcher), _burst(watcher)]
        with _followed(world, watcher, _DEEP):
            return figures + _reorgs(watcher)


@contextmanager
def _followed(world: World, watcher: Watcher, finality_depth: int | None) -> Iterator[None]:
    process = world.follow(finality_depth)
    try:
        watcher.took(0.0)
        yield
    finally:
        process.stop()


def _live(watcher: Watcher) -> list[Figure]:
    chain, took = watcher.chain, []
    for turn in range(_BLOCKS):
        chain.pool(chain.moves(_MOVES, turn))
        time.sleep(_PAUSE_SECONDS)  # blocks come one by one, and not in step with anybody's polling
        took.append(watcher.took(chain.mine()))
    return [
        _figure("live_p50_ms", median(took), _P50_MS),
        _figure("live_p95_ms", quantiles(took, n=20)[-1], _P95_MS),
    ]


def _burst(watcher: Watcher) -> Figure:
    def once(turn: int) -> float:
        chain, mined = watcher.chain, 0.0
        for block in range(_BURST_BLOCKS):
            chain.pool(chain.moves(_BURST_MOVES, turn * _BURST_BLOCKS + block))
            mined = chain.mine()
        return watcher.took(mined)

    return _repeated("burst_lag_ms", once, _BURST_MS)


def _reorgs(watcher: Watcher) -> list[Figure]:
    chain = watcher.chain
    for turn in range(_DEEP):  # what was final in the first part lies that deep now
        _mine_moves(chain, turn)
    figures, ghosts = [], 0
    for depth in _DEPTHS:

        def once(turn: int, depth: int = depth) -> float:
            for block in range(depth):
                _mine_moves(chain, turn * depth + block)
            watcher.took(0.0)
            time.sleep(_PAUSE_SECONDS)
            return watcher.took(chain.reorg(depth, _REORG_MOVES, turn * depth + depth // 2))

        figures.append(_repeated(f"reorg_ms_depth_{depth}", once, _REORG_MS))
        ghosts += watcher.ghosts()
    return [*figures, Figure("reorg_ghost_rows", ghosts, "rows", None, "0", met=ghosts == 0)]


def _mine_moves(chain: LiveChain, turn: int) -> None:
    chain.pool(chain.moves(_REORG_MOVES, turn))
    chain.mine()


def _repeated(name: str, once: Callable[[int], float], most: float) -> Figure:
    return _figure(name, median([once(turn) for turn in range(_REPEATS)]), most)


def _figure(name: str, value: float, most: float) -> Figure:
    return Figure(name, value, "ms", _PEERS.get(name), f"<= {most:g}", met=value <= most)
