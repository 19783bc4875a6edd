"""Every state that a row can wait in: how long is too long, and what a person then does.

A capability puts its table into `alarms.py`, one `watch` for each of its state machines. A state is either watched or
at rest, and says why; tests/house/test_alarms.py demands one of the two for each. What is over its threshold shows in
/metrics and in GET /v1/admin/attention, so that nothing waits silently.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

Identify = Callable[[Any], Mapping[str, UUID | None]]


@dataclass(frozen=True, slots=True)
class Action:
    """A request that a person can make: `path` has the names of ids in braces."""

    name: str
    path: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Waits:
    """A state that something or somebody has to end.

    `seconds` is the age from which it wants a person, `does` what that person does, in words. Without `actions` there
    is nothing to be done by request, and `does` says where else.
    """

    seconds: int
    does: str
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Rests:
    """A state that nobody has to end, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Machine:
    """One state machine: its table, where state, age and reason stand, and its states."""

    name: str
    model: Any
    since: Any
    states: Mapping[str, Waits | Rests]
    words: type[StrEnum]
    reason: Any = None
    identify: Identify = field(default=lambda row: {"id": row.id})
    where: tuple[ColumnElement[bool], ...] = ()

    def waiting(self) -> Iterator[tuple[str, Waits]]:
        """Return the states that have an alarm."""
        return ((state, rule) for state, rule in self.states.items() if isinstance(rule, Waits))


@dataclass(frozen=True, slots=True)
class Overdue:
    """A row that has been in its state for too long."""

    machine: Machine
    rule: Waits
    state: str
    since: datetime
    reason: str | None
    ids: Mapping[str, UUID | None]


registered: dict[str, Machine] = {}


def watch(machine: Machine) -> None:
    """Add a machine to the table."""
    if machine.name in registered and registered[machine.name].model.__name__ != machine.model.__name__:
        raise ValueError(f"two machines are called {machine.name}")
    registered[machine.name] = machine


def ages(session: Session, now: datetime) -> Iterator[tuple[Machine, str, float, int]]:
    """Return for each watched state (machine, state, age of the oldest in seconds, how many are over its threshold)."""
    for machine in registered.values():
        status, since = machine.model.status, machine.since
        for state, rule in machine.waiting():
            late = func.count().filter(since <= now - timedelta(seconds=rule.seconds))
            query = select(func.min(since), late).select_from(machine.model).where(status == state, *machine.where)
            oldest, over = session.execute(query).one()
            yield machine, state, max((now - oldest).total_seconds(), 0.0) if oldest else 0.0, over


def overdue(session: Session, now: datetime, limit: int) -> list[Overdue]:
    """Return at most `limit` rows that want a person, those that have waited longest first."""
    found: list[Overdue] = []
    for machine in registered.values():
        for state, rule in machine.waiting():
            late = machine.since <= now - timedelta(seconds=rule.seconds)
            query = (
                select(machine.model, machine.since)
                .where(machine.model.status == state, late, *machine.where)
                .order_by(machine.since)
                .limit(limit)
            )
            for row, since in session.execute(query):
                reason = getattr(row, machine.reason.key) if machine.reason is not None else None
                found.append(Overdue(machine, rule, state, since, reason, machine.identify(row)))
    return sorted(found, key=lambda one: one.since)[:limit]
