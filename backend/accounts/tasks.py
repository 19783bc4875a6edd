"""What accounts does by itself: forgets what has long expired."""

from backend.accounts import service
from backend.kit import clock, jobs, logs
from backend.kit.db import unit_of_work

_log = logs.get(__name__)


@jobs.every(seconds=3600)
@jobs.task("accounts.forget_expired")
def forget_expired() -> None:
    """Delete nonces and sessions that ended more than a week ago."""
    with unit_of_work() as session:
        gone = service.forget_expired(session, clock.now())
    if gone:
        _log.info("forgot_expired", rows=gone)
