"""The ticket that is to be sold: what this house knows of it, taken out of the database before the chain is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy.orm import Session

from backend.catalog.models import Event, EventStatus
from backend.chain.deployments import deployment
from backend.resale import rules
from backend.resale.errors import OF_REFUSAL
from backend.tickets import service as tickets
from backend.tickets.models import Ticket
from backend.tickets.service import TokenHolding
from backend.tickets.states import TicketStatus


@dataclass(frozen=True, slots=True)
class Subject:
    """A ticket on chain, its holder by the index, and the market that may sell it on."""

    ticket_id: UUID
    event_id: UUID
    organisation_id: UUID
    tier_id: UUID
    holding: TokenHolding
    market: bytes
    ground: rules.Ground

    @property
    def network(self) -> str:
        """CAIP-2."""
        return self.holding.network

    @property
    def asked(self) -> tuple[bytes, int, bytes]:
        """What the chain is asked about: collection, token id, market."""
        return self.holding.collection, self.holding.token_id, self.market


def find(session: Session, ticket_id: UUID, now: datetime) -> Subject:
    """Return the ticket if this house would have it sold. Raises TicketUnknown, NotForSale, NotDeployed."""
    ticket = tickets.get(session, ticket_id)
    holding = tickets.holding_of(session, ticket_id)
    ground = ground_of(session, ticket, holding)
    refused = rules.refusal_of_ground(ground, now)
    if refused is None and (holding is None or holding.owner == holding.collection):
        # Not on chain yet, or not claimed by a wallet yet.
        refused = rules.Refusal.PENDING
    if refused is not None or holding is None:
        refuse(refused or rules.Refusal.PENDING)
    market = deployment(holding.network).address("ResaleMarket")
    return Subject(ticket.id, ticket.event_id, ticket.organisation_id, ticket.tier_id, holding, market, ground)


def ground_of(session: Session, ticket: Ticket, holding: TokenHolding | None) -> rules.Ground:
    """Return what this house knows of a ticket that matters to its sale."""
    event = session.get_one(Event, ticket.event_id)
    statuses = {TicketStatus(ticket.status)} | ({holding.status} if holding is not None else set())
    return rules.Ground(frozenset(statuses), event.ends_at, event_is_cancelled=event.status == EventStatus.CANCELLED)


def refuse(refusal: rules.Refusal, **details: Any) -> NoReturn:
    """Raise the error that stands for a refusal."""
    raise OF_REFUSAL[refusal](**details)
