"""Writing events and tiers over HTTP: what is refused, what freezes, and the steps an event takes."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.catalog import service
from backend.catalog.errors import NoTiers, WrongStatus
from backend.catalog.models import Event, Tier
from backend.kit import clock
from backend.kit.ids import new_id
from tests.catalog.requests import a_body, a_tier, change, code
from tests.factories import accounts as people
from tests.factories.accounts import NOON, make_key, signed_in
from tests.factories.catalog import make_event, make_tier, make_venue

# ---- writing


def test_a_promoter_writes_an_event_with_tiers_and_sells_once_the_collection_is_live(
    client, session, organisation, promoter
):
    made = client.post("/v1/events", json=a_body(organisation), headers=promoter)
    assert made.status_code == 201, made.text
    event = made.json()
    assert (event["status"], event["version"], made.headers["ETag"]) == ("DRAFT", 1, '"1"')
    assert event["doors_at"] == "2026-06-19T17:00:00Z"
    for name in ("Standing", "Balcony"):
        added = client.post(f"/v1/events/{event['id']}/tiers", json=a_tier(name=name), headers=promoter)
        assert added.status_code == 201, added.text
    early = client.post(f"/v1/events/{event['id']}/publish", headers=promoter)
    assert code(early) == (409, "wrong_status")
    row = session.scalars(select(Event).execution_options(populate_existing=True)).one()
    service.mark_ready(session, row.id, NOON)
    published = client.post(f"/v1/events/{event['id']}/publish", headers=promoter).json()
    assert (published["status"], published["max_supply"]) == ("ON_SALE", 1000)
    assert [(tier["number"], tier["name"], tier["available"]) for tier in published["tiers"]] == [
        (1, "Standing", 500), (2, "Balcony", 500),
    ]  # fmt: skip
    service.hold(session, session.scalars(select(Tier.id)).first(), 1, NOON)
    assert client.post(f"/v1/events/{event['id']}/close", headers=promoter).json()["status"] == "CLOSED"
    assert code(client.post(f"/v1/events/{event['id']}/publish", headers=promoter)) == (409, "wrong_status")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"doors_at": "2026-06-19T18:00:01Z"}, "bad_dates"),
        ({"ends_at": "2026-06-19T18:00:00Z"}, "bad_dates"),
        ({"ends_at": "2026-05-19T18:00:00Z"}, "bad_dates"),
        ({"starts_at": "2026-06-19T18:00:00"}, "invalid_request"),
        ({"ends_at": "9999-12-31T23:59:59-12:00"}, "invalid_request"),
        ({"zone": "Mars/Olympus"}, "bad_zone"),
        ({"currency": "XYZ"}, "currency_not_sold"),
        ({"currency": "BKS"}, "currency_not_sold"),
        ({"venue_id": str(new_id())}, "unknown_venue"),
        ({"title": ""}, "invalid_request"),
        ({"title": "   "}, "invalid_request"),
        ({"title": "a\x00b"}, "invalid_request"),
        ({"description": "a\x00b"}, "invalid_request"),
        ({"title": "x" * 201}, "invalid_request"),
        ({"status": "ON_SALE"}, "invalid_request"),
        ({"version": 9}, "invalid_request"),
        ({"max_supply": 9}, "invalid_request"),
    ],
)
def test_an_event_that_makes_no_sense_is_refused_by_name(client, session, organisation, promoter, changes, refusal):
    assert code(client.post("/v1/events", json=a_body(organisation, **changes), headers=promoter)) == (422, refusal)
    assert session.scalars(select(Event)).all() == []


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"price_minor": 0}, "free_tickets_unsupported"),
        ({"price_minor": -1}, "bad_price"),
        ({"price_minor": 100_000_000}, "bad_price"),
        ({"price_minor": 49.9}, "invalid_request"),
        ({"price_minor": "49900"}, "invalid_request"),
        ({"price_minor": True}, "invalid_request"),
        ({"price_minor": 2**63}, "invalid_request"),
        ({"quantity": 0}, "bad_quantity"),
        ({"quantity": -3}, "bad_quantity"),
        ({"quantity": 1_000_001}, "bad_quantity"),
        ({"quantity": 651}, "over_capacity"),
        ({"per_account_limit": 0}, "bad_limit"),
        ({"per_account_limit": 501}, "bad_limit"),
        ({"sale_starts_at": "2026-06-10T00:00:00Z", "sale_ends_at": "2026-06-09T00:00:00Z"}, "bad_sale_window"),
        ({"held": 5}, "invalid_request"),
        ({"paid": 5}, "invalid_request"),
        ({"number": 7}, "invalid_request"),
        ({"currency": "USD"}, "invalid_request"),
    ],
)
def test_a_tier_that_makes_no_sense_is_refused_by_name(client, session, organisation, promoter, changes, refusal):
    venue = make_venue(session, organisation, capacity=650)
    event = make_event(session, organisation, status="DRAFT", venue_id=venue.id)
    assert code(client.post(f"/v1/events/{event.id}/tiers", json=a_tier(**changes), headers=promoter)) == (422, refusal)
    assert session.scalars(select(Tier)).all() == []


def test_the_tiers_of_an_event_fill_its_venue_and_no_more(client, session, organisation, promoter):
    venue = make_venue(session, organisation, capacity=650)
    event = make_event(session, organisation, status="DRAFT", venue_id=venue.id)
    path = f"/v1/events/{event.id}/tiers"
    assert client.post(path, json=a_tier(quantity=600), headers=promoter).status_code == 201
    assert code(client.post(path, json=a_tier(quantity=51), headers=promoter)) == (422, "over_capacity")
    assert client.post(path, json=a_tier(quantity=50), headers=promoter).status_code == 201
    smaller = make_venue(session, organisation, capacity=649)
    moved = change(client, event.id, {"venue_id": str(smaller.id)}, promoter, '"3"')
    assert code(moved) == (422, "over_capacity")
    assert change(client, event.id, {"venue_id": None}, promoter, '"3"').json()["venue"] is None


def test_an_event_cannot_stand_in_another_organisations_venue(client, session, organisation, promoter):
    theirs = make_venue(session)
    answer = client.post("/v1/events", json=a_body(organisation, venue_id=str(theirs.id)), headers=promoter)
    assert code(answer) == (422, "unknown_venue")


# ---- whose change wins


def test_a_change_needs_the_version_it_was_made_from(client, session, organisation, promoter):
    event = make_event(session, organisation, status="DRAFT")
    assert code(change(client, event.id, {"title": "New"}, promoter)) == (428, "version_required")
    for stale in ('"2"', "0", '"x"', "*", 'W/"1"'):
        assert code(change(client, event.id, {"title": "New"}, promoter, stale)) == (412, "version_changed")
    done = change(client, event.id, {"title": "New"}, promoter, '"1"')
    assert (done.json()["title"], done.headers["ETag"]) == ("New", '"2"')
    late = change(client, event.id, {"title": "Newer"}, promoter, '"1"')
    assert code(late) == (412, "version_changed")
    assert late.json()["error"]["details"] == {"version": 2}


def test_a_change_keeps_what_it_does_not_name_and_checks_the_whole(client, session, organisation, promoter):
    event = make_event(session, organisation, status="DRAFT")
    before = client.get(f"/v1/events/{event.id}", headers=promoter).json()
    after = change(client, event.id, {"description": "Three bands."}, promoter, '"1"').json()
    assert {**before, "description": "Three bands.", "version": 2} == after
    assert code(change(client, event.id, {"ends_at": "2026-06-02T00:00:00Z"}, promoter, '"2"')) == (422, "bad_dates")
    for body in ({"title": None}, {"starts_at": None}, {"status": "ON_SALE"}, {"organisation_id": str(new_id())}):
        assert code(change(client, event.id, body, promoter, '"2"')) == (422, "invalid_request")


@pytest.mark.parametrize("status", ["CLOSED", "CANCELLED"])
def test_an_event_that_has_ended_its_sale_is_not_changed(client, session, organisation, promoter, status):
    event = make_event(session, organisation, status=status)
    tier = make_tier(session, event)
    assert code(change(client, event.id, {"title": "New"}, promoter, '"1"')) == (409, "wrong_status")
    assert code(change(client, event.id, {"quantity": 1}, promoter, '"1"', tier.id)) == (409, "wrong_status")
    assert code(client.post(f"/v1/events/{event.id}/tiers", json=a_tier(), headers=promoter)) == (409, "wrong_status")


# ---- what freezes


def test_the_currency_is_frozen_with_the_first_tier(client, session, organisation, promoter):
    event = make_event(session, organisation, status="DRAFT")
    assert change(client, event.id, {"currency": "EUR"}, promoter, '"1"').json()["currency"] == "EUR"
    added = client.post(f"/v1/events/{event.id}/tiers", json=a_tier(), headers=promoter)
    assert added.json()["currency"] == "EUR"
    assert code(change(client, event.id, {"currency": "SEK"}, promoter, '"3"')) == (409, "terms_frozen")


def test_the_price_is_frozen_on_sale_and_the_window_is_not(client, session, organisation, promoter):
    event = make_event(session, organisation)
    tier = make_tier(session, event, held=3, paid=4)
    assert code(change(client, event.id, {"price_minor": 1}, promoter, '"1"', tier.id)) == (409, "terms_frozen")
    same = change(client, event.id, {"price_minor": tier.price_minor}, promoter, '"1"', tier.id)
    assert same.status_code == 200
    ends = {"sale_ends_at": "2026-06-10T00:00:00Z", "per_account_limit": 4, "quantity": 7}
    changed = change(client, event.id, ends, promoter, '"2"', tier.id).json()
    assert (changed["available"], changed["sale_ends_at"]) == (0, "2026-06-10T00:00:00Z")
    refused = change(client, event.id, {"quantity": 6}, promoter, '"3"', tier.id)
    assert code(refused) == (422, "below_sold")
    assert refused.json()["error"]["details"] == {"sold": 7}


def test_tiers_are_fixed_when_the_collection_is_made(client, session, organisation, promoter):
    event = make_event(session, organisation, status="DRAFT")
    tier = make_tier(session, event, quantity=100)
    assert service.fix_supply(session, event.id) == service.fix_supply(session, event.id) == 100
    assert event.version == 2
    assert code(client.post(f"/v1/events/{event.id}/tiers", json=a_tier(), headers=promoter)) == (409, "terms_frozen")
    assert code(change(client, event.id, {"name": "VIP"}, promoter, '"2"', tier.id)) == (409, "terms_frozen")
    assert code(change(client, event.id, {"quantity": 101}, promoter, '"2"', tier.id)) == (422, "over_supply")
    assert change(client, event.id, {"quantity": 90, "price_minor": 10}, promoter, '"2"', tier.id).status_code == 200
    assert change(client, event.id, {"quantity": 100}, promoter, '"3"', tier.id).status_code == 200


def test_an_event_without_tiers_gets_no_collection(session):
    with pytest.raises(NoTiers):
        service.mark_ready(session, make_event(session, status="DRAFT").id, NOON)


def test_a_tier_is_changed_through_its_own_event_only(client, session, organisation, promoter):
    mine, other = make_event(session, organisation), make_event(session, organisation)
    tier = make_tier(session, other)
    assert code(change(client, mine.id, {"quantity": 1}, promoter, '"1"', tier.id)) == (404, "unknown_tier")


# ---- steps


def test_marking_ready_twice_or_late_changes_nothing(session):
    event = make_event(session, status="DRAFT")
    make_tier(session, event)
    for _ in range(2):
        service.mark_ready(session, event.id, NOON)
        assert event.status == "READY"
    version = event.version
    service.publish(session, event.id, NOON)
    service.mark_ready(session, event.id, NOON)
    assert (event.status, event.version) == ("ON_SALE", version + 1)
    service.cancel(session, event.id)
    with pytest.raises(WrongStatus):
        service.mark_ready(session, event.id, NOON)


def test_an_event_that_is_over_is_not_published(client, session, organisation):
    event = make_event(session, organisation, status="READY", ends_at=NOON + timedelta(days=22))
    key = make_key()
    people.grant(session, people.address_of(key), people.Role.PROMOTER, organisation)
    later = NOON + timedelta(days=22)
    with clock.frozen(later):
        headers = signed_in(session, people.address_of(key), later)
        assert code(client.post(f"/v1/events/{event.id}/publish", headers=headers)) == (409, "event_over")


def test_an_event_is_cancelled_only_while_nobody_holds_a_seat(client, session, organisation, promoter):
    sold, empty = make_event(session, organisation), make_event(session, organisation)
    make_tier(session, sold, held=1)
    make_tier(session, empty)
    assert code(client.post(f"/v1/events/{sold.id}/cancel", headers=promoter)) == (409, "event_has_sales")
    assert client.post(f"/v1/events/{empty.id}/cancel", headers=promoter).json()["status"] == "CANCELLED"
    assert code(client.post(f"/v1/events/{empty.id}/cancel", headers=promoter)) == (409, "wrong_status")
