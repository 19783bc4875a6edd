"""One error shape, a complete description, and careful handling of whatever comes."""

import re

import pytest

from backend.api import make_app
from tests.factories.accounts import as_admin
from tests.fixtures.http import inexact

DOCUMENT = make_app().openapi()
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]


def _name(part):
    return part if isinstance(part, str) else ""


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=_name)
def test_every_operation_is_described(path, method, operation):
    assert operation.get("summary"), f"{method} {path} has no summary"
    assert operation.get("tags"), f"{method} {path} has no tag"
    for status, answer in operation["responses"].items():
        assert answer["description"], f"{method} {path} {status}"
        if int(status) >= 400:
            schema = answer["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorResponse"}, f"{method} {path} {status}"


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=_name)
def test_every_body_has_an_example(path, method, operation):
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        schema = body["schema"]
        while "$ref" in schema:
            schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        required = [schema["properties"][name] for name in schema.get("required", [])]
        given = "example" in body or "examples" in body or "examples" in schema or "example" in schema
        assert given or all(_has_example(part) for part in required), f"{method} {path}"


def _has_example(schema):
    if "$ref" in schema:
        return _has_example(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    parts = [schema.get("examples"), schema.get("example"), schema.get("enum"), schema.get("const")]
    return any(parts) or schema.get("format") in {"uuid", "date-time"} or "properties" in schema


@pytest.mark.parametrize(
    ("send", "status", "code"),
    [
        ({"method": "GET", "url": "/v1/nowhere"}, 404, "no_such_route"),
        ({"method": "DELETE", "url": "/v1/events"}, 405, "method_not_allowed"),
        ({"method": "POST", "url": "/v1/auth/siwe/nonce", "content": b"{"}, 422, "invalid_request"),
        ({"method": "POST", "url": "/v1/auth/siwe/nonce", "json": {"address": 7}}, 422, "invalid_request"),
        ({"method": "POST", "url": "/v1/auth/siwe/nonce", "content": b"[" * 50_000}, 400, "invalid_request"),
        ({"method": "POST", "url": "/v1/auth/siwe/nonce", "content": b" " * 1_000_001}, 413, "too_large"),
        ({"method": "GET", "url": "/v1/events?limit=1000000"}, 422, "invalid_request"),
        ({"method": "GET", "url": "/v1/events?cursor=made-up"}, 422, "bad_cursor"),
        ({"method": "GET", "url": "/v1/me"}, 401, "unauthenticated"),
    ],
)
def test_what_is_refused_has_one_shape_and_a_stable_code(client, send, status, code):
    response = client.request(**send, headers={"X-Trace-Id": "abc123", "Content-Type": "application/json"})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["trace_id"]) == (status, code, "abc123")
    assert error["message"]
    assert set(error) == {"code", "message", "details", "trace_id"}


@pytest.mark.parametrize("kind", ["MintJobOut", "BatchOut"])
def test_what_an_operator_reads_has_an_example_in_every_field(kind):
    fields = DOCUMENT["components"]["schemas"][kind]["properties"]
    assert [name for name, field in fields.items() if "$ref" not in field and "examples" not in field] == []


TEXTS = [
    (path, parameter["in"], parameter["name"])
    for path, method, operation in OPERATIONS
    for parameter in operation.get("parameters", [])
    if method == "get" and parameter["in"] != "header"
]


@pytest.mark.parametrize(("path", "place", "name"), TEXTS, ids=_name)
def test_a_nul_in_an_address_is_refused_before_it_reaches_the_database(client, path, place, name):
    """Whoever asks, and whatever the parameter is: Postgres takes none in a text."""
    url = path.replace("{" + name + "}", "a%00b") if place == "path" else f"{path}?{name}=a%00b"
    answer = client.get(re.sub(r"\{\w+\}", "x", url))
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert {"field": f"{place}.{name}", "problem": "has a NUL character"} in error["details"]["errors"]


def test_a_percent_sign_before_two_zeros_is_no_nul(client, session):
    admin = as_admin(session)
    assert client.get("/v1/admin/sends?purpose=a%2500b", headers=admin).json()["items"] == []
    nul = client.get("/v1/admin/sends?purpose=a%00b", headers=admin)
    assert (nul.status_code, nul.json()["error"]["code"]) == (422, "invalid_request")


