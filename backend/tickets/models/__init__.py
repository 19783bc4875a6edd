"""Tables of the tickets capability, by what they are about. What the states mean stands in `states.py`."""

from backend.tickets.models.buying import Payout, Purchase
from backend.tickets.models.claims import Claim, ClaimAttempt, ClaimCode
from backend.tickets.models.collections import Collection, MinterFunds, ResaleRules
from backend.tickets.models.ids import BatchId, CollectionId, TicketId
from backend.tickets.models.minting import Batch, MintJob, StatusChange, Ticket
from backend.tickets.models.projections import Holding, Recovery, TokenMovement

__all__ = [
    "Batch",
    "BatchId",
    "Claim",
    "ClaimAttempt",
    "ClaimCode",
    "Collection",
    "CollectionId",
    "Holding",
    "MintJob",
    "MinterFunds",
    "Payout",
    "Purchase",
    "Recovery",
    "ResaleRules",
    "StatusChange",
    "Ticket",
    "TicketId",
    "TokenMovement",
]
