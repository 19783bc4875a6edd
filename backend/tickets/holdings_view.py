"""Reading tickets together with what the index and their batch know of them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from backend.accounts.models import Wallet
from backend.tickets import recoveries
from backend.tickets.errors import TokenUnknown
from backend.tickets.models import Batch, Collection, Holding, MintJob, Purchase, Recovery, Ticket
from backend.tickets.schemas import TicketOut
from backend.tickets.service import TokenHolding, view
from backend.tickets.states import Custody


def of_account(account_id: UUID) -> Select[Ticket]:
    """Select what is an account's: held by one of its wallets as the index says, or bought and on its way."""
    held = exists(
        select(Holding.owner)
        .join(Collection, and_(Collection.network == Holding.network, Collection.address == Holding.collection))
        .join(Wallet, Wallet.address == Holding.owner)
        .where(
            Collection.id == Ticket.collection_id,
            Holding.token_id == Ticket.token_id,
            Wallet.account_id == account_id,
        )
    )
    waiting = and_(
        Ticket.holder_account_id == account_id, or_(Ticket.token_id.is_(None), Ticket.custody == Custody.ESCROW)
    )
    return select(Ticket).where(or_(held, waiting))


def asked_of(account_id: UUID) -> Select[Ticket]:
    """Select the tickets of an account of which a recovery was asked, at any time."""
    told = exists(
        select(Recovery.tx_hash)
        .join(Collection, and_(Collection.network == Recovery.network, Collection.address == Recovery.collection))
        .where(Collection.id == Ticket.collection_id, Recovery.token_id == Ticket.token_id)
    )
    return of_account(account_id).where(told)


def show(session: Session, tickets: Sequence[Ticket]) -> list[TicketOut]:
    """Return tickets as they are shown, with three queries however many there are."""
    ids = [ticket.id for ticket in tickets]
    query = (
        select(Ticket.id, Collection, Holding)
        .join(Collection, Collection.id == Ticket.collection_id)
        .outerjoin(
            Holding,
            and_(
                Holding.network == Collection.network,
                Holding.collection == Collection.address,
                Holding.token_id == Ticket.token_id,
            ),
        )
        .where(Ticket.id.in_(ids))
    )
    known = {row[0]: (row[1], row[2]) for row in session.execute(query)}
    mints = dict(
        session.execute(
            select(MintJob.ticket_id, Batch.tx_hash)
            .join(Batch, Batch.id == MintJob.batch_id)
            .where(MintJob.ticket_id.in_(ids))
        ).all()
    )
    mints |= _bought(session, [ticket for ticket in tickets if ticket.id not in mints])
    asked = recoveries.standing(session, [holding for _, holding in known.values() if holding is not None])
    shown = []
    for ticket in tickets:
        collection, holding = known.get(ticket.id, (None, None))
        token_of = (holding.network, holding.collection, int(holding.token_id)) if holding else None
        recovery = asked.get(token_of) if token_of else None
        held = view(holding) if holding else None
        shown.append(TicketOut.of(ticket, collection, held, mints.get(ticket.id), recovery))
    return shown


def _bought(session: Session, tickets: Sequence[Ticket]) -> dict[UUID, bytes]:
    """Return the transactions of purchases on chain by their tickets."""
    query = (
        select(Ticket.id, Purchase.tx_hash)
        .join(
            Purchase,
            and_(
                Purchase.collection_id == Ticket.collection_id,
                Ticket.token_id >= Purchase.first_token_id,
                Ticket.token_id < Purchase.first_token_id + Purchase.quantity,
            ),
        )
        .where(Ticket.id.in_([ticket.id for ticket in tickets if ticket.token_id is not None]))
    )
    return dict(session.execute(query).all())


def token(session: Session, network: str, collection: bytes, token_id: int) -> TokenHolding:
    """Return what the index knows of a token. Raises TokenUnknown."""
    found = session.get(Holding, (network, collection, token_id))
    if found is None:
        raise TokenUnknown
    return view(found)
