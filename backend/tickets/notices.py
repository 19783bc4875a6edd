"""What tickets tells the floors above."""

from dataclasses import dataclass
from uuid import UUID

from backend.kit.notices import Notice


@dataclass(frozen=True)
class TicketStatusDecided(Notice):
    """The house gave the ticket another status (USED at the door, VOID by a refund); the chain follows."""

    ticket_id: UUID
