"""Many listings under one signature, on the real market: signed once, then each by itself."""

import json

import pytest
from sqlalchemy import func, select

from backend.chain import abi
from backend.chain.port import CallReverted
from backend.resale import taking
from backend.resale.models import MarketOrder
from backend.tickets import service
from tests.factories.accounts import sign_typed_data
from tests.factories.tickets import tickets_of
from tests.resale.conftest import FACE, PRICE, mint

URL = "/v1/listing-trees"


@pytest.fixture
def three(stage):
    """Three tickets of the seller's that may be sold."""
    more = [ticket for ticket in tickets_of(stage.session, mint(stage, stage.seller.wallet, 2).id) if ticket.token_id]
    # Of each order the first tier's come first; the second tier has no face value.
    return [stage.tickets[0], *more[:2]]


def prepare(stage, tickets, who=None, key="listing-all-of-them", price=PRICE, **body):
    who = who or stage.seller
    listings = [{"ticket_id": str(ticket.id), "price": str(price - place)} for place, ticket in enumerate(tickets)]
    headers = who.headers | {"Idempotency-Key": key}
    return stage.client.post(URL, headers=headers, json={"listings": listings} | body)


def sign(stage, words, who=None):
    who = who or stage.seller
    body = {"signature": "0x" + sign_typed_data(who.key, words["typed_data"]).hex()}
    return stage.client.put(f"{URL}/{words['tree_id']}/signature", headers=who.headers, json=body)


@pytest.fixture
def tree(stage, three):
    """The three tickets, listed under one signature."""
    made = prepare(stage, three)
    assert made.status_code == 201, made.json()
    answer = sign(stage, made.json())
    assert answer.status_code == 200, answer.json()
    return answer.json()


def orders_of(tree):
    return [leaf["order"] for leaf in tree["listings"]]


def test_one_signature_lists_each_ticket_by_itself(stage, three, tree):
    assert tree["typed_data"]["primaryType"] == "ListingTree"
    first, second, third = orders_of(tree)
    assert [order["status"] for order in (first, second, third)] == ["LISTED"] * 3
    assert [order["ticket_id"] for order in (first, second, third)] == [str(ticket.id) for ticket in three]
    assert len({order["signature"] for order in (first, second, third)}) == 1
    stage.buy(stage.buyer, second, PRICE - 1)
    stage.finish()
    assert service.holding_of(stage.session, three[1].id).owner == stage.buyer.wallet
    assert [stage.listing(order)[0] for order in (first, second, third)] == ["LISTED", "SETTLED", "LISTED"]
    stage.buy(stage.buyer, third, PRICE - 2)
    stage.finish()
    shown = stage.client.get(f"{URL}/{tree['tree_id']}", headers=stage.seller.headers).json()
    assert [order["status"] for order in orders_of(shown)] == ["LISTED", "SETTLED", "SETTLED"]
    assert shown["root"] == tree["root"]


def test_each_leaf_hashes_to_what_the_market_calls_it(stage, tree):
    for leaf in tree["listings"]:
        row = stage.session.get(MarketOrder, leaf["order"]["id"])
        hashed = stage.market.read("ResaleMarket", stage.market.market, "hashListing", taking.of(row).message)
        assert leaf["order"]["order_hash"] == "0x" + hashed.hex()
        assert leaf["message"]["tokenId"] == leaf["order"]["token_id"]


def test_withdrawing_one_leaves_the_others(stage, three, tree):
    first, second, _ = orders_of(tree)
    answer = stage.post(stage.seller, f"/v1/listings/{first['id']}/cancel").json()
    stage.market.send(stage.seller.key, answer["transaction"])
    stage.market.follow()
    assert stage.listing(first) == ("CANCELLED", "cancelled_on_chain")
    assert stage.listing(second) == ("LISTED", None)
    refused = stage.post(stage.buyer, f"/v1/listings/{first['id']}/buy", max_price=str(PRICE)).json()["error"]
    assert (refused["code"], refused["details"]["reason"]) == ("not_listed", "cancelled_on_chain")
    stage.buy(stage.buyer, second, PRICE - 1)
    stage.finish()
    assert stage.listing(second) == ("SETTLED", None)


def test_each_leaf_turns_invalid_for_its_own_reason(stage, three, tree, sent):
    first, second, third = orders_of(tree)
    there = [stage.seller.wallet, stage.buyer.wallet, three[0].token_id]
    stage.market.call("TicketCollection", stage.collection.address, "transferFrom", there, stage.seller.wallet)
    service.mark_used(stage.session, three[1].id, stage.market.now())
    sent()
    stage.finish()
    standing = [stage.listing(order) for order in (first, second, third)]
    assert standing == [("INVALID", "moved"), ("INVALID", "ticket_used"), ("LISTED", None)]


