"""Roles: who is let in where, from which moment, and who may say so."""

import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import Annotated

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from backend.accounts import grants
from backend.accounts.access import Allow, Principal, Role, allow
from backend.accounts.errors import LastAdmin, NotYourOrganisation, UnknownGrantEvent, WrongGrantScope
from backend.accounts.models import Organisation, RoleGrant
from backend.kit import db, errors
from backend.kit.ids import new_id
from tests.factories import accounts as people
from tests.factories.accounts import NOON, address_of, make_key, make_organisation, signed_in
from tests.factories.catalog import make_event

ROLES = [Role.PROMOTER, Role.STEWARD, Role.ADMIN]


@pytest.fixture
def caller(session):
    """Headers of a caller with exactly the role named (every signed-in one is a FAN besides)."""

    def headers(role):
        event = make_event(session)
        made = {
            Role.PUBLIC: dict,
            Role.GUEST: lambda: {"X-Order-Secret": "anything: orders checks it"},
            Role.FAN: lambda: signed_in(session),
            Role.PROMOTER: lambda: people.as_promoter(session, event.organisation_id),
            Role.STEWARD: lambda: people.as_steward(session, event.organisation_id, event.id),
            Role.ADMIN: lambda: people.as_admin(session),
        }
        return made[role]()

    return headers


@pytest.fixture
def rooms(session):
    """A small API with one route a role, behind the doors under test."""
    app = FastAPI()

    @app.exception_handler(errors.BusinessError)
    def refuse(_request, error):
        from fastapi.responses import JSONResponse

        return JSONResponse(errors.render(error, ""), error.status)

    for role in Role:

        def room(principal: Annotated[Principal | None, allow(role)]):
            return {"account": str(principal.account_id) if principal else None}

        app.get(f"/{role}")(room)
    return TestClient(app)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("room", Role)
def test_each_role_opens_its_own_rooms_and_no_other(rooms, caller, role, room):
    status = rooms.get(f"/{room}", headers=caller(role)).status_code
    signed = role in {Role.FAN, *ROLES}
    if room in {Role.PUBLIC, role} or (room == Role.FAN and signed):
        assert status == 200
    else:
        assert status == (403 if signed else 401)


def test_a_route_must_name_somebody(session):
    with pytest.raises(ValueError):
        Allow()


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer unknown", "Bearer " + "x" * 200, "bearer\tabc", "token a"],
)
def test_a_session_that_is_no_good_is_refused_even_where_nobody_need_sign_in(rooms, header):
    assert rooms.get("/PUBLIC", headers={"Authorization": header}).status_code == 401


def test_a_hash_from_the_database_is_no_token(rooms, session):
    from backend.accounts.models import LoginSession

    signed_in(session)
    row = session.scalars(select(LoginSession)).one()
    for stolen in (row.token_hash.hex(), str(row.id), str(row.account_id)):
        assert rooms.get("/FAN", headers={"Authorization": f"Bearer {stolen}"}).status_code == 401


def test_a_promoter_manages_its_own_organisation_only():
    mine, theirs = new_id(), new_id()
    promoter = Principal(new_id(), None, frozenset({Role.FAN, Role.PROMOTER}), frozenset({mine}))
    promoter.must_manage(mine)
    with pytest.raises(NotYourOrganisation):
        promoter.must_manage(theirs)
    Principal(new_id(), None, frozenset({Role.FAN, Role.ADMIN})).must_manage(theirs)


# ---- granting over HTTP


def test_an_admin_makes_a_promoter_who_is_one_at_its_next_request(client, session):
    admin, key = people.as_admin(session), make_key()
    headers = signed_in(session, address_of(key))
    assert client.get("/v1/me", headers=headers).json()["roles"] == ["FAN"]
    body = {"address": key.address, "organisation_name": "  Night Owl  "}
    made = client.post("/v1/admin/promoters", json=body, headers=admin)
    assert made.status_code == 201, made.text
    me = client.get("/v1/me", headers=headers).json()
    assert me["roles"] == ["FAN", "PROMOTER"]
    assert me["organisations"] == [{"id": made.json()["organisation"]["id"], "name": "Night Owl"}]


