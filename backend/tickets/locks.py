"""How rows of this capability are locked, so that nobody waits in a circle (docs/decisions/0008-lock-order.md).

From above: the send in the outbox, payments, orders, the collection, batches, tickets each with its mint job, then
claims, their codes and status changes; last the tiers. Many rows of one kind are locked by one statement, sorted.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from backend.kit.db import locked
from backend.tickets.models import Batch, MintJob, Ticket


def tickets_with_jobs(session: Session, *where: ColumnElement[bool]) -> list[tuple[Ticket, MintJob]]:
    """Lock the tickets that meet `where`, each with its mint job, in the order of the tickets' ids.

    `where` may speak of both. It is judged again on rows that had to be waited for. A job is never locked alone.
    """
    query = (
        select(Ticket, MintJob)
        .join(MintJob, MintJob.ticket_id == Ticket.id)
        .where(*where)
        .order_by(Ticket.id)
        .with_for_update(of=[Ticket, MintJob], key_share=True)
        .execution_options(populate_existing=True)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def hold_tickets_with_jobs(session: Session, *where: ColumnElement[bool]) -> None:
    """As `tickets_with_jobs`, for statements that write many rows at once: lock, and load nothing."""
    query = (
        select(Ticket.id)
        .join(MintJob, MintJob.ticket_id == Ticket.id)
        .where(*where)
        .order_by(Ticket.id)
        .with_for_update(of=[Ticket, MintJob], key_share=True)
    )
    session.scalars(query).all()


def hold_tickets(session: Session, ids: Iterable[UUID]) -> None:
    """As `tickets`, without loading them."""
    wanted = list(ids)
    query = select(Ticket.id).where(Ticket.id.in_(wanted)).order_by(Ticket.id).with_for_update(key_share=True)
    session.scalars(query).all()
    jobs = select(MintJob.id).where(MintJob.ticket_id.in_(wanted)).order_by(MintJob.ticket_id)
    session.scalars(jobs.with_for_update(key_share=True)).all()


def tickets(session: Session, *where: ColumnElement[bool]) -> list[tuple[Ticket, MintJob | None]]:
    """Lock the tickets that meet `where` in the order of their ids, each with its mint job if it has one.

    What was bought on chain has none. Two statements, because the optional side of a join cannot be locked, and read
    unlocked it would be as old as the wait for its ticket. `where` speaks of tickets only.
    """
    query = select(Ticket).where(*where).order_by(Ticket.id).with_for_update(key_share=True)
    found = session.scalars(query.execution_options(populate_existing=True)).all()
    jobs = select(MintJob).where(MintJob.ticket_id.in_([ticket.id for ticket in found])).order_by(MintJob.ticket_id)
    locked_jobs = session.scalars(jobs.with_for_update(key_share=True).execution_options(populate_existing=True))
    by_ticket = {job.ticket_id: job for job in locked_jobs}
    return [(ticket, by_ticket.get(ticket.id)) for ticket in found]


def batches(session: Session, ids: Iterable[UUID]) -> dict[UUID, Batch]:
    """Lock these batches in the order of their ids. Unknown ids are left out."""
    query = select(Batch).where(Batch.id.in_(set(ids))).order_by(Batch.id).with_for_update(key_share=True)
    return {row.id: row for row in session.scalars(query.execution_options(populate_existing=True))}


def batch(session: Session, batch_id: UUID) -> Batch:
    """Lock one batch. Raises LookupError."""
    found = locked(session, Batch, batch_id)
    if found is None:
        raise LookupError(f"no batch {batch_id}")
    return found
