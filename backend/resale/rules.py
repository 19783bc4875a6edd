"""The rules of resale: what may be sold, why not, and how a market order stands. Pure: values in, values out.

The collection and the market decide the same again on chain; here it is told before anybody signs or pays gas.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.resale.states import Kind, PlaceStatus, Status
from backend.tickets.states import TicketStatus

BPS = 10_000
PAUSED_SALE, PAUSED_RESALE = 1, 4
"""Bits of the collection's `paused()`: one stops the box office, buy-backs included, the other all the market does."""


class Refusal(StrEnum):
    """Why a ticket cannot be sold (or sold back) now."""

    EVENT_OVER = "event_over"
    EVENT_CANCELLED = "event_cancelled"
    PENDING = "ticket_pending"
    LOCKED = "ticket_locked"
    USED = "ticket_used"
    VOID = "ticket_void"
    NO_MARKET = "no_market"
    PAUSED = "resale_paused"
    BOX_OFFICE_PAUSED = "box_office_paused"
    CLOSED = "resale_not_allowed"
    FROZEN = "tickets_frozen"
    HELD = "resale_held"
    BOUGHT_BACK = "bought_back_lately"
    NO_FACE = "no_face_value"
    ABOVE_CAP = "price_above_cap"
    CURRENCY_PAUSED = "currency_paused"
    ROYALTY_UNPAYABLE = "royalty_unpayable"


OF_STATUS = {
    TicketStatus.PENDING: Refusal.PENDING,
    TicketStatus.LOCKED: Refusal.LOCKED,
    TicketStatus.USED: Refusal.USED,
    TicketStatus.VOID: Refusal.VOID,
}
"""What a ticket's status says against selling it; LIVE says nothing."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What this house knows of a ticket: its statuses (the row's and the index's) and its event."""

    statuses: frozenset[TicketStatus]
    event_ends_at: datetime
    event_is_cancelled: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What the chain says of a ticket's resale at this moment. Times are Unix seconds, amounts smallest units."""

    is_of_market: bool
    """Whether the collection named our market."""
    currency: bytes
    currency_is_paused: bool
    """Whether nobody can pay in it now; the native coin never is."""
    paused: int
    resale: bool
    freeze_at: int
    held_until: int
    cap: int | None
    """None: the tier has no face value."""
    royalty_bps: int
    royalty_is_payable: bool
    """Not to the market nor to the collection, which could never pay it out: the market refuses such a sale."""
    fee_bps: int
    counter: int
    """The signer's counter at the market."""
    buyback_ready_at: int
    """Of a turn: from when on the quote signer's word buys the ticket back again. Else 0."""


@dataclass(frozen=True, slots=True)
class Shares:
    """A price, divided as the market divides it: royalty and fee rounded down, the rest the seller's."""

    price: int
    royalty: int
    fee: int

    @property
    def proceeds(self) -> int:
        """What the seller gets."""
        return self.price - self.royalty - self.fee


