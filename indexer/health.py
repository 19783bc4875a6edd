"""How an index is, for `python -m indexer status`. The API tells the same from the same rows (/health, /metrics)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain.models import ChainBlock, ChainCursor, CursorStatus
from backend.chain.progress import FACTS_CURSOR, FINAL_CURSORS, is_followed
from indexer.follower import WrongChain
from indexer.node import Node
from indexer.rpc import NodeTrouble
from indexer.runner import Job
from indexer.shared import answering
from indexer.writer import Writer

_PATIENCE = 2.0
"""Seconds that a person waits for each endpoint."""


@dataclass(frozen=True)
class HandlerHealth:
    """A final handler: the newest block whose logs it has had, RUNNING or STUCK, and its error."""

    name: str
    block: int
    status: str
    error: str | None


@dataclass(frozen=True)
class IndexHealth:
    """One network's index. `lag_blocks` is None when the node gave no head."""

    network: str
    status: str
    """RUNNING; STUCK: a projection cannot be written; HALTED: a deep reorg; NEW: nothing is indexed yet."""
    error: str | None = None
    followed: bool = False
    """A process holds the writer's lock now."""
    block: int = 0
    block_at: datetime | None = None
    head: int | None = None
    trouble: str | None = None
    """Why no endpoint gave the head."""
    finalized: int = 0
    updated_at: datetime | None = None
    handlers: list[HandlerHealth] = field(default_factory=list)

    @property
    def lag_blocks(self) -> int | None:
        """How many blocks the index is behind its node."""
        return None if self.head is None else max(self.head - self.block, 0)

    def is_well(self, most_lag: int) -> bool:
        """Say whether facts come in and are at most so many blocks behind."""
        lag = self.lag_blocks
        return self.status == CursorStatus.RUNNING and (lag is None or lag <= most_lag)

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values, times in ISO 8601."""
        values = asdict(self) | {"lag_blocks": self.lag_blocks}
        return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in values.items()}

    def as_text(self) -> str:
        """Return everything as lines for a person."""
        lag = f"unknown: {self.trouble}" if self.head is None else f"{self.lag_blocks:,} blocks"
        lines = [
            f"network    {self.network}",
            f"status     {self.status}{'' if self.followed else ' (no process follows it now)'}",
            f"block      {self.block:,}{f' of {self.block_at:%Y-%m-%d %H:%M:%S} UTC' if self.block_at else ''}",
            f"head       {'unknown' if self.head is None else f'{self.head:,}'}",
            f"lag        {lag}",
            f"finalized  {self.finalized:,}",
        ]
        if self.error:
            lines.append(f"error      {self.error}")
        for handler in self.handlers:
            lines.append(f"handler    {handler.name}  {handler.status}  at block {handler.block:,}")
            if handler.error:
                lines.append(f"           {handler.error}")
        return "\n".join(lines)


def status(job: Job) -> IndexHealth:
    """Read the network's cursors, and the head of the first endpoint that gives one soon."""
    head, trouble = _head_of(job.rpc_urls, job.network)
    writer = Writer(job.database_url, job.network)
    try:
        with writer.transaction() as session:
            return health(session, job.network, head, trouble)
    finally:
        writer.close()


def health(session: Session, network: str, head: int | None, trouble: str | None = None) -> IndexHealth:
    """Read one network's cursors. `head` is None when no endpoint gave one, for `trouble`."""
    cursors = session.scalars(
        select(ChainCursor).where(ChainCursor.network == network).order_by(ChainCursor.name)
    ).all()
    followed = is_followed(session, network)
    facts = next((cursor for cursor in cursors if cursor.name == FACTS_CURSOR), None)
    if facts is None:
        return IndexHealth(network, "NEW", followed=followed, head=head, trouble=trouble)
    block_at = session.scalar(
        select(ChainBlock.timestamp).where(ChainBlock.network == network, ChainBlock.hash == facts.block_hash)
    )
    return IndexHealth(
        network=network,
        status=facts.status,
        error=facts.error,
        followed=followed,
        block=facts.block_number,
        block_at=block_at,
        head=head,
        trouble=trouble,
        finalized=facts.finalized_number,
        updated_at=facts.updated_at,
        handlers=[
            HandlerHealth(cursor.name.removeprefix(FINAL_CURSORS), cursor.block_number, cursor.status, cursor.error)
            for cursor in cursors
            if cursor.name.startswith(FINAL_CURSORS)
        ],
    )


def _head_of(urls: Sequence[str], network: str) -> tuple[int | None, str | None]:
    """Return the number of the newest block, of the first endpoint that serves the network; or None, and why."""
    try:
        rpc = answering(urls, network, _PATIENCE)
        try:
            return Node(rpc, 0).tip().head.number, None
        finally:
            rpc.close()
    except (NodeTrouble, WrongChain) as trouble:
        return None, str(trouble)
