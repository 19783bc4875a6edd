from datetime import timedelta

import pytest

from backend.accounts.models import Role
from backend.chain import registry
from backend.kit import clock
from tests.factories.accounts import (
    as_admin,
    as_promoter,
    as_steward,
    make_key,
    make_organisation,
    sign_typed_data,
    signed_in,
)
from tests.factories.catalog import make_event
from tests.factories.checkin import DOORS_OPEN, NETWORK, NoCode

NOW = DOORS_OPEN + timedelta(minutes=10)


@pytest.fixture
def steward(session, door):
    with clock.frozen(NOW), registry.replaced(NETWORK, NoCode(), {}):
        yield as_steward(session, door.event.organisation_id, door.event.id) | {"X-Trace-Id": "door"}


def ask(client, door, headers, **named):
    body = {"event_id": str(door.event.id), "gate": "North 2", **(named or {"ticket_id": str(door.ticket.id)})}
    return client.post("/v1/door/challenges", json=body, headers=headers)


def reply(client, challenge, key, headers, client_nonce="scanner-7-000001"):
    signature = "0x" + sign_typed_data(key, challenge["typed_data"]).hex()
    body = {"challenge_id": challenge["challenge_id"], "signature": signature, "client_nonce": client_nonce}
    return client.post("/v1/door/admissions", json=body, headers=headers)


def test_what_the_api_returns_is_signed_unchanged_and_opens_the_door(client, door, steward):
    opened = ask(client, door, steward)
    assert opened.status_code == 201, opened.text
    words = opened.json()["typed_data"]
    assert words["primaryType"] == "Admission"
    assert words["domain"]["name"] == "Backstage Door"
    assert words["domain"]["chainId"] == 31337
    assert words["domain"]["verifyingContract"] == words["message"]["collection"]
    assert words["message"]["eventId"] == f"0x{door.event.id.int:064x}"
    answer = reply(client, opened.json(), door.holder, steward)
    assert answer.status_code == 200
    assert (answer.json()["result"], answer.json()["reason"]) == ("ADMITTED", None)
    assert (answer.json()["colour"], answer.json()["sound"]) == ("green", "admit")
    assert answer.json()["admitted_at"] is not None


def test_a_refusal_is_an_answer_with_a_reason_and_words(client, door, steward):
    answer = reply(client, ask(client, door, steward).json(), make_key(), steward)
    assert answer.status_code == 200
    assert (answer.json()["result"], answer.json()["reason"], answer.json()["colour"]) == (
        "REFUSED", "wrong_holder", "red",
    )  # fmt: skip
    assert answer.json()["admitted_at"] is None


def test_a_scan_sent_again_after_a_lost_connection_gets_the_same_answer(client, door, steward):
    challenge = ask(client, door, steward).json()
    first = reply(client, challenge, door.holder, steward)
    again = reply(client, challenge, door.holder, steward)
    assert first.json() == again.json()
    assert reply(client, challenge, door.holder, steward, "scanner-7-000002").json()["reason"] == "challenge_used"


def test_a_ticket_is_found_by_its_token_id_as_well(client, door, steward):
    assert ask(client, door, steward, token_id=65_536).json()["ticket_id"] == str(door.ticket.id)
    assert ask(client, door, steward, token_id=65_537).status_code == 404


def test_a_steward_of_another_event_finds_neither_door_nor_challenge(client, session, door, steward):
    challenge = ask(client, door, steward).json()
    elsewhere = make_event(session, door.event.organisation_id)
    other = as_steward(session, elsewhere.organisation_id, elsewhere.id)
    assert ask(client, door, other).status_code == 404
    assert reply(client, challenge, door.holder, other).status_code == 404


def test_a_ticket_of_another_event_of_the_organiser_is_refused_on_record(client, session, door, steward):
    elsewhere = make_event(session, door.event.organisation_id, doors_at=NOW, starts_at=NOW, ends_at=NOW + timedelta(1))
    other = as_steward(session, elsewhere.organisation_id, elsewhere.id)
    body = {"event_id": str(elsewhere.id), "ticket_id": str(door.ticket.id), "gate": "North 2"}
    opened = client.post("/v1/door/challenges", json=body, headers=other)
    assert opened.status_code == 201
    assert reply(client, opened.json(), door.holder, other).json()["reason"] == "wrong_event"


def test_a_ticket_of_another_organiser_is_unknown(client, session, door, steward):
    elsewhere = make_event(session, make_organisation(session).id)
    other = as_steward(session, elsewhere.organisation_id, elsewhere.id)
    body = {"event_id": str(elsewhere.id), "ticket_id": str(door.ticket.id), "gate": "North 2"}
    assert client.post("/v1/door/challenges", json=body, headers=other).status_code == 404


@pytest.mark.parametrize("role", [None, Role.FAN, Role.PROMOTER, Role.ADMIN])
def test_only_stewards_work_the_door(client, session, door, steward, role):
    headers = {
        None: dict,
        Role.FAN: lambda: signed_in(session),
        Role.PROMOTER: lambda: as_promoter(session, door.event.organisation_id),
        Role.ADMIN: lambda: as_admin(session),
    }[role]()
    assert ask(client, door, headers).status_code == (401 if role is None else 403)


@pytest.mark.parametrize(
    "change", [{"signature": "0x123"}, {"signature": "nothing"}, {"client_nonce": "a b"}, {"status": "ADMITTED"}]
)
def test_a_malformed_answer_is_an_error_and_no_scan(client, door, steward, change):
    challenge = ask(client, door, steward).json()
    body = {
        "challenge_id": challenge["challenge_id"],
        "signature": "0x" + "ab" * 65,
        "client_nonce": "scanner-7-000001",
    }
    assert client.post("/v1/door/admissions", json=body | change, headers=steward).status_code == 422


def test_a_ticket_is_named_in_one_way(client, door, steward):
    assert ask(client, door, steward, ticket_id=str(door.ticket.id), token_id=1).status_code == 422
