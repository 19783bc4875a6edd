"""Batches that the chain has not taken by their deadline: what their buyers are told, and what a person may allow."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select, update
from sqlalchemy.orm import Session

from backend.chain import outbox
from backend.orders.models import Order
from backend.tickets import batches, cancel
from backend.tickets.cancel import CannotRetry
from backend.tickets.errors import BatchUnknown
from backend.tickets.models import Batch, MintJob
from backend.tickets.states import BatchStatus, JobStatus

_SENDS = (batches.MINT, cancel.CANCEL)
"""What can wait for a fee in a batch's name: its mint, and the cancellation that takes its place."""

_STILL_TO_COME = exists().where(
    MintJob.order_id == Order.id, MintJob.status.in_([JobStatus.QUEUED, JobStatus.BATCHED, JobStatus.STUCK])
)
"""Once late, an order stays so until the tickets are there or given up: a cancelled batch brings them no sooner."""


def tell_orders(session: Session, now: datetime) -> None:
    """Write on the orders whether their tickets are late, and take it back where they are so no more.

    What somebody else works on just now is told at the next turn.
    """
    late_now = select(MintJob.order_id).join(Batch, Batch.id == MintJob.batch_id)
    late_now = late_now.where(Batch.status == BatchStatus.OVERDUE)
    _mark(session, list(session.scalars(_free(Order.id.in_(late_now), Order.tickets_overdue_since.is_(None)))), now)
    _mark(session, list(session.scalars(_free(Order.tickets_overdue_since.is_not(None), ~_STILL_TO_COME))), None)


def raise_ceiling(session: Session, batch_id: UUID, max_fee: int) -> tuple[Batch, int]:
    """Let what is unfinished of the batch offer up to `max_fee` wei a unit of gas, above what is usual.

    Both its mint and its cancellation: when both have their bytes, the later nonce waits for the earlier. Returns the
    batch and the lowest of their ceilings before. Raises BatchUnknown, CannotRetry (it was never sent), SendOver,
    CeilingNotHigher.
    """
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise BatchUnknown
    asked = [outbox.find(session, purpose, batch_id) for purpose in _SENDS]
    sends = [send.id for send in asked if send is not None]
    if not sends:
        raise CannotRetry(status=batch.status)
    return batch, outbox.raise_ceiling(session, sends, max_fee)


def _free(*where: ColumnElement[bool]) -> Select[UUID]:
    query = select(Order.id).where(*where).order_by(Order.id)
    return query.with_for_update(key_share=True, skip_locked=True)


def _mark(session: Session, order_ids: list[UUID], since: datetime | None) -> None:
    if order_ids:
        statement = update(Order).where(Order.id.in_(order_ids)).values(tickets_overdue_since=since)
        session.execute(statement.execution_options(synchronize_session="fetch"))
