"""Orders for admins: what is stuck, and deciding about it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from backend.accounts.access import Principal, Role, allow
from backend.catalog.errors import SoldOut
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.orders import pay, resolve, service
from backend.orders.errors import CannotHonour, OrderNotStuck, OrderUnknown
from backend.orders.models import Order, OrderResolution, OrderStatus, Resolution
from backend.orders.schemas import OrderOut

router = APIRouter(prefix="/v1/admin/orders", tags=["admin"])

Admin = Annotated[Principal, allow(Role.ADMIN)]
_NOON = "2027-03-01T12:00:00Z"


class ResolutionIn(BaseModel):
    """What to do with a stuck order, and why."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={
            "examples": [
                {"resolution": "honour", "reason": "The tier was raised by two seats; the tickets exist on chain."},
                {"resolution": "void", "reason": "The bank transfer of 3 March gave the money back."},
            ]
        },
    )

    resolution: Resolution
    reason: Annotated[str, Field(min_length=10, max_length=500, description="For whoever reads the books later")]


class ResolutionOut(BaseModel):
    """What was decided about a stuck order."""

    order_id: UUID
    resolution: Resolution
    reason: str = Field(examples=["The tier was raised by two seats; the tickets exist on chain."])
    by: UUID = Field(description="The admin's account")
    stuck_since: datetime = Field(examples=[_NOON])
    became: OrderStatus = Field(examples=["PAID"])
    decided_at: datetime = Field(examples=[_NOON])

    @classmethod
    def of(cls, row: OrderResolution) -> "ResolutionOut":
        """Show a row."""
        return cls(
            order_id=row.order_id,
            resolution=Resolution(row.resolution),
            reason=row.reason,
            by=row.account_id,
            stuck_since=row.stuck_since,
            became=OrderStatus(row.became),
            decided_at=row.decided_at,
        )


@router.get("", summary="Orders, oldest first", responses=responses(Unauthenticated, Forbidden, BadCursor))
def list_orders(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    state: Annotated[OrderStatus | None, Query(alias="status", description="Only those in this status")] = None,
) -> Page[OrderOut]:
    """List orders of every organisation."""
    query = select(Order) if state is None else select(Order).where(Order.status == state)
    rows, cursor = paginate(session, query, [Order.placed_at, Order.id], page)
    return Page(items=[OrderOut.of(row, pay.latest(session, row.id)) for row in rows], next_cursor=cursor)


@router.post(
    "/{order_id}/resolution",
    summary="Decide about a stuck order",
    responses=responses(Unauthenticated, Forbidden, OrderUnknown, OrderNotStuck, CannotHonour, SoldOut),
)
def decide(order_id: UUID, body: ResolutionIn, admin: Admin, session: SessionDep, now: NowDep) -> OrderOut:
    """Honour it (tickets, whatever clock and limit say, if seats are left) or void it (neither tickets nor money).

    To give its money back, refund it instead. The decision is kept with your account and cannot be changed.
    """
    order = resolve.resolve(session, order_id, admin.account_id, body.resolution, body.reason, now)
    return OrderOut.of(order, pay.latest(session, order.id))


@router.get(
    "/{order_id}/resolutions",
    summary="What was decided about an order",
    responses=responses(Unauthenticated, Forbidden, OrderUnknown),
)
def decisions(order_id: UUID, _principal: Admin, session: SessionDep) -> list[ResolutionOut]:
    """Return them, the newest last."""
    return [ResolutionOut.of(row) for row in resolve.of_order(session, service.get(session, order_id).id)]
