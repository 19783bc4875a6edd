"""How far the index has come on each network, as /health and the gauges tell it. Reads rows only, asks no node."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from pydantic import BaseModel, Field
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from backend.chain.models import ChainBlock, ChainCursor, CursorStatus

FACTS_CURSOR = "facts"
"""The name of the cursor under which the follower keeps its own place."""


FINAL_CURSORS = "final:"
"""The names of the cursors of those who are told of final logs begin so, one each."""

_TAG_BYTES = 12


class IndexState(StrEnum):
    """Whether a network's index moves."""

    NEW = "NEW"  # nothing was ever indexed
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"  # no process follows the network now: start the indexer
    STUCK = "STUCK"  # what its logs mean cannot be written: see the indexer's status
    HALTED = "HALTED"  # a block that was final was undone: a person must look


class NetworkProgress(BaseModel):
    """One network's index."""

    network: str = Field(examples=["eip155:56"])
    status: IndexState = Field(
        description="NEW: nothing was ever indexed; RUNNING; STOPPED: no process follows the network now; STUCK: what "
        "its logs mean cannot be written; HALTED: a block that was final was undone, a person must look"
    )
    last_block: int | None = Field(description="The newest block whose logs are applied", examples=[1234])
    finalized_block: int | None = Field(description="Everything up to it is final", examples=[1220])
    settled_block: int | None = Field(
        description="Up to it everybody who waits for final logs has had them; null before the first", examples=[1220]
    )
    lag_seconds: float | None = Field(
        description="Age of the newest block applied, which a quiet chain lets grow; null before the first",
        examples=[2.4],
    )
    lag_blocks: int | None = Field(
        None, description="Behind the newest block that this process's nodes showed; null when they showed none lately"
    )
    updated_at: datetime | None = Field(description="When the index last wrote how far it is")
    stuck_handlers: list[str] = Field(description="Handlers that fail while facts advance: see the indexer's status")


def progress(session: Session, now: datetime, networks: Sequence[str] = ()) -> list[NetworkProgress]:
    """Return one entry for each network the index has ever followed, and for each of `networks`."""
    by_network: dict[str, list[ChainCursor]] = {network: [] for network in networks}
    for cursor in session.scalars(select(ChainCursor).order_by(ChainCursor.network, ChainCursor.name)):
        by_network.setdefault(cursor.network, []).append(cursor)
    return [_of(session, network, cursors, now) for network, cursors in sorted(by_network.items())]


def lag_blocks(last_block: int | None, head: int | None) -> int | None:
    """Return how many blocks an index is behind a node's newest; None when either is not known."""
    return None if last_block is None or head is None else max(head - last_block, 0)


def _of(session: Session, network: str, cursors: Sequence[ChainCursor], now: datetime) -> NetworkProgress:
    facts = next((cursor for cursor in cursors if cursor.name == FACTS_CURSOR), None)
    settled = [cursor.block_number for cursor in cursors if cursor.name.startswith(FINAL_CURSORS)]
    newest = None if facts is None else _newest(session, facts)
    return NetworkProgress(
        network=network,
        status=_state(session, network, facts),
        last_block=None if facts is None else facts.block_number,
        finalized_block=None if facts is None else facts.finalized_number,
        settled_block=min(settled, default=None),
        lag_seconds=None if newest is None else max((now - newest).total_seconds(), 0.0),
        updated_at=None if facts is None else facts.updated_at,
        stuck_handlers=[cursor.name for cursor in cursors if cursor.status == CursorStatus.STUCK],
    )


def _state(session: Session, network: str, facts: ChainCursor | None) -> IndexState:
    if facts is not None and facts.status != CursorStatus.RUNNING:
        return IndexState(facts.status)
    if facts is None:
        return IndexState.NEW
    return IndexState.RUNNING if is_followed(session, network) else IndexState.STOPPED


def _newest(session: Session, facts: ChainCursor) -> datetime | None:
    """Return the time of the newest block that is applied: while much is read at once, of the newest with a log."""
    blocks = select(ChainBlock.timestamp).where(ChainBlock.network == facts.network)
    exact = session.scalar(blocks.where(ChainBlock.hash == facts.block_hash))
    if exact is not None:
        return exact
    before = blocks.where(ChainBlock.number <= facts.block_number, ChainBlock.canonical)
    return session.scalar(before.order_by(ChainBlock.number.desc()).limit(1))


def finalized(session: Session, network: str) -> int:
    """Return the newest final block; -1 when there is none."""
    found = session.scalar(
        select(ChainCursor.finalized_number).where(ChainCursor.network == network, ChainCursor.name == FACTS_CURSOR)
    )
    return -1 if found is None else found


def state(session: Session, network: str) -> str:
    """Return a text that is another whenever anything computed from the network's logs may be another."""
    query = select(
        ChainCursor.name,
        ChainCursor.block_number,
        func.encode(ChainCursor.block_hash, "hex"),
        ChainCursor.finalized_number,
    )
    rows = session.execute(query.where(ChainCursor.network == network).order_by(ChainCursor.name)).all()
    return sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()[: 2 * _TAG_BYTES]


def lock_key(network: str) -> int:
    """Return the key of the advisory lock that the process which follows `network` holds: a signed 64-bit number."""
    return int.from_bytes(sha256(f"backstage indexer {network}".encode()).digest()[:8], "big", signed=True)


def is_followed(session: Session, network: str) -> bool:
    """Say whether a process holds that lock now."""
    key = lock_key(network) & (2**64 - 1)
    query = text(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND classid::bigint = :high AND objid::bigint = :low)"
    )
    return bool(session.scalar(query, {"high": key >> 32, "low": key & 0xFFFFFFFF}))
