"""An order whose money goes back: its tickets lose their worth, wherever they are on their way."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from backend.orders.models import Order
from backend.payments.models import Payment
from backend.payments.rules import ON_CHAIN
from backend.tickets import locks, payouts, status_changes
from backend.tickets.models import Ticket
from backend.tickets.rules import may_follow, step
from backend.tickets.states import JobStatus, TicketStatus


def begin(session: Session, order_id: UUID, refund_id: UUID, now: datetime, *, anyway: bool) -> None:
    """Take the tickets' worth away before the money goes: VOID, or LOCKED until a wallet has sent it.

    Raises TicketMoved for what is another's by now, and TicketUsed: unless `anyway`, where the money is ours to send.
    """
    order = session.get_one(Order, order_id)
    payment = session.get(Payment, order.payment_id)
    if payment is not None and payment.provider == ON_CHAIN:
        payouts.begin(session, order, refund_id, now)
        return
    rows = [ticket for ticket, _ in locks.tickets(session, Ticket.order_id == order_id)]
    payouts.check_given_back(session, rows, anyway=anyway)
    void_tickets(session, order_id, now)


def void_tickets(session: Session, order_id: UUID, now: datetime, *, besides: Sequence[UUID] = ()) -> None:
    """Make the order's tickets VOID. What was not minted never will be; what was, becomes void on chain too.

    A job that is part of a batch runs its course: its number may be consumed at any moment. Its ticket is VOID here
    already and becomes so on chain once the mint is final. A used ticket stays used: somebody is inside with it.
    Tickets in `besides` are left alone.
    """
    # What was bought on chain has no job, and is final.
    for ticket, job in locks.tickets(session, Ticket.order_id == order_id, Ticket.id.not_in(besides)):
        if ticket.status != TicketStatus.VOID and not may_follow(TicketStatus(ticket.status), TicketStatus.VOID):
            continue
        if job is None:
            status_changes.want(session, ticket, TicketStatus.VOID, now)
        elif may_follow(JobStatus(job.status), JobStatus.REFUNDING):
            job.status = step(JobStatus(job.status), JobStatus.REFUNDING)
            ticket.status = step(TicketStatus(ticket.status), TicketStatus.VOID)
        elif job.status != JobStatus.REFUNDING:
            status_changes.want(session, ticket, TicketStatus.VOID, now)
