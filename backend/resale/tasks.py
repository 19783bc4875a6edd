"""The worker's door: time passes, and promoters change rules, without a log about any ticket."""

from uuid import UUID

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.orm import Session

from backend.catalog.models import Event, EventStatus
from backend.chain import registry
from backend.kit import clock, jobs
from backend.kit.db import unit_of_work
from backend.resale import line, standing, taking, verdict
from backend.resale.models import MarketOrder
from backend.resale.signing import DRAFT_LIFE
from backend.resale.states import Status
from backend.tickets.models import Collection

_AT_ONCE = 500


@jobs.every(seconds=15)
@jobs.task("resale.sweep")
def sweep() -> None:
    """Let orders die that expired, or whose event is over or cancelled; forget drafts that nobody signed."""
    now = clock.now()
    with unit_of_work() as session:
        stale = (
            select(MarketOrder)
            .join(Event, Event.id == MarketOrder.event_id)
            .where(
                or_(
                    (MarketOrder.status == Status.WITHDRAWN) & (MarketOrder.expires_at < now),
                    (MarketOrder.status == Status.LISTED)
                    & or_(
                        MarketOrder.expires_at < now,
                        Event.ends_at <= now,
                        Event.status == EventStatus.CANCELLED.value,
                    ),
                ),
            )
            .order_by(MarketOrder.id)
            .limit(_AT_ONCE)
            .with_for_update(of=MarketOrder, skip_locked=True)
        )
        standing.look_again(session, session.scalars(stale).all(), now)
        session.execute(
            delete(MarketOrder)
            .where(
                MarketOrder.status == Status.DRAFT,
                MarketOrder.created_at < now - DRAFT_LIFE,
            )
            .execution_options(synchronize_session=False)
        )


@jobs.task("resale.invite")
def invite(tier_id: UUID) -> None:
    """Pass an invitation that nobody took in time on to the next in line."""
    with unit_of_work() as session:
        line.lock(session, tier_id)
        line.invite(session, tier_id, clock.now())


@jobs.every(seconds=60)
@jobs.task("resale.sweep_invitations")
def sweep_invitations() -> None:
    """Find the lines whose invitation has passed."""
    with unit_of_work() as session:
        waiting = line.lapsed(session, clock.now())
    jobs.swept(waiting, invite)


@jobs.task("resale.read_rules")
def read_rules(collection_id: UUID) -> None:
    """Ask the chain which orders of a collection would be refused now: its rules, their signers' wallets and money."""
    with unit_of_work() as session:
        collection = session.get_one(Collection, collection_id)
        orders = [taking.of(row) for row in session.scalars(_open(collection))]
    port = registry.port(collection.network)
    refused = {order.order_id: verdict.against(port, order, clock.now()) for order in orders}
    with unit_of_work() as session:
        _write(session, refused)


@jobs.every(seconds=300)
@jobs.task("resale.sweep_rules")
def sweep_rules() -> None:
    """Look at every collection with open orders: a freeze begins, a wallet's keys change, or a nudge was lost."""
    with unit_of_work() as session:
        query = (
            select(Collection.id)
            .join(MarketOrder, MarketOrder.event_id == Collection.event_id)
            .where(MarketOrder.status.in_([Status.LISTED, Status.INVALID]), MarketOrder.expires_at >= clock.now())
            .distinct()
        )
        waiting = list(session.scalars(query))
    jobs.swept(waiting, read_rules)


def _open(collection: Collection) -> Select[MarketOrder]:
    return select(MarketOrder).where(
        MarketOrder.network == collection.network,
        MarketOrder.collection == collection.address,
        MarketOrder.expires_at >= clock.now(),
        or_(
            MarketOrder.status == Status.LISTED,
            (MarketOrder.status == Status.INVALID) & MarketOrder.refused_by.is_not(None),
        ),
    )


def _write(session: Session, refused: dict[UUID, str | None]) -> None:
    query = select(MarketOrder).where(MarketOrder.id.in_(refused)).order_by(MarketOrder.id).with_for_update()
    rows = session.scalars(query.execution_options(populate_existing=True)).all()
    for row in rows:
        row.refused_by = refused[row.id]
    standing.look_again(session, rows, clock.now())
