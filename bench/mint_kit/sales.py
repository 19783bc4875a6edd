"""Paid orders in bulk: what a sold-out evening leaves behind for the mint pipeline, all of it committed at once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update

from backend import discovery
from backend.catalog.models import Event, Tier
from backend.kit import db
from backend.kit.ids import new_id
from backend.orders.models import Order, OrderLine, OrderStatus
from backend.tickets import place
from bench.mint_kit.house import House, Prepared

_PRICE_MINOR = 49_500


def buyers(tickets: int, per_order: int) -> list[bytes]:
    """Return one fresh wallet for each order."""
    return [secrets.token_bytes(20) for _ in range(tickets // per_order)]


def sell(house: House, prepared: Prepared, wallets: Sequence[bytes], per_order: int) -> None:
    """Write an order of `per_order` tickets for each wallet, paid, and ask for its tokens.

    The payments themselves are left out: they are not what is measured. Tickets and mint jobs are placed by the
    product's own function.
    """
    discovery.load("models")
    db.configure(house.database("backstage_app"))
    now = datetime.now(UTC)
    event_id, tier_id = UUID(prepared.event_id), UUID(prepared.tier_id)
    with db.unit_of_work() as session:
        organisation_id = session.get_one(Event, event_id).organisation_id
        orders = [_order(organisation_id, event_id, wallet, per_order, now) for wallet in wallets]
        session.execute(insert(Order), orders)
        lines = [
            {
                "id": new_id(),
                "organisation_id": organisation_id,
                "order_id": order["id"],
                "tier_id": tier_id,
                "quantity": per_order,
                "unit_price_minor": _PRICE_MINOR,
            }
            for order in orders
        ]
        session.execute(insert(OrderLine), lines)
        session.execute(update(Tier).where(Tier.id == tier_id).values(paid=len(orders) * per_order))
        for order in orders:
            place.place(session, order["id"], now)
            session.expunge_all()


def _order(organisation_id: UUID, event_id: UUID, wallet: bytes, per_order: int, now: datetime) -> dict[str, Any]:
    order_id = new_id()
    return {
        "id": order_id,
        "organisation_id": organisation_id,
        "event_id": event_id,
        "number": f"M{order_id.hex[-12:].upper()}",
        "email": f"{order_id.hex}@example.org",
        "recipient": wallet,
        "status": OrderStatus.PAID,
        "currency": "SEK",
        "total_minor": per_order * _PRICE_MINOR,
        "fee_schedule": 1,
        "fee_bps": 0,
        "placed_at": now,
        "expires_at": now + timedelta(minutes=10),
        "paid_at": now,
        "changed_at": now,
    }