def test_a_role_taken_away_is_gone_at_the_next_request(client, session):
    admin, key = people.as_admin(session), make_key()
    organisation = make_organisation(session)
    people.grant(session, address_of(key), Role.PROMOTER, organisation.id)
    headers = signed_in(session, address_of(key))
    mine = f"/v1/venues?organisation_id={organisation.id}"
    assert client.get(mine, headers=headers).status_code == 200
    body = {"address": key.address, "role": "PROMOTER", "organisation_id": str(organisation.id)}
    assert client.request("DELETE", "/v1/admin/roles", json=body, headers=admin).status_code == 204
    assert client.get(mine, headers=headers).status_code == 403
    again = client.request("DELETE", "/v1/admin/roles", json=body, headers=admin)
    assert (again.status_code, again.json()["error"]["code"]) == (404, "no_such_grant")


def test_granting_twice_is_granting_once(client, session):
    admin, key = people.as_admin(session), make_key()
    first, second = (
        client.post("/v1/admin/roles", json={"address": key.address, "role": "ADMIN"}, headers=admin) for _ in "ab"
    )
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    listed = client.get("/v1/admin/roles?role=ADMIN", headers=admin).json()["items"]
    assert [key.address] in [grant["addresses"] for grant in listed]
    assert len(listed) == 2


def test_the_last_admin_stays(client, session):
    key, other = make_key(), make_key()
    people.grant(session, address_of(key), Role.ADMIN)
    admin = signed_in(session, address_of(key))
    body = {"address": key.address, "role": "ADMIN"}
    refused = client.request("DELETE", "/v1/admin/roles", json=body, headers=admin)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_admin")
    client.post("/v1/admin/roles", json={"address": other.address, "role": "ADMIN"}, headers=admin)
    assert client.request("DELETE", "/v1/admin/roles", json=body, headers=admin).status_code == 204
    assert client.get("/v1/admin/roles", headers=admin).status_code == 403


@pytest.mark.parametrize(
    ("role", "organisation", "event"),
    [
        ("ADMIN", True, False), ("ADMIN", True, True), ("PROMOTER", False, False), ("PROMOTER", True, True),
        ("STEWARD", True, False), ("STEWARD", False, False), ("STEWARD", False, True),
    ],
)  # fmt: skip
def test_a_grant_names_exactly_what_its_role_is_about(client, session, role, organisation, event):
    party = make_event(session)
    body = {"address": make_key().address, "role": role}
    body |= {"organisation_id": str(party.organisation_id)} if organisation else {}
    body |= {"event_id": str(party.id)} if event else {}
    answer = client.post("/v1/admin/roles", json=body, headers=people.as_admin(session))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, WrongGrantScope.code)


@pytest.mark.parametrize("role", ["FAN", "PUBLIC", "GUEST", "OWNER", "admin", ""])
def test_roles_that_are_facts_or_unknown_cannot_be_granted(client, session, role):
    body = {"address": make_key().address, "role": role}
    assert client.post("/v1/admin/roles", json=body, headers=people.as_admin(session)).status_code == 422


def test_a_grant_for_what_does_not_exist_is_refused(client, session):
    admin, event, elsewhere = people.as_admin(session), make_event(session), make_event(session)
    body = {"address": make_key().address, "role": "PROMOTER", "organisation_id": str(new_id())}
    assert client.post("/v1/admin/roles", json=body, headers=admin).json()["error"]["code"] == "unknown_organisation"
    for event_id in (new_id(), elsewhere.id):
        body = {"role": "STEWARD", "organisation_id": str(event.organisation_id), "event_id": str(event_id)}
        answer = client.post("/v1/admin/roles", json={"address": make_key().address, **body}, headers=admin)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, UnknownGrantEvent.code)


