"""Handing final logs to the `@when_final` handlers: each sees each log once, at its own pace.

A handler has a cursor of its own, moved in the transaction in which it ran. One that fails goes STUCK, is tried again
ever more slowly, and holds up nobody else.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain import onlog
from backend.chain.facts import Facts
from backend.chain.models import ChainBlock, ChainCursor, ChainLog, CursorStatus
from backend.chain.onlog import Log, Subscription
from backend.chain.progress import FACTS_CURSOR, FINAL_CURSORS
from backend.chain.stored import stored_facts
from backend.kit import clock, logs
from indexer.apply import chosen, place, watched

_LOGS_AT_ONCE, _LOGS_AT_THE_HEAD = 5_000, 250
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_log = logs.get(__name__)
Open = Callable[[], AbstractContextManager[Session]]

_PRUNE = text("""
    DELETE FROM chain_blocks b WHERE b.network = :network AND b.number >= :after AND b.number < :upto
    AND NOT EXISTS (
        SELECT FROM chain_logs l
        WHERE l.network = b.network AND l.block_number = b.number AND l.block_hash = b.hash)
""")


@dataclass
class _Failing:
    """When to try a failing handler again."""

    pause: float
    not_before: float


@dataclass
class Finality:
    """The final handlers of one network."""

    network: str
    open: Open
    still_ours: Callable[[], bool]
    """Says whether the connection stands: an error on a lost one is no handler's fault."""
    _failing: dict[str, _Failing] = field(default_factory=dict)

    def advance(self, finalized: int, finalized_hash: bytes | None) -> bool:
        """Move the checkpoint up to `finalized` (never back) if that block is ours. Return whether it moved."""
        with self.open() as session:
            at = place(session, self.network)
            if at is None:
                return False
            goal = min(finalized, at.mark.number)
            if goal <= at.finalized:
                return False
            if finalized_hash is not None and goal == finalized and not self._is_ours(session, goal, finalized_hash):
                return False
            session.execute(
                update(ChainCursor)
                .where(ChainCursor.network == self.network, ChainCursor.name == FACTS_CURSOR)
                .values(finalized_number=goal, updated_at=clock.now())
            )
            # Final blocks that hold nothing of ours need no row: nothing will ever be compared with them.
            session.execute(_PRUNE, {"network": self.network, "after": at.finalized, "upto": goal})
        return True

    def run(self, is_called: Callable[[], bool], *, at_the_head: bool) -> bool:
        """Give every handler its next final logs, as long as nobody calls. Return whether there is more to give.

        At the head the helpings are small: a block that comes meanwhile waits for one handler's.
        """
        with self.open() as session:
            cursors = self._cursors(session)
            at = place(session, self.network)
            # During a rebuild the facts are behind the checkpoint.
            goal = 0 if at is None else min(at.finalized, at.mark.number)
            behind = {name: block for name, block in cursors.items() if block < goal and self._may_try(name)}
            if not behind:
                return False
            lowest = min(behind.values())
            contracts = watched(session, self.network)
            found, upto = self._next(session, lowest, goal, _LOGS_AT_THE_HEAD if at_the_head else _LOGS_AT_ONCE)
        idle: list[str] = []
        for subscription in onlog.registered.final:
            name = FINAL_CURSORS + subscription.name
            if name not in behind or behind[name] >= upto:
                continue
            if is_called():
                return True
            mine = chosen(subscription, contracts, found.above(behind[name]))
            if mine:
                self._give(subscription, mine, behind[name], upto)
            else:
                idle.append(name)
        if idle:
            with self.open() as session:
                self._move(session, idle, upto)
        return upto < goal

    def _is_ours(self, session: Session, number: int, block_hash: bytes) -> bool:
        query = select(ChainBlock.hash).where(
            ChainBlock.network == self.network, ChainBlock.number == number, ChainBlock.canonical
        )
        return session.scalar(query) == block_hash

    def _may_try(self, name: str) -> bool:
        failing = self._failing.get(name)
        return failing is None or monotonic() >= failing.not_before

    def _cursors(self, session: Session) -> dict[str, int]:
        names = [FINAL_CURSORS + subscription.name for subscription in onlog.registered.final]
        query = select(ChainCursor.name, ChainCursor.block_number).where(ChainCursor.network == self.network)
        found = {name: number for name, number in session.execute(query) if name in names}
        new = [name for name in names if name not in found]
        if new:
            rows = [
                {
                    "network": self.network,
                    "name": name,
                    "block_number": 0,
                    "finalized_number": 0,
                    "status": CursorStatus.RUNNING,
                    "updated_at": clock.now(),
                }
                for name in new
            ]
            session.execute(insert(ChainCursor), rows)
        return found | dict.fromkeys(new, 0)

    def _next(self, session: Session, after: int, upto: int, most: int) -> tuple[Facts, int]:
        """Return about `most` logs of whole blocks after `after`, and the block up to which they reach."""
        inside = (ChainLog.network == self.network, ChainLog.block_number > after, ChainLog.block_number <= upto)
        crossed = session.scalar(
            select(ChainLog.block_number)
            .where(*inside)
            .order_by(ChainLog.block_number, ChainLog.log_index)
            .offset(most)
            .limit(1)
        )
        if crossed is not None:
            lowest = session.scalar(select(func.min(ChainLog.block_number)).where(*inside))
            upto = max(crossed - 1, lowest or 0)
        return stored_facts(session, self.network, after, upto), upto

    def _give(self, subscription: Subscription, mine: Sequence[Log], after: int, upto: int) -> None:
        name = FINAL_CURSORS + subscription.name
        try:
            with self.open() as session:
                # The last word on "exactly once": the cursor's row, locked, is still where these logs begin.
                query = select(ChainCursor).where(ChainCursor.network == self.network, ChainCursor.name == name)
                row = session.scalars(query.with_for_update()).one()
                if row.block_number != after:
                    return
                subscription.handle(session, self.network, mine)
                session.flush()
                self._move(session, [name], upto)
        except Exception as error:
            if not self.still_ours():
                raise
            self._stuck(name, error, after)
        else:
            self._failing.pop(name, None)

    def _move(self, session: Session, names: Sequence[str], upto: int) -> None:
        session.execute(
            update(ChainCursor)
            .where(ChainCursor.network == self.network, ChainCursor.name.in_(names))
            .values(
                block_number=upto,
                finalized_number=upto,
                status=CursorStatus.RUNNING,
                error=None,
                updated_at=clock.now(),
            )
        )

    def _stuck(self, name: str, error: Exception, after: int) -> None:
        before = self._failing.get(name)
        pause = _FIRST_PAUSE if before is None else min(before.pause * 2, _LONGEST_PAUSE)
        self._failing[name] = _Failing(pause, monotonic() + pause)
        _log.error("handler_stuck", handler=name, after_block=after, again_in_seconds=pause, exc_info=error)
        with self.open() as session:
            session.execute(
                update(ChainCursor)
                .where(ChainCursor.network == self.network, ChainCursor.name == name)
                .values(status=CursorStatus.STUCK, error=repr(error)[:1000], updated_at=clock.now())
            )
