"""Who may come in. Values in, a reason out; the words are in `words.py`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Reason(StrEnum):
    """Why somebody is not let in. The codes are stable; devices decide by them."""

    CHALLENGE_USED = "challenge_used"
    CHALLENGE_EXPIRED = "challenge_expired"
    WRONG_EVENT = "wrong_event"
    EVENT_CANCELLED = "event_cancelled"
    DOORS_NOT_OPEN = "doors_not_open"
    EVENT_OVER = "event_over"
    NOT_FINAL = "not_final"
    STALE_EPOCH = "stale_epoch"
    BAD_SIGNATURE = "bad_signature"
    FORMER_HOLDER = "former_holder"
    WRONG_HOLDER = "wrong_holder"
    TICKET_VOID = "ticket_void"
    ALREADY_ADMITTED = "already_admitted"
    TICKET_LOCKED = "ticket_locked"


class SignedBy(StrEnum):
    """Whose signature an answer carries."""

    HOLDER = "HOLDER"
    FORMER = "FORMER"
    STRANGER = "STRANGER"
    NOBODY = "NOBODY"
    """Malformed, malleable, or not recoverable: no key gives this signature for these words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the challenge said."""

    event_id: UUID
    holder: bytes
    epoch: int
    expires_at: datetime
    is_used: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What the index says of the token now."""

    owner: bytes
    epoch: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class Doors:
    """When the event lets people in: from `opens_at` on, until before `ends_at`."""

    opens_at: datetime
    ends_at: datetime
    is_cancelled: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How the ticket stands, by us and by the chain: the stricter of the two counts."""

    event_id: UUID
    statuses: frozenset[str]
    """Words of the ticket vocabulary: PENDING, LIVE, LOCKED, USED, VOID."""
    is_inside: bool
    """Whether an entry on it is open."""


def refusal(
    asked: Asked, held: Held | None, signed_by: SignedBy, ticket: Standing, doors: Doors, now: datetime
) -> Reason | None:
    """Return the first rule that fails, or None: let them in.

    Identity comes before the ticket's standing, so that a stranger does not learn whether a ticket was used.
    """
    return (
        _of_challenge(asked, ticket, now)
        or _of_doors(doors, now)
        or _of_holder(asked, held, signed_by, ticket)
        or _of_standing(ticket)
    )


def _of_challenge(asked: Asked, ticket: Standing, now: datetime) -> Reason | None:
    if asked.is_used:
        return Reason.CHALLENGE_USED
    if asked.expires_at <= now:
        return Reason.CHALLENGE_EXPIRED
    return Reason.WRONG_EVENT if ticket.event_id != asked.event_id else None


def _of_doors(doors: Doors, now: datetime) -> Reason | None:
    if doors.is_cancelled:
        return Reason.EVENT_CANCELLED
    if now < doors.opens_at:
        return Reason.DOORS_NOT_OPEN
    return Reason.EVENT_OVER if now >= doors.ends_at else None


def _of_holder(asked: Asked, held: Held | None, signed_by: SignedBy, ticket: Standing) -> Reason | None:
    # Writing USED on chain makes the holding young again for some blocks. Somebody inside is refused below in any case:
    # then the reason is that, not a wait.
    if held is None or not (held.is_final or ticket.is_inside):
        return Reason.NOT_FINAL
    # The holder too: a reorg can give the same epoch to somebody else.
    if (held.epoch, held.owner) != (asked.epoch, asked.holder):
        return Reason.STALE_EPOCH
    return {
        SignedBy.HOLDER: None,
        SignedBy.FORMER: Reason.FORMER_HOLDER,
        SignedBy.STRANGER: Reason.WRONG_HOLDER,
        SignedBy.NOBODY: Reason.BAD_SIGNATURE,
    }[signed_by]


def _of_standing(ticket: Standing) -> Reason | None:
    if "VOID" in ticket.statuses:
        return Reason.TICKET_VOID
    if ticket.is_inside or "USED" in ticket.statuses:
        return Reason.ALREADY_ADMITTED
    return Reason.TICKET_LOCKED if "LOCKED" in ticket.statuses else None
