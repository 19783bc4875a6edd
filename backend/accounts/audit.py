"""Who of the platform did what to whose work: one row for each request that an admin made and that was obeyed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from backend.accounts.models import AdminAction
from backend.kit import logs

_log = logs.get(__name__)


def record(session: Session, account_id: UUID, action: str, subject_id: UUID, now: datetime, **details: Any) -> None:
    """Keep, in the transaction of the deed, that an admin did `action` (`batch.retry`) to `subject_id`.

    `details` are ids and words, never personal data.
    """
    session.add(AdminAction(account_id=account_id, action=action, subject_id=subject_id, details=details, at=now))
    session.flush()
    _log.warning("admin_action", action=action, subject_id=str(subject_id), by=str(account_id), **details)
