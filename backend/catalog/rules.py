"""What makes an event and a tier valid, and which steps an event may take. Values in, values out."""

from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

from backend.catalog.errors import (
    BadDates,
    BadLimit,
    BadPrice,
    BadQuantity,
    BadSaleWindow,
    BadZone,
    BelowSold,
    CurrencyNotSold,
    EventOver,
    FreeTickets,
    OverCapacity,
    OverSupply,
    SaleNotOpen,
    TooManyTiers,
    WrongStatus,
)
from backend.catalog.models import EventStatus
from backend.kit import money

MAX_TIERS = 100
MAX_QUANTITY = 1_000_000
MAX_TOKEN_PRICE = 2**120
"""In base units. The contract keeps what is due in 128 bits."""
MAX_PRICE_MINOR = 99_999_999
"""Stripe charges amounts of up to eight digits of the smallest unit."""
_MAX_FIAT_PLACES = 3
_YEARS = range(2020, 2200)

EDGES: dict[EventStatus, frozenset[EventStatus]] = {
    EventStatus.DRAFT: frozenset({EventStatus.READY, EventStatus.CANCELLED}),
    EventStatus.READY: frozenset({EventStatus.ON_SALE, EventStatus.CANCELLED}),
    EventStatus.ON_SALE: frozenset({EventStatus.CLOSED, EventStatus.CANCELLED}),
    EventStatus.CLOSED: frozenset(),
    EventStatus.CANCELLED: frozenset(),
}
"""From each status to those that may follow it."""

PUBLISHED = frozenset({EventStatus.ON_SALE, EventStatus.CLOSED})
"""What everybody may see; the rest is shown to the organisation only."""

EDITABLE = frozenset({EventStatus.DRAFT, EventStatus.READY, EventStatus.ON_SALE})
"""While an event may still be changed."""


def check_step(status: str, to: EventStatus) -> None:
    """Raise WrongStatus unless an event may go from `status` to `to`."""
    if to not in EDGES[EventStatus(status)]:
        raise WrongStatus(status=status, wanted=to.value)


def check_editable(status: str) -> None:
    """Raise WrongStatus once the event is closed or cancelled."""
    if status not in EDITABLE:
        raise WrongStatus(status=status)


def check_dates(doors_at: datetime, starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    """Raise BadDates unless doors <= start < end, the end is to come, and the years are of this age."""
    if any(moment.year not in _YEARS for moment in (doors_at, starts_at, ends_at)):
        raise BadDates(years=f"{_YEARS.start} to {_YEARS.stop - 1}")
    if not doors_at <= starts_at < ends_at or ends_at <= now:
        raise BadDates


@cache
def _zones() -> frozenset[str]:
    # Two names of the database that are no zone: whatever this machine is set to, and "nothing is set".
    return frozenset(available_timezones()) - {"localtime", "Factory"}


def check_zone(zone: str) -> None:
    """Raise BadZone unless `zone` is an IANA name."""
    if zone not in _zones():
        raise BadZone(zone=zone)


def check_currency(currency: str) -> None:
    """Raise CurrencyNotSold unless cards are charged in `currency`: a known one, and no token of a chain."""
    try:
        places = money.exponent(currency)
    except money.UnknownCurrency as error:
        raise CurrencyNotSold(currency=currency) from error
    if places > _MAX_FIAT_PLACES:
        raise CurrencyNotSold(currency=currency)


def check_price(price_minor: int) -> None:
    """Raise FreeTickets for 0, BadPrice outside 1 to MAX_PRICE_MINOR."""
    if price_minor == 0:
        raise FreeTickets
    if not 0 < price_minor <= MAX_PRICE_MINOR:
        raise BadPrice(largest_minor=str(MAX_PRICE_MINOR))


def check_token_price(amount: int) -> None:
    """Raise FreeTickets for 0, BadPrice beyond what a collection takes for a hundred tickets in one word of storage."""
    if amount == 0:
        raise FreeTickets
    if not 0 < amount <= MAX_TOKEN_PRICE:
        raise BadPrice(largest_minor=str(MAX_TOKEN_PRICE))


def check_quantity(quantity: int, sold: int = 0) -> None:
    """Raise BadQuantity outside 1 to MAX_QUANTITY, BelowSold below what is held and paid (`sold`)."""
    if not 0 < quantity <= MAX_QUANTITY:
        raise BadQuantity
    if quantity < sold:
        raise BelowSold(sold=sold)


def check_limit(limit: int | None, quantity: int) -> None:
    """Raise BadLimit unless a limit per account is between 1 and the quantity."""
    if limit is not None and not 0 < limit <= quantity:
        raise BadLimit


def check_sale_window(starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Raise BadSaleWindow unless the sale starts before it ends, in years of this age."""
    if any(moment is not None and moment.year not in _YEARS for moment in (starts_at, ends_at)):
        raise BadSaleWindow
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        raise BadSaleWindow


def check_totals(total: int, capacity: int | None, max_supply: int | None) -> None:
    """Raise OverCapacity or OverSupply when all tiers together (`total`) exceed the venue or the collection."""
    if capacity is not None and total > capacity:
        raise OverCapacity(total=total, capacity=capacity)
    if max_supply is not None and total > max_supply:
        raise OverSupply(total=total, max_supply=max_supply)


def check_tier_count(count: int) -> None:
    """Raise TooManyTiers when there is no room for one more beside `count`."""
    if count >= MAX_TIERS:
        raise TooManyTiers


def check_to_come(ends_at: datetime, now: datetime) -> None:
    """Raise EventOver once the event has ended."""
    if ends_at <= now:
        raise EventOver


def check_on_sale(
    status: str, ends_at: datetime, sale_starts_at: datetime | None, sale_ends_at: datetime | None, now: datetime
) -> None:
    """Raise SaleNotOpen unless a tier can be bought at `now`. The SQL of `stock.hold` says the same."""
    if status != EventStatus.ON_SALE:
        raise SaleNotOpen(reason="not_published" if status in {EventStatus.DRAFT, EventStatus.READY} else "ended")
    if sale_starts_at is not None and now < sale_starts_at:
        raise SaleNotOpen(reason="not_started", opens_at=sale_starts_at.isoformat())
    if now >= ends_at or (sale_ends_at is not None and now >= sale_ends_at):
        raise SaleNotOpen(reason="ended")
