"""Who sees and who writes what; and of two who write at once, who wins."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError

from backend.catalog import edit
from backend.catalog.errors import OverCapacity
from backend.catalog.models import Event, Tier
from backend.kit import db
from backend.kit.errors import BusinessError
from tests.catalog.requests import a_body, a_tier, code
from tests.factories import accounts as people
from tests.factories.accounts import NOON, make_key, make_organisation, signed_in
from tests.factories.catalog import make_event, make_tier, make_venue


def test_drafts_are_seen_by_their_organisation_and_by_admins_only(client, session, organisation, promoter):
    draft, shown = make_event(session, organisation, status="DRAFT"), make_event(session, organisation)
    stranger = people.as_promoter(session, make_organisation(session).id)
    for headers, sees in (
        (promoter, 2),
        (people.as_admin(session), 2),
        (stranger, 1),
        (signed_in(session), 1),
        ({}, 1),
    ):
        listed = client.get(f"/v1/events?organisation_id={organisation}", headers=headers).json()["items"]
        assert len(listed) == sees
        assert client.get(f"/v1/events/{draft.id}", headers=headers).status_code == (200 if sees == 2 else 404)
        assert client.get(f"/v1/events/{shown.id}", headers=headers).status_code == 200


def test_how_many_are_held_and_paid_is_the_organisations_own_business(client, session, organisation, promoter):
    event = make_event(session, organisation)
    make_tier(session, event, held=3, paid=4)
    [outside] = client.get(f"/v1/events/{event.id}").json()["tiers"]
    [inside] = client.get(f"/v1/events/{event.id}", headers=promoter).json()["tiers"]
    assert (outside["available"], outside["held"], outside["paid"]) == (93, None, None)
    assert (inside["available"], inside["held"], inside["paid"]) == (93, 3, 4)


def test_the_list_is_filtered_and_paged_by_start(client, session, organisation):
    week = timedelta(days=7)
    for weeks in (4, 2, 3):
        start = NOON + weeks * week
        make_event(session, organisation, doors_at=start, starts_at=start, ends_at=start + timedelta(hours=1))
    first = client.get("/v1/events?limit=2").json()
    rest = client.get("/v1/events", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    starts = [event["starts_at"] for event in first["items"] + rest["items"]]
    assert starts == sorted(starts)
    assert (len(starts), rest["next_cursor"]) == (3, None)
    window = {"starts_from": (NOON + 3 * week).isoformat(), "starts_until": (NOON + 4 * week).isoformat()}
    assert len(client.get("/v1/events", params=window).json()["items"]) == 1
    assert client.get("/v1/events?status=CLOSED").json()["items"] == []
    assert client.get("/v1/events?status=NONSENSE").status_code == 422
    assert code(client.get("/v1/events?cursor=nonsense")) == (422, "bad_cursor")


def _writes(client, event, tier, headers):
    path, match = f"/v1/events/{event.id}", {**headers, "If-Match": '"1"'}
    steward = make_key(7).address
    return {
        "change": client.patch(path, json={"title": "Mine"}, headers=match),
        "tier": client.post(f"{path}/tiers", json=a_tier(), headers=headers),
        "change tier": client.patch(f"{path}/tiers/{tier.id}", json={"quantity": 1}, headers=match),
        "publish": client.post(f"{path}/publish", headers=headers),
        "close": client.post(f"{path}/close", headers=headers),
        "cancel": client.post(f"{path}/cancel", headers=headers),
        "steward": client.post(f"{path}/stewards", json={"address": steward}, headers=headers),
        "no steward": client.delete(f"{path}/stewards/{steward}", headers=headers),
    }


def test_nobody_but_the_organisations_promoters_writes(client, session):
    event = make_event(session)
    tier = make_tier(session, event)
    venue = {"organisation_id": str(event.organisation_id), "name": "Mine", "capacity": 5}
    callers = {
        401: [{}, {"X-Order-Secret": "x"}],
        403: [
            signed_in(session),
            people.as_admin(session),
            people.as_steward(session, event.organisation_id, event.id),
        ],
        404: [people.as_promoter(session, make_organisation(session).id)],
    }
    for status, several in callers.items():
        for headers in several:
            answers = _writes(client, event, tier, headers)
            assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, status)
            for path, body in (("/v1/events", a_body(event.organisation_id)), ("/v1/venues", venue)):
                made = client.post(path, json=body, headers=headers)
                assert made.status_code == min(status, 403), path
    session.expire_all()
    assert (event.title, event.version, event.status, tier.quantity) == ("Midsummer Night", 1, "ON_SALE", 100)


def test_a_steward_is_made_and_unmade_by_the_promoter(client, session, organisation, promoter):
    event, key = make_event(session, organisation), make_key()
    headers = signed_in(session, people.address_of(key))
    made = client.post(f"/v1/events/{event.id}/stewards", json={"address": key.address}, headers=promoter)
    assert made.status_code == 201, made.text
    me = client.get("/v1/me", headers=headers).json()
    assert (me["roles"], me["steward_events"]) == (["FAN", "STEWARD"], [str(event.id)])
    gone = client.delete(f"/v1/events/{event.id}/stewards/{key.address}", headers=promoter)
    assert gone.status_code == 204
    assert client.get("/v1/me", headers=headers).json()["roles"] == ["FAN"]
    again = client.delete(f"/v1/events/{event.id}/stewards/{key.address}", headers=promoter)
    assert code(again) == (404, "no_such_grant")


def test_venues_are_written_and_listed_by_their_organisation(client, session, organisation, promoter):
    elsewhere = make_venue(session).organisation_id
    body = {"organisation_id": str(organisation), "name": "Debaser", "address": "Stockholm", "capacity": 650}
    made = client.post("/v1/venues", json=body, headers=promoter).json()
    listed = client.get(f"/v1/venues?organisation_id={organisation}", headers=promoter).json()["items"]
    assert listed == [made]
    assert client.get(f"/v1/venues?organisation_id={elsewhere}", headers=promoter).status_code == 403


def test_acting_for_an_organisation_other_organisations_rows_are_neither_seen_nor_written(session):
    mine, theirs = make_event(session), make_event(session)
    make_tier(session, theirs)
    session.expunge_all()
    db.act_for(session, mine.organisation_id)
    assert session.scalars(select(Event.id)).all() == [mine.id]
    assert session.scalars(select(Tier.id)).all() == []
    with pytest.raises(ProgrammingError), session.begin_nested():
        make_event(session, theirs.organisation_id)


# ---- two editors at once


def test_of_two_editors_at_once_one_wins_and_the_other_is_told(fresh_database):
    with db.unit_of_work() as session:
        event_id = make_event(session, status="DRAFT").id
    outcomes = _together(
        8, lambda session, number: edit.change_event(session, event_id, 1, {"title": f"By {number}"}, NOON)
    )
    assert sorted(outcomes) == ["done"] + ["version_changed"] * 7


def test_tiers_added_at_once_fill_the_venue_and_no_more(fresh_database):
    with db.unit_of_work() as session:
        venue = make_venue(session, capacity=100)
        event_id = make_event(session, venue.organisation_id, status="DRAFT", venue_id=venue.id).id
    outcomes = _together(8, lambda session, _: edit.add_tier(session, event_id, _plain_tier(30), NOON))
    assert sorted(outcomes) == ["done"] * 3 + [OverCapacity.code] * 5
    with db.unit_of_work() as session:
        assert session.scalars(select(Tier.number).order_by(Tier.number)).all() == [1, 2, 3]


def _plain_tier(quantity):
    empty = dict.fromkeys(("sale_starts_at", "sale_ends_at", "per_account_limit"))
    return {"name": "Standing", "price_minor": 100, "quantity": quantity, **empty}


def _together(count, work):
    barrier, outcomes = threading.Barrier(count), []

    def run(number):
        barrier.wait()
        try:
            with db.unit_of_work() as session:
                work(session, number)
            outcomes.append("done")
        except BusinessError as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
