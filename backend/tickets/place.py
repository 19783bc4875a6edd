"""A paid order becomes tickets and mint jobs: one of each for every unit of every line, however often it is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.catalog.models import Tier
from backend.kit import logs
from backend.kit.ids import new_id
from backend.kit.nudges import nudge
from backend.orders.models import Order, OrderLine
from backend.tickets import bought
from backend.tickets.models import Collection, MintJob, Ticket
from backend.tickets.states import CollectionStatus, Custody, JobStatus, TicketStatus

NO_WALLET = "no_wallet"
NO_COLLECTION = "the event has no live collection"
_log = logs.get(__name__)


def place(session: Session, order_id: UUID, now: datetime) -> None:
    """Write the order's tickets and mint jobs. The unique (order line, unit) makes a repeat do nothing.

    An order that was paid on chain has its tokens already: it gets tickets and no jobs.

    An event without a live collection cannot have been on sale; should it be so, its jobs are STUCK and wait for a
    person, because the money has been taken and refusing here would undo that record.
    """
    order = session.get_one(Order, order_id)
    purchase = bought.purchase_of(session, order)
    if purchase is not None:
        bought.place(session, order, purchase, now)
        return
    collection = session.scalars(select(Collection).where(Collection.event_id == order.event_id)).one_or_none()
    live = collection is not None and collection.status == CollectionStatus.LIVE
    if not live:
        _log.error("paid_without_collection", order_id=str(order_id), event_id=str(order.event_id))
    query = (
        select(OrderLine, Tier.number).join(Tier, Tier.id == OrderLine.tier_id).where(OrderLine.order_id == order_id)
    )
    units = [
        _Unit(line, unit, tier_number)
        for line, tier_number in session.execute(query.order_by(OrderLine.id))
        for unit in range(line.quantity)
    ]
    _place_units(session, order, units, collection, now, live=live)
    if collection is not None and live:
        nudge(session, "tickets.close_batch", collection.id)


@dataclass(frozen=True, slots=True)
class _Unit:
    line: OrderLine
    number: int
    tier_number: int


def _place_units(
    session: Session,
    order: Order,
    units: Sequence[_Unit],
    collection: Collection | None,
    now: datetime,
    *,
    live: bool,
) -> None:
    """Write all tickets, then the jobs of those that are new: two statements however many there are."""

    def common(unit: _Unit) -> dict[str, Any]:
        return {
            "organisation_id": order.organisation_id,
            "order_id": order.id,
            "order_line_id": unit.line.id,
            "unit": unit.number,
            "collection_id": collection.id if collection else None,
            "created_at": now,
        }

    tickets = [
        {
            "id": new_id(),
            "event_id": order.event_id,
            "tier_id": unit.line.tier_id,
            "status": TicketStatus.PENDING,
            "custody": Custody.WALLET if order.recipient else Custody.ESCROW,
            "holder_account_id": order.account_id,
            **common(unit),
        }
        for unit in units
    ]
    written = insert(Ticket).values(tickets).on_conflict_do_nothing(index_elements=["order_line_id", "unit"])
    new = {
        (line_id, number): ticket_id
        for ticket_id, line_id, number in session.execute(
            written.returning(Ticket.id, Ticket.order_line_id, Ticket.unit)
        )
    }
    jobs = [
        {
            "id": new_id(),
            "ticket_id": new[unit.line.id, unit.number],
            "tier_number": unit.tier_number,
            "recipient": order.recipient,
            "escrow_reason": None if order.recipient else NO_WALLET,
            "status": JobStatus.QUEUED if live else JobStatus.STUCK,
            "last_error": None if live else NO_COLLECTION,
            "attempts": 0,
            "trace_id": logs.trace_id(),
            **common(unit),
        }
        for unit in units
        if (unit.line.id, unit.number) in new
    ]
    if jobs:
        session.execute(insert(MintJob).values(jobs))
