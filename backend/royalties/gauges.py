"""Royalties in figures."""

from sqlalchemy.orm import Session

from backend.kit.gauges import Reading, gauge
from backend.royalties import late


@gauge("dead_tickets_sold", "Final sales of tickets that were used or void before, by status", labels=("status",))
def dead_tickets_sold(session: Session) -> Reading:
    """Count them: anything but 0 is a buyer who paid for nothing."""
    return {(status,): float(found) for status, found in late.count(session).items()}
