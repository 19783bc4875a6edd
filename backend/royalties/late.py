"""Sales of tickets that were used or void already when they were sold.

The house calls a ticket USED the moment it lets somebody in, the chain some seconds later. Where the rules do not
freeze tickets at doors, a buyer who kept a `buy` can have it mined in between, and pays for nothing.
"""

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from backend.kit import logs
from backend.royalties.models import Sale
from backend.royalties.statement import is_final
from backend.tickets.models import Collection, StatusChange, Ticket
from backend.tickets.states import TicketStatus

_DEAD = (TicketStatus.USED, TicketStatus.VOID)
_log = logs.get(__name__)


def note(session: Session, sale: Sale) -> None:
    """Log an error when the ticket of a final sale was dead before the sale's block."""
    query = select(StatusChange.ticket_id, StatusChange.wanted, StatusChange.created_at).where(
        Collection.network == sale.network,
        Collection.address == sale.collection,
        Ticket.token_id == sale.token_id,
        StatusChange.created_at < sale.sold_at,
        _is_dead(),
    )
    for ticket_id, status, since in session.execute(query):
        _log.error(
            "dead_ticket_sold",
            ticket_id=str(ticket_id),
            status=status,
            since=since.isoformat(),
            tx_hash="0x" + sale.tx_hash.hex(),
        )


def count(session: Session) -> dict[str, int]:
    """Count the final sales of tickets that were dead before, by the tickets' status."""
    query = select(StatusChange.wanted, func.count()).where(
        Collection.network == Sale.network,
        Collection.address == Sale.collection,
        Ticket.token_id == Sale.token_id,
        StatusChange.created_at < Sale.sold_at,
        is_final(),
        _is_dead(),
    )
    counted = dict(session.execute(query.group_by(StatusChange.wanted)).all())
    return {status.value: counted.get(status.value, 0) for status in _DEAD}


def _is_dead() -> ColumnElement[bool]:
    """Tie the statuses that end a ticket to their tickets and collections."""
    ends = and_(StatusChange.ticket_id == Ticket.id, StatusChange.wanted.in_(_DEAD))
    return and_(ends, Ticket.collection_id == Collection.id)
