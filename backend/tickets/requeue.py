"""A person has removed what a mint job stumbled over: it may be batched now."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit.nudges import nudge
from backend.tickets import locks
from backend.tickets.errors import MintJobUnknown, NotStuck
from backend.tickets.models import Collection, MintJob
from backend.tickets.rules import step
from backend.tickets.states import CollectionStatus, JobStatus


def requeue(session: Session, job_id: UUID) -> MintJob:
    """Queue a STUCK job that is in no batch, if its event's collection is live now. Raises MintJobUnknown, NotStuck."""
    found = locks.tickets_with_jobs(session, MintJob.id == job_id)
    if not found:
        raise MintJobUnknown
    [(ticket, job)] = found
    collection = session.scalars(select(Collection).where(Collection.event_id == ticket.event_id)).one_or_none()
    if job.status != JobStatus.STUCK or job.batch_id is not None:
        raise NotStuck(status=job.status)
    if collection is None or collection.status != CollectionStatus.LIVE:
        raise NotStuck("The event's collection is not live yet.", status=job.status)
    job.collection_id = ticket.collection_id = collection.id
    job.status, job.last_error = step(JobStatus.STUCK, JobStatus.QUEUED), None
    nudge(session, "tickets.close_batch", collection.id)
    return job
