"""The message broker: one Celery app that the API sends nudges through and the worker listens to.

Messages are JSON and nothing else; they carry a task's name, one id and a trace id. Redis may forget all of them.
"""

import time

from celery import Celery

from backend.kit import logs

_REDELIVER_AFTER_SECONDS = 60
_QUIET_SECONDS = 3.0


def connect(redis_url: str) -> Celery:
    """Return the Celery app on `redis_url`; opens no connection yet."""
    app = Celery("backstage", broker=redis_url)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        # Jobs wait for networks and the database, not for the processor: threads in one process, so that one kill -9
        # is the death of all of it and leaves nobody behind.
        worker_pool="threads",
        worker_concurrency=4,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=2,
        broker_transport_options={
            # What a killed worker had taken comes back after this long; sweepers usually find its row sooner.
            "visibility_timeout": _REDELIVER_AFTER_SECONDS,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            # Of a sender that has no connection yet; kombu would try for minutes, whatever `retry=False` says.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
        enable_utc=True,
        timezone="UTC",
    )
    return app


class BrokerAway(Exception):
    """The broker did not answer a moment ago; it is asked again shortly."""


class Sender:
    """Sends a nudge and gives up at once when the broker does not answer: the sweeper finds the row.

    After a failure it does not even try for a few seconds, so that a dead broker slows down no request after the first.
    """

    def __init__(self, app: Celery) -> None:
        """Send through `app`."""
        self._app = app
        self._quiet_until = 0.0

    def __call__(self, task: str, subject: str) -> None:
        """Send `task` with the one argument `subject` and the trace id in force. Raises what the broker raises."""
        if time.monotonic() < self._quiet_until:
            raise BrokerAway
        try:
            self._app.send_task(task, args=[subject], headers={"trace_id": logs.trace_id()}, retry=False)
        except Exception:
            self._quiet_until = time.monotonic() + _QUIET_SECONDS
            raise
