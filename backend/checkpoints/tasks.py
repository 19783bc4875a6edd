"""What the worker does to have the index prove itself."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from backend.chain.models import ChainCursor
from backend.chain.progress import FACTS_CURSOR
from backend.checkpoints import checks, compare, replays, take
from backend.checkpoints.models import IndexCheck
from backend.checkpoints.states import CheckKind, CheckStatus
from backend.kit import clock, jobs, nudges
from backend.kit.db import unit_of_work
from backend.settings import get_settings

_DAY = timedelta(hours=24)


@jobs.every(seconds=5)
@jobs.task("checkpoints.take")
def take_due() -> None:
    """Take a checkpoint of every network in which something has changed for long enough."""
    with unit_of_work() as session:
        networks = session.scalars(select(ChainCursor.network).where(ChainCursor.name == FACTS_CURSOR)).all()
    for network in networks:
        with unit_of_work() as session:
            if take.due(session, network, clock.now(), get_settings().checkpoint_seconds):
                take.take(session, network, clock.now())


@jobs.every(seconds=60)
@jobs.task("checkpoints.sweep")
def sweep() -> None:
    """Ask for the checks of the day, and nudge those that are due."""
    with unit_of_work() as session:
        now = clock.now()
        for network in session.scalars(select(ChainCursor.network).where(ChainCursor.name == FACTS_CURSOR)).all():
            for kind in CheckKind:
                last = checks.last_at(session, network, kind)
                if last is None or last <= now - _DAY:
                    checks.want(session, network, kind, now)
        waiting = {
            kind: jobs.due(session, IndexCheck, now, IndexCheck.kind == kind, IndexCheck.status == CheckStatus.DUE)
            for kind in CheckKind
        }
    for kind, ids in waiting.items():
        for check_id in ids:
            nudges.send(checks.TASKS[kind], check_id)


@jobs.task("checkpoints.compare")
def compare_one(check_id: UUID) -> None:
    """Compare the projections with the contracts."""
    compare.run(check_id)


@jobs.task("checkpoints.replay")
def replay_one(check_id: UUID) -> None:
    """Compare the projections with the facts."""
    replays.run(check_id)
