"""The index from zero: facts and projections deleted, read again, and compared with what stood there before.

Final handlers are not called again: what they did cannot be taken back. Their cursors and the checkpoint stay.
"""

from dataclasses import dataclass

from sqlalchemy import NullPool, create_engine, delete, update
from sqlalchemy.exc import DBAPIError

from backend.chain import proving, replay
from backend.chain.models import ChainBlock, ChainCursor, ChainLog
from backend.chain.progress import FACTS_CURSOR
from backend.chain.replay import TableCheck
from backend.kit import clock, db
from indexer import apply as facts
from indexer.apply import HandlerFailed, Place
from indexer.node import Node
from indexer.reorg import DeepReorg
from indexer.rpc import NodeTrouble
from indexer.runner import Job, Runner
from indexer.shared import answering
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
                at, before = facts.place(session, network), replay.digest(session, network)
        _check_finality(runner, at)
        _clear(writer, network, keep_finality=not accept_deep_reorg)
        until = None if at is None else at.mark.number
        limit = None if at is None else at.finalized
        if not runner.follow_with(writer, until, once=True, finality_limit=limit):
            return None
        with writer.transaction() as session:
            now = facts.place(session, network)
            after = replay.digest(session, network)
        _finish(writer, network)
        moved = at is not None and now is not None and now.mark != at.mark
        return Rebuilt(0 if now is None else now.mark.number, None if moved else before, after)


def rebuild_from_facts(runner: Runner) -> Rebuilt:
    """Delete the projections and fold them from the facts again, in one transaction: readers see no gap.

    The node is not asked. Raises NotAlone, HandlerFailed when the facts cannot be: then only `rebuild` helps.
    """
    network = runner.job.network
    with runner.locked(wait=False) as writer:
        with writer.transaction() as session:
            at = facts.place(session, network)
            before = replay.digest(session, network, whole=False)
            replay.clear(session, network)
            try:
                replay.replay(session, network)
            except Exception as impossible:
                raise HandlerFailed("replay", impossible) from impossible
            after = replay.digest(session, network, whole=False)
        _finish(writer, network)
    return Rebuilt(0 if at is None else at.mark.number, before, after)


def check(job: Job) -> list[TableCheck]:
    """Fold the projections beside those that stand and compare. Raises HandlerFailed when the facts cannot be."""
    engine = create_engine(db.driver_url(job.database_url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with db.snapshot(engine) as session:
            return replay.check(session, job.network)
    except DBAPIError:
        raise
    except Exception as impossible:
        raise HandlerFailed("replay", impossible) from impossible
    finally:
        engine.dispose()


def _finish(writer: Writer, network: str) -> None:
    """Let what was computed from projections be computed again."""
    with writer.transaction() as session:
        for hook in proving.registered.rebuilt:
            hook(session, network)


def _check_finality(runner: Runner, at: Place | None) -> None:
    """Refuse to throw away what the node could not give back."""
    if at is None:
        return
    rpc = answering(runner.job.rpc_urls, runner.job.network)
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
        replay.clear(session, network)
        session.execute(delete(ChainLog).where(ChainLog.network == network))
        session.execute(delete(ChainBlock).where(ChainBlock.network == network))
        values: dict[str, object] = {} if keep_finality else {"finalized_number": 0}
        session.execute(
            update(ChainCursor)
            .where(ChainCursor.network == network, ChainCursor.name == FACTS_CURSOR)
            .values(block_number=0, block_hash=None, updated_at=clock.now(), **values)
        )
