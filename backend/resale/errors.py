"""Why something cannot be sold, bought or taken back, in words for a person."""

from typing import ClassVar

from backend.kit.errors import BusinessError, Conflict, Forbidden, Invalid, NotFound
from backend.resale.rules import Refusal


class NotForSale(Conflict):
    """The ticket cannot be sold now."""

    refusal: ClassVar[Refusal]


class EventOver(NotForSale):
    """The event is over: its tickets are not sold any more."""

    code, refusal = "event_over", Refusal.EVENT_OVER


class EventCancelled(NotForSale):
    """The event was cancelled: its tickets are refunded, not sold."""

    code, refusal = "event_cancelled", Refusal.EVENT_CANCELLED


class TicketPending(NotForSale):
    """The ticket is not final on chain yet: try again in a moment."""

    code, refusal = "ticket_pending", Refusal.PENDING


class TicketLocked(NotForSale):
    """The ticket is locked, because a dispute or a refund is open."""

    code, refusal = "ticket_locked", Refusal.LOCKED


class TicketUsed(NotForSale):
    """The ticket has let somebody in: it cannot be sold any more."""

    code, refusal = "ticket_used", Refusal.USED


class TicketVoid(NotForSale):
    """The ticket was refunded or revoked."""

    code, refusal = "ticket_void", Refusal.VOID


class NoMarket(NotForSale):
    """The event's collection was made without this market: its tickets can be given away, not sold here."""

    code, refusal = "no_market", Refusal.NO_MARKET


class ResalePaused(NotForSale):
    """Resale is paused for this event; try again later."""

    code, refusal = "resale_paused", Refusal.PAUSED


class BoxOfficePaused(NotForSale):
    """The box office is paused for this event and buys nothing back; try again later."""

    code, refusal = "box_office_paused", Refusal.BOX_OFFICE_PAUSED


class ResaleNotAllowed(NotForSale):
    """The promoter does not allow resale of these tickets."""

    code, refusal = "resale_not_allowed", Refusal.CLOSED


class TicketsFrozen(NotForSale):
    """Tickets of this event do not change hands any more."""

    code, refusal = "tickets_frozen", Refusal.FROZEN


class ResaleHeld(NotForSale):
    """The ticket was paid by card and cannot be sold yet; `details.until` says from when (Unix seconds)."""

    code, refusal = "resale_held", Refusal.HELD


class BoughtBackLately(NotForSale):
    """The ticket was bought back less than a day ago and is again from `details.until` (Unix seconds)."""

    code, refusal = "bought_back_lately", Refusal.BOUGHT_BACK


class NoFaceValue(NotForSale):
    """The promoter has published no face value for this kind of ticket, so it has no highest price and is not sold."""

    code, refusal = "no_face_value", Refusal.NO_FACE


class PriceAboveCap(NotForSale):
    """The price is above the highest the promoter allows: `details.cap`, in the smallest unit of the currency."""

    code, refusal = "price_above_cap", Refusal.ABOVE_CAP


class CurrencyPaused(NotForSale):
    """The token in which tickets of this event are resold is paused: nobody can pay in it now."""

    code, refusal = "currency_paused", Refusal.CURRENCY_PAUSED


class RoyaltyUnpayable(NotForSale):
    """The promoter's royalty would go to an account that could never pay it out: no sale until another is named."""

    code, refusal = "royalty_unpayable", Refusal.ROYALTY_UNPAYABLE


OF_REFUSAL: dict[Refusal, type[NotForSale]] = {kind.refusal: kind for kind in NotForSale.__subclasses__()}
SELLING: tuple[type[BusinessError], ...] = tuple(OF_REFUSAL.values())
"""What every route that sells may answer."""


class NotYourTicket(Forbidden):
    """Only the wallet that holds the ticket can sell it, and this one does not hold it."""

    code = "not_your_ticket"


class AlreadyYours(Conflict):
    """Your wallet holds this ticket already."""

    code = "already_yours"


class AlreadyListed(Conflict):
    """The ticket is listed already: withdraw that listing first (`details.listing_id`)."""

    code = "already_listed"


class OldListingLives(Conflict):
    """An older listing of the ticket (`details.listing_id`) can still be bought on chain, for less: `details.price`.

    Cancel it there first: `POST /v1/listings/{listing_id}/cancel` gives the transaction. Or wait for
    `details.expires_at`, or ask no more than its price.
    """

    code = "old_listing_lives"


class BadExpiry(Invalid):
    """A listing or an offer is good for between a minute and 180 days."""

    code = "bad_expiry"


class ListingUnknown(NotFound):
    """There is no such listing."""

    code = "listing_unknown"


class TreeUnknown(NotFound):
    """There is no such tree of listings, or nobody signed it in time."""

    code = "tree_unknown"


class NothingToWithdraw(Conflict):
    """Nothing of it can be sold any more: each listing is sold or has expired."""

    code = "nothing_to_withdraw"


class SameTicketTwice(Invalid):
    """A tree lists each ticket once: `details.index` is the second place of one."""

    code = "same_ticket_twice"


class OfferUnknown(NotFound):
    """There is no such offer."""

    code = "offer_unknown"


class NotListed(Conflict):
    """It cannot be taken up: `details.status` and `details.reason` say why."""

    code = "not_listed"


class TermsChanged(Conflict):
    """Something the signature names has changed meanwhile: prepare and sign again."""

    code = "terms_changed"


class WalletUndeployed(Invalid):
    """The wallet's contract is not on chain yet, and the market asks it at the sale: deploy it and sign again."""

    code = "wallet_undeployed"


class PriceAboveMax(Conflict):
    """The price is above the most you said you would pay."""

    code = "price_above_max"


class NotEnoughTokens(Conflict):
    """The wallet does not have enough of the currency: `details.balance`, in its smallest unit."""

    code = "not_enough_tokens"


class BadPermit(Invalid):
    """The permit is not this wallet's over what was asked, or has expired: ask again and sign what comes back."""

    code = "bad_permit"


class NoBuyback(Conflict):
    """The box office buys no tickets of this kind back."""

    code = "no_buyback"


class NobodyInLine(Conflict):
    """Nobody who has paid waits for a ticket of this kind now.

    `details.invited_until`, if there is one: the first in line was asked to pay by then, so try again later.
    """

    code = "nobody_in_line"


class TurnOpen(Conflict):
    """You were given a turn for another ticket of this event (`details.ticket_id`).

    Send its transaction, or wait for `details.expires_at`: each turn keeps somebody's place in line.
    """

    code = "turn_open"


class AlreadyInLine(Conflict):
    """You, or the wallet, wait in this line already: `details.place_id`."""

    code = "already_in_line"


class TierAvailable(Conflict):
    """Tickets of this kind are not sold out: `details.left` can still be bought."""

    code = "tier_available"


class PlaceUnknown(NotFound):
    """There is no such place in this line, or it has been served."""

    code = "place_unknown"


class PlacePaid(Conflict):
    """The place is paid for: only the box office, which has the money, can take it back."""

    code = "place_paid"


class NotInvited(Conflict):
    """Only who was invited pays, and in time: `details.status` says how the place stands."""

    code = "not_invited"
