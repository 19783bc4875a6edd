"""What a tier costs in tokens: stated by its promoter, frozen on sale."""

import pytest
from sqlalchemy import select

from backend.catalog.models import Tier, TierPrice
from tests.catalog.requests import a_tier, change, code
from tests.factories.catalog import make_event

BKS, BNB = 25 * 10**18, 5 * 10**16


@pytest.fixture
def event(session, organisation):
    return make_event(session, organisation_id=organisation, status="DRAFT")


def add(client, event, promoter, prices):
    return client.post(f"/v1/events/{event.id}/tiers", json=a_tier(prices=prices), headers=promoter)


def test_a_tier_states_its_prices_in_tokens(client, event, promoter):
    made = add(client, event, promoter, {"BKS": str(BKS), "BNB": str(BNB)})
    assert made.status_code == 201, made.text
    assert made.json()["prices"] == [
        {"currency": "BKS", "amount": str(BKS), "exponent": 18},
        {"currency": "BNB", "amount": str(BNB), "exponent": 18},
    ]
    assert add(client, event, promoter, {}).json()["prices"] == []


@pytest.mark.parametrize(
    ("prices", "refusal"),
    [
        ({"BKS": "0"}, "free_tickets_unsupported"),
        ({"BKS": str(2**121)}, "bad_price"),
        ({"SEK": "5"}, None),
        ({"BKS": "-1"}, None),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(client, event, promoter, prices, refusal):
    answer = add(client, event, promoter, prices)
    assert answer.status_code == 422 and refusal in {None, answer.json()["error"]["code"]}


def test_prices_are_replaced_as_a_whole_until_the_sale(client, session, event, promoter):
    tier = add(client, event, promoter, {"BKS": str(BKS), "BNB": str(BNB)}).json()["id"]
    changed = change(client, event.id, {"prices": {"BKS": str(BKS * 2)}}, promoter, "2", tier)
    assert [price["amount"] for price in changed.json()["prices"]] == [str(BKS * 2)]
    assert session.scalars(select(TierPrice.amount)).all() == [BKS * 2]
    row = session.scalars(select(Tier)).one()
    event.status, row.on_sale = "ON_SALE", True
    session.flush()
    assert code(change(client, event.id, {"prices": {}}, promoter, "3", tier)) == (409, "terms_frozen")
    same = change(client, event.id, {"prices": {"BKS": str(BKS * 2)}, "quantity": 400}, promoter, "3", tier)
    assert same.status_code == 200, same.text
