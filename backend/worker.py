"""The worker's door: hands nudges and the beat's ticks to the capabilities' tasks. Decides nothing.

Run: `celery -A backend.worker worker` and, once per installation, `celery -A backend.worker beat`.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from celery import Celery, Task
from celery.signals import beat_init, setup_logging, worker_init

from backend import discovery
from backend.kit import broker, db, jobs, logs, nudges
from backend.kit.errors import Retryable
from backend.settings import get_settings

_log = logs.get(__name__)


def _carry(run: Callable[..., None]) -> Callable[..., None]:
    def carried(self: Task, *subject: str) -> None:
        with logs.trace(getattr(self.request, "trace_id", None)):
            try:
                run(*(UUID(one) for one in subject))
            except Retryable as passing:
                # A deadlock, a network that is away: no fault of ours. The row says when to try again.
                _log.warning("task_put_off", task=self.name, subject=subject, error=repr(passing))

    return carried


def make_worker() -> Celery:
    """Return the Celery app with every capability's tasks and the beat's schedule."""
    discovery.check_settings()
    discovery.load("models", "reactions", "tasks")
    celery = broker.connect(get_settings().redis_url)
    schedule: dict[str, Any] = {}
    for task in jobs.registered.values():
        celery.task(name=task.name, bind=True)(_carry(task.run))
        if task.every is not None:
            # A tick nobody took within its period is stale: the next one does the same work.
            schedule[task.name] = {"task": task.name, "schedule": task.every, "options": {"expires": task.every}}
    celery.conf.beat_schedule = schedule
    return celery


def _log_as_json(**_: Any) -> None:
    logs.configure(get_settings().log_level)


def _open(**_: Any) -> None:
    db.configure(get_settings().database_url)
    nudges.use(broker.Sender(app))


setup_logging.connect(_log_as_json)
worker_init.connect(_open)
beat_init.connect(_open)

app = make_worker()
