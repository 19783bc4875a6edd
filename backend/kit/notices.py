"""Notices: how a lower floor tells upper ones what happened, in the past tense.

A reaction marked `at_once` is part of the promise and runs in the announcer's transaction: when it fails, so does the
announcement. Every other is marked `later`: a row is stored with the announcement and a worker runs it, so that a
failing reward never undoes a payment.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from backend.kit import clock, jobs, logs
from backend.kit.db import Base, locked, unit_of_work
from backend.kit.errors import Conflict, NotFound
from backend.kit.ids import new_id
from backend.kit.jobs import Leased
from backend.kit.nudges import nudge

_log = logs.get(__name__)
_ALARM_AFTER_ATTEMPTS = 12


@dataclass(frozen=True)
class Notice:
    """Something that happened. Subclasses are frozen dataclasses with UUID, str, int and bool fields only."""

    kinds: ClassVar[dict[str, type["Notice"]]] = {}

    def __init_subclass__(cls) -> None:
        """Remember the kind by name, so that stored reactions find it again."""
        Notice.kinds[cls.__name__] = cls

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {name: str(value) if isinstance(value, UUID) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Notice":
        """Rebuild the notice from `to_json`."""
        return cls(
            **{f.name: UUID(values[f.name]) if f.type in {UUID, "UUID"} else values[f.name] for f in fields(cls)}
        )


class ReactionStatus(StrEnum):
    """How far a stored reaction has come."""

    WAITING = "WAITING"
    DONE = "DONE"
    STUCK = "STUCK"  # it failed too often: a person must look


class ReactionUnknown(NotFound):
    """There is no such reaction."""

    code = "reaction_unknown"


class ReactionDone(Conflict):
    """The reaction has run; it runs once."""

    code = "reaction_done"


class StoredReaction(Leased, Base):
    """A reaction that still has to run, or ran: one row for each notice and each function marked `later`."""

    __tablename__ = "reactions"
    __table_args__ = (
        CheckConstraint("status IN ('WAITING', 'DONE', 'STUCK')", name="status"),
        Index("ix_reactions_waiting", "id", postgresql_where="status = 'WAITING'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    reaction: Mapped[str]
    notice: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    trace_id: Mapped[str]
    status: Mapped[str] = mapped_column(default="WAITING")
    announced_at: Mapped[datetime]


Reaction = Callable[[Session, Any, datetime], None]
ReactionFunction = TypeVar("ReactionFunction", bound=Reaction)
_at_once: dict[type[Notice], list[Reaction]] = defaultdict(list)
_later: dict[type[Notice], dict[str, Reaction]] = defaultdict(dict)
_wanted: dict[str, Callable[[], bool]] = {}


def at_once(kind: type[Notice]) -> Callable[[ReactionFunction], ReactionFunction]:
    """Run the decorated `(session, notice, now)` inside the announcer's transaction."""

    def keep(function: ReactionFunction) -> ReactionFunction:
        _at_once[kind].append(function)
        return function

    return keep


def later(
    kind: type[Notice], *, when: Callable[[], bool] | None = None
) -> Callable[[ReactionFunction], ReactionFunction]:
    """Run the decorated `(session, notice, now)` in a transaction of its own, some time after the commit.

    `when` is asked at the announcement: a reaction that could do nothing then (what it serves is switched off) leaves
    no row. Such a row a ticket is what slows a sold-out evening down.
    """

    def keep(function: ReactionFunction) -> ReactionFunction:
        name = f"{function.__module__}.{function.__qualname__}"
        _later[kind][name] = function
        if when is not None:
            _wanted[name] = when
        return function

    return keep


def announce(session: Session, notice: Notice) -> None:
    """Tell whoever reacts to `notice`: at once in this transaction, or later through a stored row."""
    now = clock.now()
    for react in _at_once[type(notice)]:
        react(session, notice, now)
    for name in _later[type(notice)]:
        if name in _wanted and not _wanted[name]():
            continue
        row = StoredReaction(
            reaction=name,
            notice=type(notice).__name__,
            payload=notice.to_json(),
            trace_id=logs.trace_id(),
            announced_at=now,
        )
        session.add(row)
        session.flush()
        nudge(session, "kit.react", row.id)


@jobs.task("kit.react")
def react(reaction_id: UUID) -> None:
    """Run one stored reaction. It and the mark that it is done share a transaction, so it happens once."""
    with unit_of_work() as session:
        row = jobs.claim(session, StoredReaction, reaction_id, clock.now(), 60, StoredReaction.status == "WAITING")
        if row is None:
            return
        lease = row.lease_id
    kind = Notice.kinds[row.notice]
    with logs.trace(row.trace_id):
        try:
            with unit_of_work() as session:
                mine = jobs.held(session, StoredReaction, reaction_id, lease)
                _later[kind][row.reaction](session, kind.from_json(row.payload), clock.now())
                jobs.release(mine)
                mine.status = "DONE"
        except Exception as error:  # noqa: BLE001 - whatever it was, the row says so and is tried again
            _log.exception("reaction_failed", reaction=row.reaction, reaction_id=str(reaction_id))
            with unit_of_work() as session:
                mine = jobs.held(session, StoredReaction, reaction_id, lease)
                jobs.retry_later(mine, clock.now(), repr(error))
                if mine.attempts >= _ALARM_AFTER_ATTEMPTS:
                    mine.status = "STUCK"


def retry(session: Session, reaction_id: UUID) -> StoredReaction:
    """Have a reaction that failed too often run again. Raises ReactionUnknown, ReactionDone."""
    row = locked(session, StoredReaction, reaction_id)
    if row is None:
        raise ReactionUnknown
    if row.status == "DONE":
        raise ReactionDone
    row.status, row.attempts, row.run_after = "WAITING", 0, None
    session.flush()
    nudge(session, "kit.react", row.id)
    return row


@jobs.every(seconds=10)
@jobs.task("kit.sweep_reactions")
def sweep_reactions() -> None:
    """Run the stored reactions whose nudge was lost."""
    with unit_of_work() as session:
        waiting = jobs.due(session, StoredReaction, clock.now(), StoredReaction.status == "WAITING")
    jobs.swept(waiting, react)
