"""Every route by every role. A route that declares nothing, or lets in whom it does not name, fails here."""

from itertools import product

import pytest

from backend.api import make_app
from backend.openapi import allowed_roles, routes_of
from tests.factories.accounts import as_admin, as_promoter, as_steward, make_organisation, signed_in
from tests.factories.catalog import make_event

ROLES = ("PUBLIC", "GUEST", "FAN", "PROMOTER", "STEWARD", "ADMIN")
NOBODYS_ID = "01931f3a-7c1e-7abc-8def-0123456789ab"
OPERATIONS = [(route, method) for route in routes_of(make_app()) for method in sorted(route.methods)]


@pytest.fixture
def headers_of(session):
    """Makes the headers a role sends, of somebody new each time. Promoters, stewards and admins are fans too."""
    organisation = make_organisation(session)
    event = make_event(session, organisation_id=organisation.id)
    makers = {
        "PUBLIC": dict,
        "GUEST": lambda: {"X-Order-Secret": "nobody-knows-this-secret"},
        "FAN": lambda: signed_in(session),
        "PROMOTER": lambda: as_promoter(session, organisation.id),
        "STEWARD": lambda: as_steward(session, organisation.id, event.id),
        "ADMIN": lambda: as_admin(session),
    }
    return lambda role: makers[role]()


def _holds(role):
    """What a caller with `role` is at the same time."""
    return {role, "PUBLIC"} if role in {"PUBLIC", "GUEST"} else {role, "PUBLIC", "FAN"}


@pytest.mark.parametrize(("route", "method"), OPERATIONS, ids=lambda part: getattr(part, "path", part))
def test_every_route_declares_who_may_call_it(route, method):
    declared = allowed_roles(route)
    assert declared, f"{method} {route.path} names no role: use accounts.access.allow"
    assert declared <= set(ROLES)


def test_every_route_lets_in_the_roles_it_names_and_no_other(client, headers_of):
    wrong = []
    for (route, method), role in product(OPERATIONS, ROLES):
        path = route.path_format
        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", NOBODYS_ID)
        may = bool(allowed_roles(route) & _holds(role))
        response = client.request(method, path, headers=headers_of(role), json={})
        code = response.json().get("error", {}).get("code") if response.status_code >= 400 else None
        kept_out = code in {"unauthenticated", "forbidden"}
        if kept_out == may or (not may and response.status_code < 400):
            wrong.append((method, route.path, role, response.status_code, code))
        if response.status_code >= 500 and code == "internal":
            wrong.append((method, route.path, role, "broke"))
    assert wrong == []


def test_a_session_that_is_no_good_is_refused_even_where_nobody_need_sign_in(client):
    response = client.get("/v1/events", headers={"Authorization": "Bearer made-up"})
    assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthenticated")
