"""What promoters state about resale before their consent, and what they sign of it."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.accounts.models import Role
from backend.catalog.models import TierPrice
from backend.tickets import resale_rules
from backend.tickets.resale_rules import Face, Wanted
from tests.factories.accounts import address_of, as_promoter, grant, make_key, make_organisation, signed_in
from tests.factories.orders import make_sale
from tests.factories.tickets import make_collection

FACE = 10**20


@pytest.fixture
def sale(session):
    return make_sale(session, quantities=(50, 20), price_minor=40_000, status="DRAFT")


@pytest.fixture
def headers(session, sale):
    key = make_key()
    grant(session, address_of(key), Role.PROMOTER, sale.event.organisation_id)
    return signed_in(session, address_of(key))


def put(client, sale, headers, **body):
    return client.put(f"/v1/events/{sale.event.id}/resale-rules", headers=headers, json=body)


def test_who_states_nothing_gets_resale_at_no_more_than_what_was_paid(client, sale, headers):
    shown = client.get(f"/v1/events/{sale.event.id}/resale-rules", headers=headers).json()
    assert (shown["resale"], shown["cap_bps"]) == (True, 10_000)
    # Limited, so that no other marketplace can settle as a gift.
    assert (shown["gift_limit"], shown["gift_cool_off_seconds"]) == (resale_rules.DEFAULT_GIFT_LIMIT, 0) == (4, 0)
    assert (shown["currency"], shown["tiers"], shown["resale_hold_seconds"]) == ("BKS", [], 14 * 24 * 3600)


def test_what_is_stated_is_what_is_signed(client, session, sale, headers):
    tiers = [{"number": 1, "face": str(FACE), "list_minor": 50_000}, {"number": 2, "face": str(FACE)}]
    answer = put(client, sale, headers, cap_bps=9_000, gift_limit=2, freeze_at="2027-01-01T00:00:00Z", tiers=tiers)
    assert answer.status_code == 200 and answer.json()["tiers"][0]["face"] == str(FACE)
    wanted = resale_rules.terms(session, sale.event)
    assert resale_rules.as_signed(wanted, 60) == {
        "resale": True,
        "capBps": 9_000,
        "giftLimit": 2,
        "giftCoolOff": 0,
        "freezeAt": int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()),
        "resaleHold": 60,
        "maxPerWallet": 0,
    }
    assert resale_rules.tiers_as_signed(wanted, sale.tiers) == [
        {"tier": 1, "face": str(FACE), "paid": 40_000, "list": 50_000},
        {"tier": 2, "face": str(FACE), "paid": 40_000, "list": 40_000},
    ]


def signed_freeze(session, sale):
    return resale_rules.as_signed(resale_rules.terms(session, sale.event), 0)["freezeAt"]


def test_tickets_freeze_when_doors_open_unless_the_promoter_says_otherwise(client, session, sale, headers):
    doors = int(sale.event.doors_at.timestamp())
    assert signed_freeze(session, sale) == doors
    assert datetime.fromisoformat(put(client, sale, headers).json()["freeze_at"]) == sale.event.doors_at
    # The doors as they stand when the consent is signed, not as they stood when the rules were stated.
    sale.event.doors_at -= timedelta(hours=1)
    session.flush()
    assert signed_freeze(session, sale) == doors - 3600
    assert put(client, sale, headers, freeze_at=None).json()["freeze_at"] is None
    assert signed_freeze(session, sale) == 0
    assert client.get(f"/v1/events/{sale.event.id}/resale-rules", headers=headers).json()["freeze_at"] is None


def test_a_tiers_own_price_in_the_currency_is_its_face_unless_another_is_stated(session, sale):
    price = TierPrice(currency="BKS", amount=7, organisation_id=sale.event.organisation_id)
    sale.tier.prices.append(price)
    session.flush()
    assert [t["face"] for t in resale_rules.tiers_as_signed(Wanted(), sale.tiers)] == ["7"]
    assert [t["face"] for t in resale_rules.tiers_as_signed(Wanted(tiers=(Face(1, 9),)), sale.tiers)] == ["9"]
    assert resale_rules.tiers_as_signed(Wanted(currency="BNB"), sale.tiers) == []


@pytest.mark.parametrize(
    ("tiers", "code"),
    [
        ([{"number": 3, "face": "1"}], "unknown_tier"),
        ([{"number": 1, "face": "1", "list_minor": 39_999}], "list_below_price"),
        ([{"number": 1, "face": "1"}, {"number": 2, "face": "1"}, {"number": 1, "face": "2"}], "tier_twice"),
        ([{"number": 1, "face": "-1"}], "invalid_request"),
        ([{"number": 1, "face": str(2**96)}], "invalid_request"),
    ],
)
def test_terms_the_contract_would_refuse_are_refused_here(client, sale, headers, tiers, code):
    assert put(client, sale, headers, tiers=tiers).json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("freeze_at", "code"),
    [
        ("2020-01-01T00:00:00Z", "freeze_in_the_past"),
        (1_900_000_000, "invalid_request"),
        ("1900000000", "invalid_request"),
    ],
)
def test_tickets_freeze_at_a_moment_to_come_that_is_written_out(client, sale, headers, freeze_at, code):
    assert put(client, sale, headers, freeze_at=freeze_at).json()["error"]["code"] == code


def test_rules_are_the_promoters_and_stand_once_the_collection_is_made(client, session, sale, headers):
    other = as_promoter(session, make_organisation(session, "Another").id)
    assert put(client, sale, other).json()["error"]["code"] == "not_your_organisation"
    make_collection(session, sale.event)
    assert put(client, sale, headers).json()["error"]["code"] == "collection_exists"