def test_what_is_left_of_a_tree_is_withdrawn_by_one_transaction(stage, tree):
    first, second, third = orders_of(tree)
    stage.buy(stage.buyer, first)
    stage.finish()
    url = f"{URL}/{tree['tree_id']}/cancel"
    assert stage.post(stage.buyer, url).json()["error"]["code"] == "tree_unknown"
    answer = stage.post(stage.seller, url).json()
    assert [order["id"] for order in answer["orders"]] == [second["id"], third["id"]]
    stage.market.send(stage.seller.key, answer["transaction"])
    stage.market.follow()
    assert [stage.listing(order)[0] for order in (first, second, third)] == ["SETTLED", "CANCELLED", "CANCELLED"]


def test_what_a_tree_may_not_hold_is_told_before_signing_with_its_place(stage, three, people):
    mine, other = three[0], tickets_of(stage.session, mint(stage, people().wallet, 1).id)[0]
    for tickets, code, index in (
        ([mine, stage.tickets[1]], "no_face_value", 1),
        ([mine, three[1], other], "not_your_ticket", 2),
        ([mine, mine], "same_ticket_twice", 1),
    ):
        error = prepare(stage, tickets).json()["error"]
        assert (error["code"], error["details"]["index"]) == (code, index)
        assert error["details"]["ticket_id"] == str(tickets[index].id)
    above = prepare(stage, three, price=FACE + 2).json()["error"]
    assert (above["code"], above["details"]["index"], above["details"]["cap"]) == ("price_above_cap", 0, str(FACE))
    assert prepare(stage, three[:1]).json()["error"]["code"] == "invalid_request"
    assert prepare(stage, three[:1] * 51).json()["error"]["code"] == "invalid_request"
    assert stage.session.scalar(select(func.count()).select_from(MarketOrder)) == 0


def test_a_tree_is_signed_by_its_seller_over_its_root_and_by_nobody_else(stage, three):
    words = prepare(stage, three).json()
    assert sign(stage, words, stage.buyer).json()["error"]["code"] == "tree_unknown"
    of_another = {"signature": "0x" + sign_typed_data(stage.buyer.key, words["typed_data"]).hex()}
    url = f"{URL}/{words['tree_id']}/signature"
    answer = stage.client.put(url, headers=stage.seller.headers, json=of_another)
    assert answer.json()["error"]["code"] == "bad_signature"
    changed = json.loads(json.dumps(words))
    changed["typed_data"]["message"]["root"] = "0x" + "11" * 32
    assert sign(stage, changed).json()["error"]["code"] == "bad_signature"
    # Unsigned, it is nobody's business, and none of it is for sale.
    first = orders_of(words)[0]
    assert stage.client.get(f"/v1/listings/{first['id']}").status_code == 404
    assert stage.client.get(f"{URL}/{words['tree_id']}").status_code == 401


def test_a_tree_is_listed_whole_or_not_at_all(stage, three):
    words = prepare(stage, three).json()
    alone = stage.list(ticket=three[2])
    refused = sign(stage, words).json()["error"]
    assert (refused["code"], refused["details"]["listing_id"]) == ("already_listed", alone["id"])
    shown = stage.client.get(f"{URL}/{words['tree_id']}", headers=stage.seller.headers).json()
    assert {order["status"] for order in orders_of(shown)} == {"DRAFT"}
    stage.post(stage.seller, f"/v1/listings/{alone['id']}/cancel")
    assert [order["status"] for order in orders_of(sign(stage, words).json())] == ["LISTED"] * 3


def test_asked_twice_it_is_one_tree_and_signed_twice_one_listing_each(stage, three):
    words = prepare(stage, three).json()
    assert prepare(stage, three).json() == words
    other = prepare(stage, three[:2]).json()["error"]
    assert other["code"] == "idempotency_mismatch"
    signed = sign(stage, words).json()
    # A ticket that has gone since does not make the repeat another request.
    assert sign(stage, words).json() == signed
    stage.buy(stage.buyer, orders_of(signed)[0])
    stage.finish()
    assert prepare(stage, three).json()["tree_id"] == words["tree_id"]
    assert stage.session.scalar(select(func.count()).select_from(MarketOrder)) == 3
    missing = stage.client.post(URL, headers=stage.seller.headers, json={"listings": []})
    assert missing.json()["error"]["code"] == "invalid_request"


def test_a_leaf_with_anothers_proof_is_refused_on_chain(stage, tree):
    rows = [stage.session.get(MarketOrder, order["id"]) for order in orders_of(tree)]
    first, second = taking.of(rows[0]), taking.of(rows[1])
    for proof in (second.proof, [], first.proof[:-1]):
        said = [first.message, first.signature, list(proof), PRICE, first.permit]
        data = abi.encode_call("ResaleMarket", "buy", said)
        with pytest.raises(CallReverted) as reverted:
            stage.market.port.call(stage.market.market, data, sender=stage.buyer.wallet)
        assert abi.decode_revert(None, reverted.value.data)[0] == "BadSignature"
