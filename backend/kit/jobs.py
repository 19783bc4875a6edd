"""Jobs: the row is the job, a lease says who works on it, a sweeper finds the forgotten.

A task claims its row in a short transaction that writes a lease, works outside of any transaction, and writes its
result in another that first checks the lease is still its own. Every job survives being run twice.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backend.kit import clock, logs
from backend.kit.db import Base, unit_of_work
from backend.kit.errors import Retryable
from backend.kit.ids import new_id

_log = logs.get(__name__)
_FIRST_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 300.0
_ERROR_LENGTH = 500


class LeaseLost(Exception):
    """Another worker has taken the row over; what this one found out must not be written."""


class Leased:
    """Columns of a row that is a job. `run_after` keeps a failed one back; NULL means it may run at once."""

    lease_id: Mapped[UUID | None] = mapped_column(default=None)
    lease_expires_at: Mapped[datetime | None] = mapped_column(default=None)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    run_after: Mapped[datetime | None] = mapped_column(default=None)
    last_error: Mapped[str | None] = mapped_column(default=None)


Job = TypeVar("Job", bound=Base)


def _free(model: Any, now: datetime) -> list[ColumnElement[bool]]:
    return [
        or_(model.lease_expires_at.is_(None), model.lease_expires_at <= now),
        or_(model.run_after.is_(None), model.run_after <= now),
    ]


def claim(
    session: Session, model: type[Job], job_id: UUID, now: datetime, seconds: float = 60, *where: ColumnElement[bool]
) -> Job | None:
    """Lease the row for `seconds` if it is free, due and meets `where`; None when there is nothing to do.

    Rows locked by another worker are skipped, not waited for.
    """
    job: Any = model
    query = select(model).where(job.id == job_id, *_free(model, now), *where)
    query = query.with_for_update(skip_locked=True, key_share=True)
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is not None:
        leased: Any = row
        leased.lease_id, leased.lease_expires_at = new_id(), now + timedelta(seconds=seconds)
        session.flush()
    return row


def held(session: Session, model: type[Job], job_id: UUID, lease_id: UUID | None) -> Job:
    """Return the row locked, if `lease_id` still holds it. Raises LeaseLost."""
    job: Any = model
    query = select(model).where(job.id == job_id).with_for_update(key_share=True)
    row: Any = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None or lease_id is None or row.lease_id != lease_id:
        raise LeaseLost(f"{model.__tablename__} {job_id}")
    found: Job = row
    return found


def release(row: Leased) -> None:
    """Give the row back after success: no lease, no waiting, a clean slate."""
    row.lease_id = row.lease_expires_at = row.run_after = row.last_error = None
    row.attempts = 0


def retry_later(row: Leased, now: datetime, error: object) -> None:
    """Give the row back after a failure: it may run again after a pause that doubles up to five minutes."""
    row.attempts += 1
    pause = min(_FIRST_RETRY_SECONDS * 2 ** min(row.attempts - 1, 16), _LONGEST_RETRY_SECONDS)
    # Spread by up to a quarter, so that what failed together does not come back together.
    row.run_after = now + timedelta(seconds=pause * random.uniform(1.0, 1.25))  # noqa: S311 - jitter, no secret
    row.last_error = str(error)[:_ERROR_LENGTH]
    row.lease_id = row.lease_expires_at = None


@contextmanager
def given_back(model: type[Job], job_id: UUID, lease_id: UUID | None) -> Iterator[None]:
    """Give the leased row back when the block raises something Retryable, instead of letting the lease run out.

    Opens a transaction of its own, so the block holds none open. The error goes on.
    """
    try:
        yield
    except Retryable as error:
        try:
            with unit_of_work() as session:
                row: Any = held(session, model, job_id, lease_id)
                retry_later(row, clock.now(), error)
        except LeaseLost:
            _log.info("job_taken_over", table=model.__tablename__, job_id=str(job_id))
        raise


def due(session: Session, model: type[Job], now: datetime, *where: ColumnElement[bool], limit: int = 100) -> list[UUID]:
    """Return the ids of up to `limit` free rows that meet `where`, the longest due first. For sweepers.

    New rows come before all, by age. Were it age alone, many that do not get on would hold up every younger one.
    """
    job: Any = model
    query = select(job.id).where(*_free(model, now), *where).order_by(job.run_after.asc().nulls_first(), job.id)
    return list(session.scalars(query.limit(limit)))


@dataclass(frozen=True, slots=True)
class Task:
    """A function the worker can be asked to run, and how often the beat asks for it by itself (seconds)."""

    name: str
    run: Callable[..., None]
    every: float | None


registered: dict[str, Task] = {}
_periods: dict[Callable[..., None], float] = {}

TaskFunction = TypeVar("TaskFunction", bound=Callable[..., None])


def every(seconds: float) -> Callable[[TaskFunction], TaskFunction]:
    """Let the beat run the task (which then takes no argument) every `seconds`. Stands above `@task`."""

    def keep(function: TaskFunction) -> TaskFunction:
        name = next((t.name for t in registered.values() if t.run is function), None)
        if name is None:
            raise ValueError("@every stands above @task")
        registered[name] = Task(name, function, seconds)
        return function

    return keep


def task(name: str) -> Callable[[TaskFunction], TaskFunction]:
    """Make the decorated function a task called `name` (`capability.verb`); it takes one id, or nothing."""

    def keep(function: TaskFunction) -> TaskFunction:
        if name in registered and registered[name].run.__module__ != function.__module__:
            raise ValueError(f"two tasks are called {name}")
        registered[name] = Task(name, function, None)
        return function

    return keep


def swept(names: Sequence[UUID], run: Callable[[UUID], None]) -> None:
    """Run a task's function for each id a sweeper found; one that fails is logged and does not stop the others."""
    for job_id in names:
        try:
            run(job_id)
        except Exception as error:  # noqa: BLE001 - the row keeps its state; the next sweep tries again
            _log.exception("swept_job_failed", job_id=str(job_id), error=repr(error))
