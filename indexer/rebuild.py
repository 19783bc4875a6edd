"""The index from zero: facts and projections deleted, read again, and compared with what stood there before.

Final handlers are not called again: what they did cannot be taken back. Their cursors and the checkpoint stay.
"""

from dataclasses import dataclass
from hashlib import sha256

import psycopg
from sqlalchemy import delete, text, update
from sqlalchemy.orm import Session

from backend.chain import onlog
from backend.chain.models import ChainBlock, ChainCursor, ChainLog
from backend.chain.progress import FACTS_CURSOR
from backend.kit import clock
from indexer import apply as facts
from indexer.apply import Place
from indexer.node import Node
from indexer.reorg import DeepReorg
from indexer.rpc import NodeTrouble, Rpc
from indexer.runner import Runner
from indexer.writer import Writer


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild found. `same` is None when there was nothing to compare with."""

    block: int
    before: str | None
    after: str

    @property
    def same(self) -> bool | None:
        """Whether the projections came out as they were."""
        return None if self.before is None else self.before == self.after


def digest(session: Session, network: str) -> str:
    """Return SHA-256 (hex) over all rows of every projection of `network`, tables by name, rows by primary key."""
    raw = session.connection().connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("the index is read through psycopg 3")
    # The text of a value must not depend on who asks.
    for setting in ("SET LOCAL TimeZone = 'UTC'", "SET LOCAL bytea_output = 'hex'"):
        session.execute(text(setting))
    total = sha256()
    for table in sorted(onlog.registered.projections, key=lambda table: table.name):
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        order = ", ".join(f'"{column.name}"' for column in table.primary_key)
        total.update(f"{table.name}({columns})\n".encode())
        query = f'COPY (SELECT {columns} FROM "{table.name}" WHERE network = %s ORDER BY {order}) TO STDOUT'  # noqa: S608 - our own tables' names
        with raw.cursor() as cursor, cursor.copy(query, (network,)) as copy:
            for block in copy:
                total.update(block)
    return total.hexdigest()


def rebuild(runner: Runner, *, accept_deep_reorg: bool = False) -> Rebuilt | None:
    """Build the index of the runner's network anew, under one lock. None when it was stopped before the end.

    An interrupted rebuild is finished by the next `follow` or `rebuild`. Raises NotAlone, DeepReorg, WrongChain,
    NothingToFollow, NodeTrouble.
    """
    network = runner.job.network
    with runner.locked(wait=False) as writer:
        with writer.transaction() as session:
            known = facts.place(session, network) is not None
        at: Place | None = None
        before: str | None = None
        if known and not accept_deep_reorg:
            # So that both digests are of the same block: the head as it is now.
            if not runner.follow_with(writer, once=True):
                return None
            with writer.transaction() as session:
                at, before = facts.place(session, network), digest(session, network)
        _check_finality(runner, at)
        _clear(writer, network, keep_finality=not accept_deep_reorg)
        until = None if at is None else at.mark.number
        limit = None if at is None else at.finalized
        if not runner.follow_with(writer, until, once=True, finality_limit=limit):
            return None
        with writer.transaction() as session:
            now = facts.place(session, network)
            after = digest(session, network)
        moved = at is not None and now is not None and now.mark != at.mark
        return Rebuilt(0 if now is None else now.mark.number, None if moved else before, after)


def _check_finality(runner: Runner, at: Place | None) -> None:
    """Refuse to throw away what the node could not give back."""
    if at is None:
        return
    rpc = Rpc(runner.job.rpc_urls[0])
    try:
        [theirs] = Node(rpc, runner.job.finality_depth).headers([at.mark.number])
    finally:
        rpc.close()
    if theirs is None:
        raise NodeTrouble(f"the node does not have block {at.mark.number}: it could not give back what we have")
    if theirs.hash != at.mark.hash and at.mark.number <= at.finalized:
        raise DeepReorg(runner.job.network, at.mark.number, at.mark.hash, theirs.hash)


def _clear(writer: Writer, network: str, *, keep_finality: bool) -> None:
    """Delete facts and projections; the cursor stands before the first block again."""
    with writer.transaction() as session:
        for table in (*onlog.registered.projections, ChainLog.__table__):
            session.execute(delete(table).where(table.c.network == network))  # type: ignore[arg-type]
        session.execute(delete(ChainBlock).where(ChainBlock.network == network))
        values: dict[str, object] = {} if keep_finality else {"finalized_number": 0}
        session.execute(
            update(ChainCursor)
            .where(ChainCursor.network == network, ChainCursor.name == FACTS_CURSOR)
            .values(block_number=0, block_hash=None, updated_at=clock.now(), **values)
        )
