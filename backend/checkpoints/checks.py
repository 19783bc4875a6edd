"""Checks of the index: rows that wait to be run, and what they came to."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.checkpoints.models import IndexCheck
from backend.checkpoints.states import CheckKind, CheckStatus
from backend.kit import jobs, logs
from backend.kit.nudges import nudge

TASKS = {CheckKind.CONTRACTS: "checkpoints.compare", CheckKind.REPLAY: "checkpoints.replay"}
_SHOWN = 50
_log = logs.get(__name__)


def want(
    session: Session, network: str, kind: CheckKind, now: datetime, checkpoint_id: UUID | None = None
) -> IndexCheck:
    """Have the index checked. One that waits already is passed over: the newer one sees all that it would."""
    waiting = (IndexCheck.network == network, IndexCheck.kind == kind, IndexCheck.status == CheckStatus.DUE)
    session.execute(
        update(IndexCheck).where(*waiting).values(status=CheckStatus.PASSED_OVER, status_since=now, lease_id=None)
    )
    row = IndexCheck(
        network=network,
        kind=kind,
        checkpoint_id=checkpoint_id,
        status=CheckStatus.DUE,
        status_since=now,
        compared=0,
        findings=[],
        created_at=now,
    )
    session.add(row)
    session.flush()
    nudge(session, TASKS[kind], row.id)
    return row


def settle(
    session: Session, row: IndexCheck, now: datetime, compared: int, findings: Sequence[str], *, was_full: bool
) -> None:
    """Write down what a check came to. One that looked at everything and agreed closes the mismatches before it."""
    jobs.release(row)
    row.status = CheckStatus.MISMATCH if findings else CheckStatus.AGREED
    row.status_since = now
    row.compared = compared
    row.findings = list(findings[:_SHOWN])
    row.reason = None if not findings else f"{len(findings)} differ: {findings[0]}"[:1000]
    session.flush()
    if findings:
        _log.error("index_mismatch", network=row.network, kind=row.kind, check_id=str(row.id), reason=row.reason)
    elif was_full:
        repaired(session, row.network, now, CheckKind(row.kind))


def repaired(session: Session, network: str, now: datetime, *kinds: CheckKind) -> None:
    """Close the open mismatches of these kinds: everything was looked at again and agrees."""
    session.execute(
        update(IndexCheck)
        .where(IndexCheck.network == network, IndexCheck.kind.in_(kinds), IndexCheck.status == CheckStatus.MISMATCH)
        .values(status=CheckStatus.REPAIRED, status_since=now)
    )


def has_mismatch(session: Session, network: str, kind: CheckKind) -> bool:
    """Say whether a mismatch is open: then everything is looked at until it is not."""
    query = select(IndexCheck.id).where(
        IndexCheck.network == network, IndexCheck.kind == kind, IndexCheck.status == CheckStatus.MISMATCH
    )
    return session.scalar(query.limit(1)) is not None


def last_at(session: Session, network: str, kind: CheckKind) -> datetime | None:
    """Return when a check of this kind was last asked for."""
    query = select(IndexCheck.created_at).where(IndexCheck.network == network, IndexCheck.kind == kind)
    return session.scalar(query.order_by(IndexCheck.id.desc()).limit(1))