@pytest.mark.parametrize("role", [Role.PUBLIC, Role.GUEST, Role.FAN, Role.PROMOTER, Role.STEWARD])
def test_nobody_but_an_admin_grants_lists_or_takes_roles(client, session, caller, role):
    headers, key = caller(role), make_key()
    grant = {"address": key.address, "role": "ADMIN"}
    promoter = {"address": key.address, "organisation_name": "Mine"}
    answers = [
        client.post("/v1/admin/roles", json=grant, headers=headers),
        client.request("DELETE", "/v1/admin/roles", json=grant, headers=headers),
        client.post("/v1/admin/promoters", json=promoter, headers=headers),
        client.get("/v1/admin/roles", headers=headers),
    ]
    assert {answer.status_code for answer in answers} == ({403} if role in {Role.FAN, *ROLES} else {401})
    assert session.scalars(select(Organisation).where(Organisation.name == "Mine")).all() == []


def test_grants_are_listed_in_pages(client, session):
    admin, organisation = people.as_admin(session), make_organisation(session)
    for _ in range(5):
        people.grant(session, address_of(make_key()), Role.PROMOTER, organisation.id)
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(
            f"/v1/admin/roles?organisation_id={organisation.id}&limit=2" + (f"&cursor={cursor}" if cursor else ""),
            headers=admin,
        ).json()
        seen += [grant["id"] for grant in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5


# ---- tenants


def test_another_organisation_does_not_see_an_organisation_or_its_grants(session):
    mine, theirs = make_organisation(session), make_organisation(session)
    for organisation in (mine, theirs):
        people.grant(session, address_of(make_key()), Role.PROMOTER, organisation.id)
    people.grant(session, address_of(make_key()), Role.ADMIN)
    session.expire_all()
    db.act_for(session, mine.id)
    assert session.scalars(select(Organisation.id)).all() == [mine.id]
    assert session.scalars(select(RoleGrant.organisation_id)).all() == [mine.id]


def test_acting_for_an_organisation_nobody_becomes_an_admin(session):
    from sqlalchemy.exc import ProgrammingError

    organisation = make_organisation(session)
    db.act_for(session, organisation.id)
    with pytest.raises(ProgrammingError), session.begin_nested():
        people.grant(session, address_of(make_key()), Role.ADMIN)


# ---- two admins at once


def test_two_admins_who_dismiss_each_other_at_once_leave_one(fresh_database):
    first, second = make_key(), make_key()
    with db.unit_of_work() as session:
        ids = [people.grant(session, address_of(key), Role.ADMIN).account_id for key in (first, second)]
    barrier, outcomes = threading.Barrier(2), []

    def dismiss(key, by):
        barrier.wait()
        try:
            with db.unit_of_work() as session:
                grants.revoke(session, address_of(key), Role.ADMIN, by)
            outcomes.append("gone")
        except LastAdmin:
            outcomes.append("stays")

    threads = [
        threading.Thread(target=dismiss, args=(first, ids[1])), threading.Thread(target=dismiss, args=(second, ids[0])),
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["gone", "stays"]
    with db.unit_of_work() as session:
        assert len(session.scalars(select(RoleGrant)).all()) == 1


# ---- the first admin


def _bootstrap(*arguments, url=""):
    command = [sys.executable, "-m", "backend.accounts.bootstrap_admin", *arguments]
    environment = {"DATABASE_URL": url, "PATH": "/usr/bin:/bin", "ENVIRONMENT": "test"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


def test_the_first_admin_is_made_from_the_command_line_twice_without_harm(fresh_database):
    key = make_key()
    for _ in range(2):
        made = _bootstrap("--address", key.address, url=fresh_database.url)
        assert made.returncode == 0, made.stderr
        assert key.address in made.stdout
    with db.unit_of_work() as session:
        [grant] = session.scalars(select(RoleGrant)).all()
        assert (grant.role, grant.granted_by) == ("ADMIN", None)
        assert grant.created_at <= datetime.now(UTC)


def test_the_command_explains_itself_and_refuses_what_is_no_address():
    assert "--address" in _bootstrap("--help").stdout
    for wrong in ("0x1234", "0x" + "00" * 20, "alice.eth"):
        refused = _bootstrap("--address", wrong)
        assert refused.returncode == 2
        assert "address" in refused.stderr
    assert NOON.tzinfo is UTC