def test_a_chunked_body_is_cut_off_at_the_limit(client):
    response = client.post("/v1/auth/siwe/nonce", content=(b" " * 100_000 for _ in range(20)))
    assert response.status_code == 413


def test_the_offending_value_is_not_repeated(client):
    response = client.post("/v1/auth/siwe/nonce", json={"address": "a-secret-typed-into-the-wrong-field"})
    assert "a-secret-typed" not in response.text


def test_every_answer_carries_security_headers_and_a_trace_id(client):
    for path in ("/health", "/v1/nowhere", "/docs"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert len(headers["X-Trace-Id"]) == 32


@pytest.mark.parametrize("given", ["", "x" * 65, "with space", "semi;colon"])
def test_a_trace_id_that_could_forge_a_log_line_is_replaced(client, given):
    assert client.get("/health", headers={"X-Trace-Id": given}).headers["X-Trace-Id"] != given


def test_metrics_are_read_from_the_rows(client):
    text = client.get("/metrics").text
    assert "backstage_http_requests_total" in text
    assert "# TYPE backstage_mint_jobs gauge" in text


def test_what_nobody_expected_is_answered_in_the_same_shape_under_the_trace_id(client, monkeypatch):
    def broken(session, now):
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("backend.operations.progress", broken)
    response = client.get("/health", headers={"X-Trace-Id": "abc123"})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["trace_id"]) == (500, "internal", "abc123")
    assert response.headers["X-Trace-Id"] == "abc123"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "a fault of ours" not in response.text


SCHEMAS = DOCUMENT["components"]["schemas"]
MONEY = ("minor", "amount", "price", "fee", "wei", "total", "balance", "royalty", "proceeds", "needed", "face", "value")
LARGEST_EXACT = 2**53 - 1


def _parts(schema, seen):
    """Everything an answer of this schema is made of: pairs of a property's name and its schema."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        if name not in seen:
            yield from _parts(SCHEMAS[name], seen | {name})
        return
    for inner in (*schema.get("anyOf", []), *schema.get("allOf", []), *schema.get("oneOf", [])):
        yield from _parts(inner, seen)
    if isinstance(schema.get("items"), dict):
        yield from _parts(schema["items"], seen)
    for field, part in schema.get("properties", {}).items():
        alternatives = part.get("anyOf", [part])
        yield from ((field, one) for one in alternatives)
        yield from _parts(part, seen)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=_name)
def test_no_amount_in_an_answer_is_a_number_that_javascript_would_round(path, method, operation):
    wrong = []
    for answer in operation["responses"].values():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        for field, part in _parts(schema, frozenset()):
            says_money = any(field == word or field.endswith("_" + word) for word in MONEY)
            is_number = part.get("type") in {"integer", "number"}
            largest = part.get("maximum", part.get("exclusiveMaximum", LARGEST_EXACT + 2) - 1)
            if says_money and is_number and largest > LARGEST_EXACT:
                wrong.append(field)
    assert wrong == [], f"{method} {path}: write them as kit.units.Units"


def test_the_walk_over_the_answers_finds_amounts():
    """The control: what the test above looks at is not nothing."""
    found = {
        field
        for _, _, operation in OPERATIONS
        for answer in operation["responses"].values()
        for field, _ in _parts(answer.get("content", {}).get("application/json", {}).get("schema", {}), frozenset())
    }
    assert {"total_minor", "unit_price_minor", "amount_minor", "price", "royalty", "amount", "price_minor"} <= found
    assert [field for field, part in _parts({"properties": {"price": {"type": "integer"}}}, frozenset())] == ["price"]


def test_the_client_of_the_tests_notices_a_number_beyond_what_is_exact():
    assert inexact({"a": [1, {"b": 2**53 - 1}], "c": "9007199254740993", "d": True}) == []
    assert inexact({"a": [{"b": 2**53}], "c": -(2**60)}) == [".a[0].b = 9007199254740992", f".c = {-(2**60)}"]
