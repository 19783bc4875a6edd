"""Nudges from the indexer leave on a thread of their own: a broker that hangs must not hold up the chain."""

from queue import Full, Queue
from threading import Thread

from backend.kit import broker, logs, nudges

_MOST_WAITING = 1_000
_log = logs.get(__name__)


def start(redis_url: str) -> None:
    """Send this process's nudges through the broker. One that is lost is swept up later."""
    waiting: Queue[tuple[str, str]] = Queue(_MOST_WAITING)
    sender = broker.Sender(broker.connect(redis_url))

    def carry() -> None:
        while True:
            task, subject = waiting.get()
            try:
                sender(task, subject)
            except Exception as error:  # noqa: BLE001 - whatever the broker raises, the row is safe
                _log.warning("nudge_lost", task=task, subject=subject, error=repr(error))

    def queue(task: str, subject: str) -> None:
        try:
            waiting.put_nowait((task, subject))
        except Full:
            _log.warning("nudge_lost", task=task, subject=subject, error="too many are waiting for the broker")

    Thread(target=carry, name="nudges", daemon=True).start()
    nudges.use(queue)
