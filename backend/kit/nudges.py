"""Nudges: messages that carry one id and leave after the commit.

A nudge only makes things quicker. The row it points at is the job; when the message is lost, a sweeper finds the row.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session

from backend.kit import logs
from backend.kit.db import after_commit

Sender = Callable[[str, str], None]
_log = logs.get(__name__)


def _nobody_listens(task: str, subject: str) -> None:
    _log.debug("nudge_unsent", task=task, subject=subject)


_send: Sender = _nobody_listens


def use(sender: Sender) -> None:
    """Set what carries messages away: the API and the worker hand in Celery's `send_task`."""
    global _send
    _send = sender


def nudge(session: Session, task: str, subject: UUID) -> None:
    """Ask for `task` to look at the row `subject` once this transaction has committed."""
    after_commit(session, lambda: send(task, subject))


def send(task: str, subject: UUID) -> None:
    """Send a nudge now. A broker that does not answer costs time, never work: the sweeper comes by."""
    try:
        _send(task, str(subject))
    except Exception as error:  # noqa: BLE001 - whatever the broker raises, the row is safe and swept up later
        _log.warning("nudge_lost", task=task, subject=str(subject), error=repr(error))
