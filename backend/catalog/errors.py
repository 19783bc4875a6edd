"""How the catalog refuses. Each code is stable; `details` carries the values that belong to it."""

from backend.kit.errors import BusinessError, Conflict, Invalid, NotFound


class UnknownEvent(NotFound):
    """There is no such event, or it is not published."""

    code = "unknown_event"


class UnknownTier(NotFound):
    """The event has no such tier."""

    code = "unknown_tier"


class UnknownVenue(Invalid):
    """The organisation has no such venue."""

    code = "unknown_venue"


class BadDates(Invalid):
    """Doors open no later than the start, the start is before the end, and the end is still to come."""

    code = "bad_dates"


class BadZone(Invalid):
    """The zone is not a name of the IANA time zone database, such as Europe/Stockholm."""

    code = "bad_zone"


class CurrencyNotSold(Invalid):
    """Tickets are not sold in this currency."""

    code = "currency_not_sold"


class BadQuantity(Invalid):
    """A tier has between 1 and a million tickets."""

    code = "bad_quantity"


class FreeTickets(Invalid):
    """Free tickets are not supported yet: the card provider cannot charge nothing. Give the tier a price."""

    code = "free_tickets_unsupported"


class BadPrice(Invalid):
    """A price is between 1 and 99,999,999 of the currency's smallest unit, the most a card is charged."""

    code = "bad_price"


class BadSaleWindow(Invalid):
    """The sale starts before it ends."""

    code = "bad_sale_window"


class BadLimit(Invalid):
    """The limit per account is at least 1 and at most the tier's quantity."""

    code = "bad_limit"


class OverCapacity(Invalid):
    """All tiers together have more tickets than the venue holds people."""

    code = "over_capacity"


class OverSupply(Invalid):
    """All tiers together have more tickets than the event's collection was made for."""

    code = "over_supply"


class BelowSold(Invalid):
    """More tickets than that are already held or paid."""

    code = "below_sold"


class TooManyTiers(Invalid):
    """An event has at most 100 tiers."""

    code = "too_many_tiers"


class VersionRequired(BusinessError):
    """Send If-Match with the version you read (its ETag), so that you overwrite nobody's change unseen."""

    code = "version_required"
    status = 428


class VersionChanged(BusinessError):
    """Somebody changed the event since you read it: read it again."""

    code = "version_changed"
    status = 412


class WrongStatus(Conflict):
    """The event's status does not allow this step."""

    code = "wrong_status"


class TermsFrozen(Conflict):
    """Part of the terms can no longer be changed: people bought, or a collection was made, under these terms."""

    code = "terms_frozen"


class NoTiers(Conflict):
    """The event has no tier: add what is to be sold first."""

    code = "no_tiers"


class EventOver(Conflict):
    """The event is over."""

    code = "event_over"


class HasSales(Conflict):
    """Tickets of this event are held or paid: it cannot be cancelled before they are refunded."""

    code = "event_has_sales"


class SoldOut(Conflict):
    """There are not that many tickets left."""

    code = "sold_out"


class SaleNotOpen(Conflict):
    """These tickets are not on sale now.

    `details.reason` is one of: not_published, not_started, ended.
    """

    code = "sale_not_open"


class SalesSuspended(Conflict):
    """No new orders are taken for a while, since new tickets could not be issued just now. Try again later.

    `details.reason` says why: `minter_balance_low`: the key that mints holds too little for more than is sold already;
    `minter_key_missing`: this house does not have that key; `no_minter`: nobody may mint for now.
    """

    code = "sales_suspended"


class NotHeld(Conflict):
    """That many seats are not on hold."""

    code = "not_held"


class NotPaid(Conflict):
    """That many seats are not paid."""

    code = "not_paid"
