"""An order whose money goes back: its tickets lose their worth, wherever they are on their way."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.tickets import status_changes
from backend.tickets.models import MintJob, Ticket
from backend.tickets.rules import may_follow, step
from backend.tickets.states import JobStatus, TicketStatus


def void_tickets(session: Session, order_id: UUID, now: datetime) -> None:
    """Make the order's tickets VOID. What was not minted never will be; what was, becomes void on chain too.

    A job that is part of a batch runs its course: its number may be consumed at any moment. Its ticket is VOID here
    already and becomes so on chain once the mint is final. A used ticket stays used: somebody is inside with it.
    """
    query = (
        select(Ticket, MintJob)
        # What was bought on chain has no job, and is final.
        .outerjoin(MintJob, MintJob.ticket_id == Ticket.id)
        .where(Ticket.order_id == order_id)
        .order_by(Ticket.id)
        .with_for_update(of=Ticket)
        .execution_options(populate_existing=True)
    )
    rows: list[tuple[Ticket, MintJob | None]] = [(row[0], row[1]) for row in session.execute(query)]
    for ticket, job in rows:
        if ticket.status != TicketStatus.VOID and not may_follow(TicketStatus(ticket.status), TicketStatus.VOID):
            continue
        if job is None:
            status_changes.want(session, ticket, TicketStatus.VOID, now)
        elif may_follow(JobStatus(job.status), JobStatus.REFUNDING):
            job.status = step(JobStatus(job.status), JobStatus.REFUNDING)
            ticket.status = step(TicketStatus(ticket.status), TicketStatus.VOID)
        elif job.status != JobStatus.REFUNDING:
            status_changes.want(session, ticket, TicketStatus.VOID, now)
