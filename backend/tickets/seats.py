"""Which seats of refunded orders may be sold again: those whose ticket was never minted and never will be.

Why not the others as well: docs/decisions/0009-refunded-seats.md.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.orders import service as orders
from backend.tickets.models import MintJob
from backend.tickets.states import JobStatus


def give_back(session: Session, order_ids: Iterable[UUID]) -> None:
    """Put the given-up seats of these orders on sale again, if their money has gone back. Twice is once."""
    wanted = set(order_ids)
    if not wanted:
        return
    query = (
        select(MintJob.order_line_id, func.count())
        .where(MintJob.order_id.in_(wanted), MintJob.status == JobStatus.REFUNDING, MintJob.batch_id.is_(None))
        .group_by(MintJob.order_line_id)
    )
    orders.give_seats_back(session, wanted, {row[0]: row[1] for row in session.execute(query)})
