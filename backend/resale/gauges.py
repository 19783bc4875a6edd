"""Resale in figures."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.kit.gauges import Reading, gauge
from backend.resale.models import MarketOrder


@gauge("market_orders", "Listings, offers and turns by kind and status", labels=("kind", "status"))
def market_orders(session: Session) -> Reading:
    """Count what was signed."""
    query = select(MarketOrder.kind, MarketOrder.status, func.count()).group_by(MarketOrder.kind, MarketOrder.status)
    return {(kind, status): float(count) for kind, status, count in session.execute(query)}
