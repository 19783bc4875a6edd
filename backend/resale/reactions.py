"""What resale does when a ticket's worth has changed: what was signed about it dies, before the chain says so."""

from datetime import datetime

from sqlalchemy.orm import Session

from backend.kit.notices import later
from backend.resale import standing
from backend.tickets import service as tickets
from backend.tickets.notices import TicketStatusDecided


@later(TicketStatusDecided)
def look_at_orders(session: Session, notice: TicketStatusDecided, now: datetime) -> None:
    """Look again at every listing, offer and turn about the ticket."""
    holding = tickets.holding_of(session, notice.ticket_id)
    if holding is not None:
        standing.of_tokens(session, holding.network, [(holding.collection, holding.token_id)], now)
