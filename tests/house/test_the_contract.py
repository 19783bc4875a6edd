"""The API keeps to its own description: whatever is sent, the answer's status and code are among those it names."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from backend.accounts.addresses import show_address
from backend.api import make_app
from backend.openapi import routes_of
from backend.royalties.models import Sale
from backend.tickets import holdings
from tests.factories.accounts import as_admin
from tests.factories.sales import make_sale_row
from tests.factories.tickets import ADDRESS, ALICE, BOB, NETWORK, Chain

APP = make_app()
DOCUMENT = APP.openapi()
GETS = {
    route.path_format: DOCUMENT["paths"][route.path_format]["get"]
    for route in routes_of(APP)
    if "GET" in route.methods and route.include_in_schema
}
LISTS = {path: said for path, said in GETS.items() if any(p["name"] == "cursor" for p in said.get("parameters", []))}
READS = {path: said for path, said in LISTS.items() if any(p["name"] == "format" for p in said.get("parameters", []))}
IDS = {"address": show_address(ADDRESS), "token_id": str(1 << 16)}
NOBODY = "01931f3a-7c1e-7abc-8def-0123456789ab"


def address_of(path, ids=IDS):
    return re.sub(r"{(\w+)}", lambda name: ids.get(name[1], NOBODY), path)


def keeps_to_it(path, answer):
    """Hold an answer against what the operation says of it."""
    said = GETS[path]["responses"]
    assert str(answer.status_code) in said, f"{path} answered {answer.status_code}"
    if answer.status_code >= 400:
        code = answer.json()["error"]["code"]
        told = said[str(answer.status_code)]["description"]
        assert f"`{code}`" in told, f"{path} answered {code}, and tells of: {told}"


def test_there_are_lists_and_reads_to_look_at():
    assert len(LISTS) >= 25
    assert {path.rpartition("/")[2] for path in READS} == {"holders", "history", "sales", "royalties"}


@pytest.mark.parametrize("path", sorted(LISTS))
def test_every_list_refuses_a_bad_cursor_and_a_limit_out_of_range_and_says_so(client, session, path):
    headers = as_admin(session)
    for params in ({"cursor": "made-up"}, {"limit": 0}, {"limit": 101}, {"limit": "ten"}):
        keeps_to_it(path, client.get(address_of(path), params=params, headers=headers))
    assert "`bad_cursor`" in LISTS[path]["responses"]["422"]["description"]
    assert "`invalid_request`" in LISTS[path]["responses"]["422"]["description"]


@pytest.mark.parametrize("path", sorted(READS))
def test_every_parameter_of_the_reads_is_described_and_their_files_have_a_heading(path):
    for one in READS[path]["parameters"]:
        assert one["in"] == "path" or one.get("description") or one["schema"].get("description"), one["name"]
    assert READS[path]["responses"]["200"]["content"]["text/csv"]["example"].count(",") > 8
    assert "304" in READS[path]["responses"]


NASTY = st.one_of(
    st.text(max_size=20),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        [
            "",
            "0",
            "1",
            "true",
            "csv",
            "json",
            "BNB",
            "BKS",
            "0x",
            "0x" + "00" * 20,
            show_address(ALICE),
            "LIVE",
            "VOID",
            "SALE",
            "PRIMARY",
            "MINT",
            "2026-06-01T12:00:00Z",
            "2026-06-01T12:00:00.999999-23:59",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "\0",
            "'; DROP TABLE sales; --",
        ]
    ),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_asked_the_reads_answer_as_they_say(client, stock, data):
    path = data.draw(st.sampled_from(sorted(READS)))
    names = [one["name"] for one in READS[path]["parameters"] if one["in"] == "query"]
    params = data.draw(st.dictionaries(st.sampled_from(names), NASTY | st.lists(NASTY, max_size=2), max_size=4))
    accept = data.draw(st.sampled_from(["*/*", "text/csv", "application/json", "text/csv;q=0.5, */*", ",;"]))
    answer = client.get(address_of(path), params=params, headers={"Accept": accept})
    keeps_to_it(path, answer)
    if answer.status_code == 200 and answer.headers["content-type"] == "application/json":
        told = json.loads(answer.text)
        assert set(told) >= {"items", "next_cursor"}


@pytest.fixture
def stock(session):
    """Two tickets, one of them sold."""
    chain = Chain()
    token, _ = chain.mint(1, [(ALICE, 1), (BOB, 1)])
    chain.block().move(token, ALICE, BOB, epoch=1, kind=1)
    holdings.apply(session, NETWORK, chain.taken())
    session.execute(insert(Sale), [make_sale_row(11, 9, token_id=token)])


def test_the_control_an_undescribed_code_is_found(client):
    answer = client.get("/v1/collections/nowhere/holders")
    keeps_to_it("/v1/collections/{address}/holders", answer)
    with pytest.raises(AssertionError, match="tells of"):
        keeps_to_it("/v1/me", _Answer(401, "made_up"))


class _Answer:
    def __init__(self, status, code) -> None:
        self.status_code, self._code = status, code

    def json(self):
        return {"error": {"code": self._code}}
