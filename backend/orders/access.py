"""Whose order it is. Whoever may not see an order learns nothing of it: not even that it exists."""

import hmac
from typing import Annotated
from uuid import UUID

from fastapi import Header
from sqlalchemy.orm import Session

from backend.accounts.access import Principal
from backend.kit.db import locked
from backend.orders.errors import OrderUnknown
from backend.orders.models import Order
from backend.orders.place import guest_secret

SecretHeader = Annotated[
    str | None,
    Header(
        alias="X-Order-Secret",
        max_length=200,
        description="A guest's key to the order, shown once when it was placed",
    ),
]


def order_for(session: Session, order_id: UUID, principal: Principal | None, secret: str | None) -> Order:
    """Return the order if the caller may see it: its buyer, its promoter, or an admin. Raises OrderUnknown."""
    order = session.get(Order, order_id)
    if order is None or not (_is_buyer(order, principal, secret) or _manages(order, principal)):
        raise OrderUnknown
    return order


def own_order(session: Session, order_id: UUID, principal: Principal | None, secret: str | None) -> Order:
    """Return the order, locked, if the caller bought it: nobody else pays or cancels it. Raises OrderUnknown."""
    order = locked(session, Order, order_id)
    if order is None or not _is_buyer(order, principal, secret):
        raise OrderUnknown
    return order


def _is_buyer(order: Order, principal: Principal | None, secret: str | None) -> bool:
    if order.account_id is not None:
        return principal is not None and principal.account_id == order.account_id
    return secret is not None and hmac.compare_digest(secret.encode(), guest_secret(order.id).encode())


def _manages(order: Order, principal: Principal | None) -> bool:
    return principal is not None and principal.manages(order.organisation_id)
