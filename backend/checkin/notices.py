"""What the door tells the rest of the house."""

from dataclasses import dataclass
from uuid import UUID

from backend.kit.notices import Notice


@dataclass(frozen=True)
class TicketAdmitted(Notice):
    """Somebody was let in on this ticket."""

    ticket_id: UUID
    scan_id: UUID
