"""The one vocabulary of states of the tickets capability.

How the states of a mint job relate: a job waits (QUEUED), is part of a batch whose contents are fixed (BATCHED), and
lands when the batch's receipt was read: MINTED when the ticket went to a wallet, ESCROWED when the collection itself
holds it for somebody without one. Both are the same step and both become FINAL when the index saw the mint's log in a
finalized block. FINAL is the end of the *job*; whether the *ticket* still waits for its claim is `Ticket.custody`.

REFUNDING is the other end: the job was given up before it was in any batch, because its order's money goes back. The
job says no more than that, and nothing can follow: the ticket is VOID and no token will ever be minted for it. How far
the money has come, and whether it failed to go, is the order's to say (REFUNDING, REFUNDED, STUCK), so that there is
one answer and not one a ticket. A job that was in a batch when the refund came stays on its way to FINAL, unless the
batch is cancelled; its ticket is VOID all the same.
"""

from enum import StrEnum


class CollectionStatus(StrEnum):
    """A collection's way to the chain."""

    DRAFT = "DRAFT"
    """Nothing is signed yet."""
    CONSENTED = "CONSENTED"
    """The promoter signed all parameters; the metadata is not pinned yet."""
    DEPLOYING = "DEPLOYING"
    """The deployment stands in the outbox."""
    DEPLOYED = "DEPLOYED"
    """Final on chain, not compared with what was signed yet."""
    UNKNOWN = "UNKNOWN"
    """The deployment's fate is unclear: ask whether the address has code."""
    LIVE = "LIVE"
    """Deployed, and everything read back from the chain is what was signed."""
    MISMATCH = "MISMATCH"
    """Deployed, but something differs from what was signed; a person must look."""
    STUCK = "STUCK"
    """The deployment was refused; the reason is in `last_error`. A new consent starts again."""


class JobStatus(StrEnum):
    """A mint job's states; see the module's docstring."""

    QUEUED = "QUEUED"
    BATCHED = "BATCHED"
    MINTED = "MINTED"
    ESCROWED = "ESCROWED"
    FINAL = "FINAL"
    REFUNDING = "REFUNDING"
    STUCK = "STUCK"


class BatchStatus(StrEnum):
    """A batch's states. OPEN lasts only inside the transaction that fixes the contents: no committed row has it."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    WAITING = "WAITING"
    """The chain refused it for now (paused, allowance, rotated key). Sent again with the same number and contents."""
    OVERDUE = "OVERDUE"
    """Not mined by its deadline. Still sent and watched; a person may raise its ceiling, cancel it or refund."""
    UNKNOWN = "UNKNOWN"
    """Fate unclear: ask the chain for the batch number."""
    CANCELLING = "CANCELLING"
    """`cancelBatch` was sent. Either it or the mint consumes the number, never both."""
    LANDED = "LANDED"
    FINAL = "FINAL"
    CANCELLED = "CANCELLED"
    """The number was consumed without minting this, finally: cancelled, or minted by somebody else with other contents.
    Its jobs are queued again."""
    STUCK = "STUCK"


class TicketStatus(StrEnum):
    """A ticket's states. PENDING means paid, not yet final on chain; the others are the chain's own words."""

    PENDING = "PENDING"
    LIVE = "LIVE"
    LOCKED = "LOCKED"
    USED = "USED"
    VOID = "VOID"


class Custody(StrEnum):
    """Who keeps the token: the collection for somebody without a wallet, or a wallet."""

    ESCROW = "ESCROW"
    WALLET = "WALLET"


class ClaimStatus(StrEnum):
    """A claim's states; FAILED gives its code back."""

    PENDING = "PENDING"
    SENT = "SENT"
    DONE = "DONE"
    FAILED = "FAILED"


class PurchaseStatus(StrEnum):
    """What a purchase by quote came to, once its log was final."""

    SETTLED = "SETTLED"
    """It is what we quoted: the payment is paid, the tickets are the order's."""
    UNATTRIBUTED = "UNATTRIBUTED"
    """The quote names no payment of this event: whoever signed it is not this house. A person must look."""
    MISMATCH = "MISMATCH"
    """Its payment is ours, but something differs from what was quoted. A person must look."""
    HONOURED = "HONOURED"
    """It was not as quoted or nobody's, a person looked, and its buyer has the tickets."""
    CLOSED = "CLOSED"
    """A person looked: its tokens are worth nothing here, or are no business of ours."""


class PayoutStatus(StrEnum):
    """The refund of a purchase on chain, on its way from somebody's wallet to the buyer's."""

    LOCKING = "LOCKING"
    """The tickets are LOCKED here; not finally on chain yet."""
    OWED = "OWED"
    """Locked for good and with their buyer: somebody has to send the money."""
    PREPARED = "PREPARED"
    """A wallet has been given the transaction; it may be sent at any moment."""
    SENT = "SENT"
    """Its hash was named; not final yet, or not read yet."""
    PAID = "PAID"
    WITHDRAWN = "WITHDRAWN"
    """Given up unsent; the tickets are good again."""
    STUCK = "STUCK"
    """The tickets could not be locked where they were. A person must look."""


class StatusChangeStatus(StrEnum):
    """A wanted `setStatus` on its way to the chain."""

    SENT = "SENT"
    DONE = "DONE"
    WAITING = "WAITING"
    STUCK = "STUCK"
