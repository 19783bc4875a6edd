"""What makes an event and a tier valid."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.catalog import errors, rules
from backend.catalog.models import EventStatus

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_dates_stand_in_order_and_end_in_the_future():
    rules.check_dates(NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR, NOW)
    rules.check_dates(NOW + HOUR, NOW + HOUR, NOW + 3 * HOUR, NOW)
    # An event whose doors are open already can still be written down.
    rules.check_dates(NOW - HOUR, NOW - HOUR, NOW + HOUR, NOW)


@pytest.mark.parametrize(
    ("doors", "start", "end"),
    [
        (NOW + 3 * HOUR, NOW + 2 * HOUR, NOW + 4 * HOUR),
        (NOW + HOUR, NOW + 3 * HOUR, NOW + 3 * HOUR),
        (NOW + HOUR, NOW + 3 * HOUR, NOW + 2 * HOUR),
        (NOW - 3 * HOUR, NOW - 2 * HOUR, NOW),
        (datetime(1, 1, 1, tzinfo=UTC), NOW + HOUR, NOW + 2 * HOUR),
        (NOW, NOW + HOUR, datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_dates_out_of_order_past_or_absurd_are_refused(doors, start, end):
    with pytest.raises(errors.BadDates):
        rules.check_dates(doors, start, end, NOW)


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "America/Argentina/Buenos_Aires", "UTC"])
def test_a_zone_of_the_iana_database_is_taken(zone):
    rules.check_zone(zone)


@pytest.mark.parametrize(
    "zone", ["", "CEST+2", "Europe/Atlantis", "../../etc/passwd", "europe/stockholm", "+02:00", "localtime", "Factory"]
)
def test_any_other_zone_is_refused(zone):
    with pytest.raises(errors.BadZone):
        rules.check_zone(zone)


@pytest.mark.parametrize("currency", ["SEK", "VND", "KWD"])
def test_a_currency_that_cards_are_charged_in_is_taken(currency):
    rules.check_currency(currency)


@pytest.mark.parametrize("currency", ["", "sek", "XXX", "BKS", "BNB", "NEAR", "DOGE"])
def test_an_unknown_currency_or_a_token_is_refused(currency):
    with pytest.raises(errors.CurrencyNotSold):
        rules.check_currency(currency)


def test_a_price_is_between_one_unit_and_the_most_a_card_is_charged():
    for price in (1, 4_990, rules.MAX_PRICE_MINOR):
        rules.check_price(price)
    with pytest.raises(errors.FreeTickets):
        rules.check_price(0)
    for price in (-1, rules.MAX_PRICE_MINOR + 1):
        with pytest.raises(errors.BadPrice):
            rules.check_price(price)


def test_a_quantity_is_positive_bounded_and_never_below_what_is_sold():
    rules.check_quantity(1)
    rules.check_quantity(10, sold=10)
    for quantity in (0, -5, rules.MAX_QUANTITY + 1):
        with pytest.raises(errors.BadQuantity):
            rules.check_quantity(quantity)
    with pytest.raises(errors.BelowSold) as refused:
        rules.check_quantity(9, sold=10)
    assert refused.value.details == {"sold": 10}


def test_a_limit_per_account_fits_the_quantity():
    for limit in (None, 1, 10):
        rules.check_limit(limit, 10)
    for limit in (0, -1, 11):
        with pytest.raises(errors.BadLimit):
            rules.check_limit(limit, 10)


def test_a_sale_window_may_be_open_at_either_end_but_not_upside_down():
    for window in ((None, None), (NOW, None), (None, NOW), (NOW, NOW + HOUR)):
        rules.check_sale_window(*window)
    for window in ((NOW, NOW), (NOW + HOUR, NOW), (datetime(9999, 1, 1, tzinfo=UTC), None)):
        with pytest.raises(errors.BadSaleWindow):
            rules.check_sale_window(*window)


def test_all_tiers_together_fit_the_venue_and_the_collection():
    rules.check_totals(650, 650, 650)
    rules.check_totals(10**6, None, None)
    with pytest.raises(errors.OverCapacity):
        rules.check_totals(651, 650, None)
    with pytest.raises(errors.OverSupply):
        rules.check_totals(651, None, 650)


def test_every_step_of_an_event_is_either_allowed_or_refused_by_name():
    allowed = {
        ("DRAFT", "READY"), ("READY", "ON_SALE"), ("ON_SALE", "CLOSED"),
        ("DRAFT", "CANCELLED"), ("READY", "CANCELLED"), ("ON_SALE", "CANCELLED"),
    }  # fmt: skip
    for before in EventStatus:
        for after in EventStatus:
            if (before, after) in allowed:
                rules.check_step(before, after)
            else:
                with pytest.raises(errors.WrongStatus):
                    rules.check_step(before, after)
