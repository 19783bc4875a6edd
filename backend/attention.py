"""Everything that has waited too long, with what a person can do about it; and the same as figures."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from backend.accounts import audit
from backend.accounts.access import Principal, Role, allow
from backend.kit import alarms, clock, notices
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.gauges import Reading, gauge
from backend.kit.notices import ReactionDone, ReactionStatus, ReactionUnknown, StoredReaction

router = APIRouter(prefix="/v1/admin", tags=["admin"])
_LABELS = ("machine", "state")
_RETRY_REACTION = alarms.Action("retry", "/v1/admin/reactions/{id}/retry")


class ActionOut(BaseModel):
    """A request that may help."""

    name: str = Field(examples=["retry"])
    method: str = Field(examples=["POST"])
    url: str = Field(examples=["/v1/admin/batches/0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01/retry"])


class AttentionOut(BaseModel):
    """Something that has been in its state for too long."""

    machine: str = Field(description="What kind of thing", examples=["batch"])
    id: UUID = Field(examples=["0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"])
    state: str = Field(examples=["STUCK"])
    since: datetime
    age_seconds: int = Field(examples=[1200])
    threshold_seconds: int = Field(description="From this age on it wants a person", examples=[900])
    reason: str | None = Field(examples=["ScopePaused(scope=2)"])
    what_to_do: str = Field(examples=["Read the reason, remove it, then retry or cancel the batch."])
    actions: list[ActionOut]

    @classmethod
    def of(cls, one: alarms.Overdue, now: datetime) -> "AttentionOut":
        """Show one; an action whose subject is not there (a job without a batch) is left out."""
        ids = {name: value for name, value in one.ids.items() if value is not None}
        possible = [action for action in one.rule.actions if _names(action.path) <= set(ids)]
        return cls(
            machine=one.machine.name,
            id=ids["id"],
            state=one.state,
            since=one.since,
            age_seconds=int((now - one.since).total_seconds()),
            threshold_seconds=one.rule.seconds,
            reason=one.reason,
            what_to_do=one.rule.does,
            actions=[ActionOut(name=a.name, method=a.method, url=a.path.format(**ids)) for a in possible],
        )


def _names(path: str) -> set[str]:
    return {part[1:-1] for part in path.split("/") if part.startswith("{")}


@router.get("/attention", summary="Everything that wants a person", responses=responses(Unauthenticated, Forbidden))
def attention(
    _principal: Annotated[Principal, allow(Role.ADMIN)],
    session: SessionDep,
    now: NowDep,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many")] = 100,
) -> list[AttentionOut]:
    """Return what is over the age of its state, oldest first, with the requests that may help."""
    return [AttentionOut.of(one, now) for one in alarms.overdue(session, now, limit)]


# The kit's own machine: it has no capability whose `alarms.py` could name it.
alarms.watch(
    alarms.Machine(
        "reaction",
        StoredReaction,
        StoredReaction.announced_at,
        {
            "WAITING": alarms.Waits(
                15 * 60,
                "What follows from a notice has not run: is the worker running? `reason` is what it stumbled over.",
                (_RETRY_REACTION,),
            ),
            "STUCK": alarms.Waits(
                0, "It failed too often: read the reason, remove it, then retry.", (_RETRY_REACTION,)
            ),
            "DONE": alarms.Rests("It has run, once."),
        },
        ReactionStatus,
        reason=StoredReaction.last_error,
    )
)


class ReactionOut(BaseModel):
    """Something that follows from what happened, in a transaction of its own."""

    id: UUID = Field(examples=["0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"])
    reaction: str = Field(examples=["backend.rewards.reactions.give"])
    notice: str = Field(examples=["OrderFulfilled"])
    status: ReactionStatus
    announced_at: datetime


@router.post(
    "/reactions/{reaction_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Run a stored reaction again",
    responses=responses(Unauthenticated, Forbidden, ReactionUnknown, ReactionDone),
)
def retry_reaction(
    reaction_id: UUID, admin: Annotated[Principal, allow(Role.ADMIN)], session: SessionDep, now: NowDep
) -> ReactionOut:
    """Let it run now. It and the mark that it is done share a transaction, so it happens once."""
    row = notices.retry(session, reaction_id)
    audit.record(session, admin.account_id, "reaction.retry", reaction_id, now)
    return ReactionOut(
        id=row.id,
        reaction=row.reaction,
        notice=row.notice,
        status=ReactionStatus(row.status),
        announced_at=row.announced_at,
    )


@gauge("waiting_oldest_seconds", "Age of the oldest in each state that has an alarm", labels=_LABELS)
def oldest(session: Session) -> Reading:
    """Age them all."""
    return {(machine.name, state): age for machine, state, age, _ in alarms.ages(session, clock.now())}


@gauge("waiting_over_threshold", "How many have been in their state for too long: each wants a person", labels=_LABELS)
def over_threshold(session: Session) -> Reading:
    """Count those that /v1/admin/attention lists."""
    return {(machine.name, state): float(over) for machine, state, _, over in alarms.ages(session, clock.now())}
