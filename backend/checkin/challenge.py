"""Opening a challenge: the question the door puts to the wallet that holds the ticket."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.checkin.errors import DoorUnknown, InEscrow, NotOnChain
from backend.checkin.models import DoorChallenge
from backend.settings import get_settings
from backend.tickets import service as tickets
from backend.tickets.errors import TicketUnknown
from backend.tickets.models import Ticket

_NONCE_BYTES = 32


def open_challenge(
    session: Session,
    steward_account_id: UUID,
    event_id: UUID,
    ticket: Ticket,
    gate: str,
    now: datetime,
) -> DoorChallenge:
    """Write a challenge for whoever the index says holds the ticket now.

    A ticket that cannot be let in for another reason (used, void, another event of the same organiser) gets its
    challenge too: the answer is refused then, and the refusal is on record. Raises NotOnChain, InEscrow.
    """
    holding = tickets.holding_of(session, ticket.id)
    if holding is None:
        raise NotOnChain
    if holding.owner == holding.collection:
        raise InEscrow
    # Whole seconds, because that is what the wallet signs.
    expires_at = now.replace(microsecond=0) + timedelta(seconds=get_settings().challenge_seconds)
    challenge = DoorChallenge(
        organisation_id=ticket.organisation_id,
        event_id=event_id,
        ticket_id=ticket.id,
        gate=gate,
        nonce=secrets.token_bytes(_NONCE_BYTES),
        network=holding.network,
        collection=holding.collection,
        token_id=holding.token_id,
        holder=holding.owner,
        epoch=holding.epoch,
        steward_account_id=steward_account_id,
        opened_at=now,
        expires_at=expires_at,
    )
    session.add(challenge)
    session.flush()
    return challenge


def find_ticket(session: Session, event_id: UUID, ticket_id: UUID | None, token_id: int | None) -> Ticket:
    """Return the ticket by its id, or by its token id in the event's collection.

    Tickets of other organisers are unknown here. Raises DoorUnknown, TicketUnknown.
    """
    event = catalog.find_event(session, event_id)
    if event is None:
        raise DoorUnknown
    query = select(Ticket).where(Ticket.organisation_id == event.organisation_id)
    if ticket_id is not None:
        query = query.where(Ticket.id == ticket_id)
    else:
        query = query.where(Ticket.event_id == event_id, Ticket.token_id == token_id)
    ticket = session.scalars(query).one_or_none()
    if ticket is None:
        raise TicketUnknown
    return ticket
