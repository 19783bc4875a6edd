"""Drafts that nobody handed in: whatever happens on chain to what they name, the index goes on."""

from datetime import timedelta

from sqlalchemy import select

from backend.kit import clock
from backend.resale import taking, tasks
from backend.resale.models import MarketOrder
from tests.factories.accounts import sign_typed_data
from tests.resale.conftest import PRICE


def draft(stage, **body):
    ticket = str(stage.tickets[0].id)
    made = stage.post(stage.seller, "/v1/listings", ticket_id=ticket, price=str(PRICE), **body)
    assert made.status_code == 201, made.json()
    return made.json()


def standing(stage):
    return stage.session.scalars(
        select(MarketOrder.status).execution_options(populate_existing=True).order_by(MarketOrder.id)
    ).all()


def test_a_withdrawn_draft_is_not_signed_any_more(stage):
    words = draft(stage)
    answer = stage.post(stage.seller, f"/v1/listings/{words['order']['id']}/cancel")
    assert (answer.status_code, answer.json()["order"]["status"]) == (200, "CANCELLED")
    body = {"signature": "0x" + sign_typed_data(stage.seller.key, words["typed_data"]).hex()}
    url = f"/v1/listings/{words['order']['id']}/signature"
    refused = stage.client.put(url, headers=stage.seller.headers, json=body).json()["error"]
    assert (refused["code"], refused["details"]["reason"]) == ("terms_changed", "withdrawn")


def test_withdrawing_everything_on_chain_reaches_a_draft(stage):
    words = draft(stage)
    stage.market.call("ResaleMarket", stage.market.market, "cancelAll", [], stage.seller.wallet)
    stage.market.follow()
    assert standing(stage) == ["CANCELLED"]
    order_hash = bytes.fromhex(draft(stage)["order"]["order_hash"][2:])
    stage.market.call("ResaleMarket", stage.market.market, "cancel", [[order_hash]], stage.seller.wallet)
    stage.market.follow()
    assert standing(stage) == ["CANCELLED", "CANCELLED"]
    assert words["order"]["status"] == "DRAFT"


def test_a_draft_whose_time_is_over_when_its_ticket_moves_is_forgotten(stage):
    words = draft(stage, expires_at=(stage.market.now() + timedelta(seconds=61)).isoformat())
    stage.market.late += timedelta(minutes=3)
    there = [stage.seller.wallet, stage.buyer.wallet, stage.tickets[0].token_id]
    stage.market.call("TicketCollection", stage.collection.address, "transferFrom", there, stage.seller.wallet)
    stage.market.follow()
    assert standing(stage) == ["DRAFT"]
    body = {"signature": "0x" + sign_typed_data(stage.seller.key, words["typed_data"]).hex()}
    url = f"/v1/listings/{words['order']['id']}/signature"
    refused = stage.client.put(url, headers=stage.seller.headers, json=body).json()["error"]
    assert (refused["code"], refused["details"]["status"]) == ("terms_changed", "EXPIRED")
    with clock.frozen(stage.market.now() + timedelta(days=2)):
        tasks.sweep()
    assert standing(stage) == []


def test_what_was_signed_and_sold_past_this_house_is_settled_all_the_same(stage):
    words = draft(stage)
    row = stage.session.scalars(select(MarketOrder)).one()
    signature = sign_typed_data(stage.seller.key, words["typed_data"])
    bought = taking.of(row)
    stage.market.call("BKS", stage.market.bks, "approve", [stage.market.market, PRICE], stage.buyer.wallet)
    said = [bought.message, signature, [], PRICE, bought.permit]
    stage.market.call("ResaleMarket", stage.market.market, "buy", said, stage.buyer.wallet)
    stage.market.follow()
    assert standing(stage) == ["SETTLING"]
    stage.finish()
    assert standing(stage) == ["SETTLED"]
