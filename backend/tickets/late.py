"""Batches that the chain has not taken by their deadline: what their buyers are told, and what a person may allow."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select, update
from sqlalchemy.orm import Session

from backend.chain import outbox
from backend.orders.models import Order
from backend.tickets.cancel import CannotRetry
from backend.tickets.errors import BatchUnknown
from backend.tickets.models import Batch, MintJob
from backend.tickets.states import BatchStatus

_IN_A_LATE_BATCH = exists().where(
    MintJob.order_id == Order.id, MintJob.batch_id == Batch.id, Batch.status == BatchStatus.OVERDUE
)


def tell_orders(session: Session, now: datetime) -> None:
    """Write on the orders whether their tickets are late, and take it back where they are so no more.

    What somebody else works on just now is told at the next turn.
    """
    late_now = select(MintJob.order_id).join(Batch, Batch.id == MintJob.batch_id)
    late_now = late_now.where(Batch.status == BatchStatus.OVERDUE)
    _mark(session, list(session.scalars(_free(Order.id.in_(late_now), Order.tickets_overdue_since.is_(None)))), now)
    _mark(session, list(session.scalars(_free(Order.tickets_overdue_since.is_not(None), ~_IN_A_LATE_BATCH))), None)


def raise_ceiling(session: Session, batch_id: UUID, max_fee: int) -> Batch:
    """Let the batch's transaction offer up to `max_fee` wei a unit of gas, above what is usual.

    Raises BatchUnknown, CannotRetry (it was never sent), SendOver, CeilingNotHigher.
    """
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise BatchUnknown
    if batch.send_id is None:
        raise CannotRetry(status=batch.status)
    outbox.raise_ceiling(session, batch.send_id, max_fee)
    return batch


def _free(*where: ColumnElement[bool]) -> Select[UUID]:
    query = select(Order.id).where(*where).order_by(Order.id)
    return query.with_for_update(key_share=True, skip_locked=True)


def _mark(session: Session, order_ids: list[UUID], since: datetime | None) -> None:
    if order_ids:
        statement = update(Order).where(Order.id.in_(order_ids)).values(tickets_overdue_since=since)
        session.execute(statement.execution_options(synchronize_session="fetch"))