def shares(price: int, royalty_bps: int, fee_bps: int) -> Shares:
    """Divide a price. Seller + royalty + fee = price, to the unit."""
    return Shares(price, price * royalty_bps // BPS, price * fee_bps // BPS)


def cap_of(face: int, paid: int, listed: int, cap_bps: int) -> int:
    """Return the most a ticket of a tier may be sold for, rounded down once, as the collection does."""
    return face * paid * cap_bps // (listed * BPS)


def refusal_of_ground(ground: Ground, now: datetime) -> Refusal | None:
    """Return why this house would not have the ticket sold; None when nothing speaks against it."""
    if ground.event_is_cancelled:
        return Refusal.EVENT_CANCELLED
    if ground.event_ends_at <= now:
        return Refusal.EVENT_OVER
    # Used and void are for good, so they are told before what may pass.
    for status in (TicketStatus.VOID, TicketStatus.USED, TicketStatus.LOCKED, TicketStatus.PENDING):
        if status in ground.statuses:
            return OF_STATUS[status]
    return None


def refusal_of_terms(terms: Terms, kind: Kind, price: int, now: datetime) -> Refusal | None:
    """Return why the collection would refuse a sale at this price; in its own order where it has one."""
    at = int(now.timestamp())
    is_turn = kind == Kind.TURN
    checks = (
        (not terms.is_of_market, Refusal.NO_MARKET),
        (is_turn and bool(terms.paused & PAUSED_SALE), Refusal.BOX_OFFICE_PAUSED),
        (bool(terms.paused & PAUSED_RESALE), Refusal.PAUSED),
        # A buy-back is possible while resale is off: the promoter itself pays.
        (not is_turn and not terms.resale, Refusal.CLOSED),
        (0 < terms.freeze_at <= at, Refusal.FROZEN),
        (at < terms.held_until, Refusal.HELD),
        (is_turn and at < terms.buyback_ready_at, Refusal.BOUGHT_BACK),
        (terms.cap is None, Refusal.NO_FACE),
        (terms.cap is not None and price > terms.cap, Refusal.ABOVE_CAP),
        (terms.currency_is_paused, Refusal.CURRENCY_PAUSED),
        # A buy-back pays no royalty.
        (not is_turn and not terms.royalty_is_payable, Refusal.ROYALTY_UNPAYABLE),
    )
    return next((refusal for is_so, refusal in checks if is_so), None)


def refused_by(
    terms: Terms, kind: Kind, price: int, max_royalty_bps: int, max_fee_bps: int, now: datetime
) -> str | None:
    """Return why market and collection would refuse a signed order now; None when they would not."""
    refusal = refusal_of_terms(terms, kind, price, now)
    if refusal is not None:
        return refusal
    if kind != Kind.LISTING:
        # What is signed in offers and turns names no shares.
        return None
    if terms.royalty_bps > max_royalty_bps:
        return "royalty_raised"
    return "fee_raised" if terms.fee_bps > max_fee_bps else None


class Sold(StrEnum):
    """Whether the market's logs show the order's sale."""

    NO = "NO"
    SEEN = "SEEN"
    FINAL = "FINAL"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a market order's standing follows from. `held_epoch` is None while the index knows no such token."""

    is_signed: bool
    sold: Sold
    is_withdrawn: bool
    is_cancelled_on_chain: bool
    expires_at: datetime
    epoch: int
    held_epoch: int | None
    ground: Ground
    refused_by: str | None


def can_be_filled(facts: Facts, now: datetime) -> bool:
    """Return whether the market may ever fill the order, whatever this house thinks of it.

    What can pass (a cap, a lock, a pause, withdrawal from this house) does not count: the signature outlives it.
    """
    has_moved = facts.held_epoch is not None and facts.held_epoch != facts.epoch
    is_over = facts.sold != Sold.NO or facts.is_cancelled_on_chain or facts.expires_at < now
    return facts.is_signed and not has_moved and not is_over


def standing(facts: Facts, now: datetime) -> tuple[Status, str | None]:
    """Return how an order stands and, unless it is good, why.

    It follows from facts alone, so that a reorg, which changes facts, needs no step back of its own.
    """
    refused = _invalid(facts, now)
    checks: tuple[tuple[bool, Status, str | None], ...] = (
        (facts.sold == Sold.FINAL, Status.SETTLED, None),
        (facts.sold == Sold.SEEN, Status.SETTLING, None),
        (facts.is_cancelled_on_chain, Status.CANCELLED, "cancelled_on_chain"),
        # Withdrawing here takes back no signature: only what cannot be filled on chain any more is called cancelled.
        (facts.is_withdrawn and can_be_filled(facts, now), Status.WITHDRAWN, "withdrawn"),
        (facts.is_withdrawn, Status.CANCELLED, "withdrawn"),
        # What nobody signed neither expires nor turns invalid: the draft is forgotten.
        (not facts.is_signed, Status.DRAFT, None),
        # Good up to and including this moment, as the market has it.
        (facts.expires_at < now, Status.EXPIRED, "expired"),
        (refused is not None, Status.INVALID, refused),
        (True, Status.LISTED, None),
    )
    return next((status, reason) for is_so, status, reason in checks if is_so)


Standing = tuple[Status, str | None]


def as_of(stood: tuple[str, str | None], expires_at: datetime, event_ends_at: datetime, now: datetime) -> Standing:
    """Return how an order stands now that stood so when it was looked at last: nobody tells that time has passed."""
    status, reason = Status(stood[0]), stood[1]
    if expires_at < now and status == Status.WITHDRAWN:
        return Status.CANCELLED, reason
    if expires_at < now and status in {Status.LISTED, Status.INVALID}:
        return Status.EXPIRED, "expired"
    if event_ends_at <= now and status == Status.LISTED:
        return Status.INVALID, Refusal.EVENT_OVER
    return status, reason


def _invalid(facts: Facts, now: datetime) -> str | None:
    if facts.held_epoch is not None and facts.held_epoch != facts.epoch:
        return "moved"
    return refusal_of_ground(facts.ground, now) or facts.refused_by


@dataclass(frozen=True, slots=True)
class Moments:
    """What has happened to a place in line, and when."""

    invited_until: datetime | None
    paid_at: datetime | None
    served_at: datetime | None
    left_at: datetime | None
    lapsed_at: datetime | None


def place_status(moments: Moments, now: datetime) -> PlaceStatus:
    """Return where a place in line stands."""
    checks = (
        (moments.served_at is not None, PlaceStatus.SERVED),
        (moments.left_at is not None, PlaceStatus.LEFT),
        (moments.lapsed_at is not None, PlaceStatus.LAPSED),
        (moments.paid_at is not None, PlaceStatus.READY),
        # Past its time though nobody has passed the invitation on yet: too late all the same.
        (moments.invited_until is not None and moments.invited_until < now, PlaceStatus.LAPSED),
        (moments.invited_until is not None, PlaceStatus.INVITED),
        (True, PlaceStatus.WAITING),
    )
    return next(status for is_so, status in checks if is_so)
