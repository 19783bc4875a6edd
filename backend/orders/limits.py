"""How many tickets of a tier one buyer may have: what they hold and what they bought, over all of their orders."""

from uuid import UUID

from sqlalchemy import ColumnElement, false, func, or_, select
from sqlalchemy.orm import Session

from backend.catalog.models import Tier
from backend.orders import rules
from backend.orders.models import Order, OrderLine


def check(
    session: Session,
    tier: Tier,
    wanted: int,
    *,
    account_id: UUID | None,
    email: str | None,
    besides: UUID | None = None,
) -> None:
    """Refuse `wanted` more tickets of a locked tier if they would take the buyer over its limit. Raises OverLimit.

    The lock on the tier is what makes parallel requests count each other. Guests are known by their normalised
    address; `besides` leaves one order out of the count.
    """
    if tier.per_account_limit is None:
        return
    mine: ColumnElement[bool] = false()
    if account_id is not None:
        mine = or_(mine, Order.account_id == account_id)
    if email is not None:
        mine = or_(mine, Order.email == email)
    query = (
        select(func.coalesce(func.sum(OrderLine.quantity), 0))
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.tier_id == tier.id, Order.status.in_(rules.COUNTED), mine)
    )
    if besides is not None:
        query = query.where(Order.id != besides)
    rules.check_limit(tier.per_account_limit, int(session.scalars(query).one()), wanted)
