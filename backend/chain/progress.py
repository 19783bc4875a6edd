"""How far the index has come on each network, as /health and the gauges tell it. Reads rows only, asks no node."""

from datetime import datetime

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain.models import ChainBlock, ChainCursor

FACTS_CURSOR = "facts"
"""The name of the cursor under which the follower keeps its own place."""


FINAL_CURSORS = "final:"
"""The names of the cursors of those who are told of final logs begin so, one each."""


class NetworkProgress(BaseModel):
    """One network's index."""

    network: str = Field(examples=["eip155:56"])
    status: str = Field(description="RUNNING, STUCK or HALTED", examples=["RUNNING"])
    last_block: int = Field(description="The newest block whose logs are applied")
    finalized_block: int = Field(description="Everything up to it is final")
    lag_seconds: float | None = Field(description="Age of the newest block applied; null before the first")
    stuck_handlers: list[str] = Field(description="Handlers that fail while facts advance: see the indexer's status")


def progress(session: Session, now: datetime) -> list[NetworkProgress]:
    """Return one entry for each network the index has ever followed."""
    cursors = session.scalars(select(ChainCursor).order_by(ChainCursor.network, ChainCursor.name)).all()
    found = []
    for facts in (cursor for cursor in cursors if cursor.name == FACTS_CURSOR):
        stuck = [c.name for c in cursors if c.network == facts.network and c.status == "STUCK"]
        newest = session.scalar(
            select(ChainBlock.timestamp).where(ChainBlock.network == facts.network, ChainBlock.hash == facts.block_hash)
        )
        found.append(
            NetworkProgress(
                network=facts.network,
                status=facts.status,
                last_block=facts.block_number,
                finalized_block=facts.finalized_number,
                lag_seconds=None if newest is None else max((now - newest).total_seconds(), 0.0),
                stuck_handlers=stuck,
            )
        )
    return found
