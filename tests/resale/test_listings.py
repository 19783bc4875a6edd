"""A ticket is listed and bought on the real market: who signs, who is paid, and what kills a listing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.chain import abi
from backend.chain.port import CallReverted
from backend.kit import clock
from backend.ledger.service import balance
from backend.resale import tasks
from backend.resale.models import MarketOrder
from backend.royalties import books
from backend.royalties.models import Sale
from backend.tickets import service
from tests.factories.accounts import sign_typed_data
from tests.resale.conftest import FACE, FEE_BPS, PRICE


def test_a_sale_pays_everyone_to_the_wei_on_chain_in_the_index_and_in_the_books(stage):
    listing = stage.list()
    assert listing["status"] == "LISTED"
    royalty, fee = PRICE * 500 // 10_000, PRICE * FEE_BPS // 10_000
    assert int(listing["royalty"]) == royalty and int(listing["fee"]) == fee
    assert int(listing["proceeds"]) == PRICE - royalty - fee
    before = stage.market.bks_of(stage.buyer.wallet)
    stage.buy(stage.buyer, listing)
    stage.market.follow()
    assert stage.listing(listing) == ("SETTLING", None)
    stage.finish()
    assert stage.listing(listing) == ("SETTLED", None)
    # the chain
    assert before - stage.market.bks_of(stage.buyer.wallet) == PRICE
    assert stage.market.bks_of(stage.seller.wallet) == PRICE - royalty - fee
    assert stage.market.bks_of(stage.promoter.wallet) == royalty
    assert stage.market.bks_of(stage.market.admin) == fee
    # the index
    [shown] = stage.client.get(f"/v1/collections/0x{stage.collection.address.hex()}/sales").json()["items"]
    assert (shown["kind"], shown["currency"], shown["price"]) == ("SALE", "BKS", str(PRICE))
    assert (shown["royalty"], shown["fee"], shown["proceeds"]) == (str(royalty), str(fee), listing["proceeds"])
    assert shown["seller"] == stage.seller.key.address and shown["buyer"] == stage.buyer.key.address
    assert shown["royalty_receiver"] == stage.promoter.key.address and shown["order_hash"] == listing["order_hash"]
    holding = service.holding_of(stage.session, stage.tickets[0].id)
    assert (holding.owner, holding.epoch) == (stage.buyer.wallet, 1)
    # the books
    organisation = stage.sale.event.organisation_id
    amounts = [
        balance(stage.session, organisation, account, "BKS").amount
        for account in (books.PAID, books.PROCEEDS, books.ROYALTY, books.FEE)
    ]
    assert amounts == [PRICE, -(PRICE - royalty - fee), -royalty, -fee]


def test_a_listing_above_the_cap_is_told_before_signing_and_reverts_on_chain(stage):
    ticket = stage.tickets[0]
    refused = stage.post(stage.seller, "/v1/listings", ticket_id=str(ticket.id), price=str(FACE + 1))
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "price_above_cap"
    assert refused.json()["error"]["details"]["cap"] == str(FACE)
    # Signed all the same, past this house, it is refused by the contract.
    words = stage.post(stage.seller, "/v1/listings", ticket_id=str(ticket.id), price=str(FACE)).json()["typed_data"]
    words["message"]["price"] = str(FACE + 1)
    signature = sign_typed_data(stage.seller.key, words)
    message = (
        words["message"]
        | {name: bytes.fromhex(words["message"][name][2:]) for name in ("collection", "seller", "currency", "nonce")}
        | {"price": FACE + 1}
    )
    nothing = {"value": 0, "deadline": 0, "v": 0, "r": bytes(32), "s": bytes(32)}
    data = abi.encode_call("ResaleMarket", "buy", [message, signature, [], 2 * FACE, nothing])
    with pytest.raises(CallReverted) as reverted:
        stage.market.port.call(stage.market.market, data, sender=stage.buyer.wallet)
    assert abi.decode_revert(None, reverted.value.data) == ("PriceAboveCap", {"cap": FACE, "price": FACE + 1})


def test_only_the_holder_lists_and_only_with_its_own_signature(stage):
    ticket = str(stage.tickets[0].id)
    answer = stage.post(stage.buyer, "/v1/listings", ticket_id=ticket, price=str(PRICE))
    assert answer.json()["error"]["code"] == "not_your_ticket"
    words = stage.post(stage.seller, "/v1/listings", ticket_id=ticket, price=str(PRICE)).json()
    url = f"/v1/listings/{words['order']['id']}/signature"
    forged = {"signature": "0x" + sign_typed_data(stage.buyer.key, words["typed_data"]).hex()}
    assert stage.client.put(url, headers=stage.seller.headers, json=forged).json()["error"]["code"] == "bad_signature"
    assert stage.client.put(url, headers=stage.buyer.headers, json=forged).json()["error"]["code"] == "listing_unknown"
    # A draft is nobody's business but its seller's.
    assert stage.client.get(f"/v1/listings/{words['order']['id']}").status_code == 404


def test_a_used_ticket_is_not_listed_and_its_listing_dies(stage, sent):
    listing = stage.list()
    service.mark_used(stage.session, stage.tickets[0].id, stage.market.now())
    sent()
    assert stage.listing(listing) == ("INVALID", "ticket_used")
    refused = stage.post(stage.buyer, f"/v1/listings/{listing['id']}/buy", max_price=str(PRICE)).json()["error"]
    assert (refused["code"], refused["details"]["reason"]) == ("not_listed", "ticket_used")
    again = stage.post(stage.seller, "/v1/listings", ticket_id=str(stage.tickets[0].id), price=str(PRICE))
    assert again.json()["error"]["code"] == "ticket_used"


def test_a_locked_ticket_is_not_for_sale_until_it_is_unlocked(stage):
    listing = stage.list()
    token, operator = stage.tickets[0].token_id, stage.market.signers["operator"].address
    stage.market.call("TicketCollection", stage.collection.address, "setStatus", [[token], 1], operator)
    stage.market.follow()
    assert stage.listing(listing) == ("INVALID", "ticket_locked")
    stage.market.call("TicketCollection", stage.collection.address, "setStatus", [[token], 0], operator)
    # The ticket's own row follows the chain when the block is final.
    stage.finish()
    assert stage.listing(listing) == ("LISTED", None)


def test_a_round_trip_kills_the_old_listing_here_and_on_chain(stage):
    listing = stage.list()
    row = stage.session.scalars(select(MarketOrder)).one()
    address, token = stage.collection.address, stage.tickets[0].token_id
    there = [stage.seller.wallet, stage.buyer.wallet, token]
    stage.market.call("TicketCollection", address, "transferFrom", there, stage.seller.wallet)
    stage.market.follow()
    assert stage.listing(listing) == ("INVALID", "moved")
    back = [stage.buyer.wallet, stage.seller.wallet, token]
    stage.market.call("TicketCollection", address, "transferFrom", back, stage.buyer.wallet)
    stage.market.follow()
    assert stage.listing(listing) == ("INVALID", "moved")
    from backend.resale import taking

    taken = taking.of(row)
    data = abi.encode_call("ResaleMarket", "buy", [taken.message, taken.signature, [], PRICE, taken.permit])
    with pytest.raises(CallReverted) as reverted:
        stage.market.port.call(stage.market.market, data, sender=stage.buyer.wallet)
    assert abi.decode_revert(None, reverted.value.data)[0] == "StaleEpoch"


def test_a_reorg_undoes_a_sale_and_the_listing_stands_again(stage):
    listing = stage.list()
    stage.buy(stage.buyer, listing)
    stage.market.follow()
    assert stage.listing(listing) == ("SETTLING", None)
    assert stage.session.scalars(select(Sale)).one().price == PRICE
    stage.market.undo(2)
    stage.market.follow()
    assert stage.listing(listing) == ("LISTED", None)
    assert stage.session.scalars(select(Sale)).all() == []
    stage.finish()
    organisation = stage.sale.event.organisation_id
    assert balance(stage.session, organisation, books.ROYALTY, "BKS").amount == 0
    stage.buy(stage.buyer, listing)
    stage.finish()
    assert stage.listing(listing) == ("SETTLED", None)
    assert len(stage.session.scalars(select(Sale)).all()) == 1


def test_a_withdrawn_listing_is_gone_here_at_once_and_on_chain_by_the_sellers_transaction(stage):
    listing = stage.list()
    url = f"/v1/listings/{listing['id']}/cancel"
    assert stage.post(stage.buyer, url).json()["error"]["code"] == "listing_unknown"
    answer = stage.post(stage.seller, url).json()
    assert (answer["order"]["status"], answer["order"]["reason"]) == ("WITHDRAWN", "withdrawn")
    stage.market.send(stage.seller.key, answer["transaction"])
    stage.market.follow()
    assert stage.listing(listing) == ("CANCELLED", "cancelled_on_chain")
    order_hash = bytes.fromhex(listing["order_hash"][2:])
    assert stage.market.read("ResaleMarket", stage.market.market, "isCancelled", stage.seller.wallet, order_hash)


def test_everything_is_withdrawn_at_once_and_later_listings_are_not(stage):
    listing = stage.list()
    answer = stage.post(stage.seller, f"/v1/listings/{listing['id']}/cancel", everything=True).json()
    stage.market.send(stage.seller.key, answer["transaction"])
    stage.market.follow()
    assert stage.listing(listing) == ("CANCELLED", "cancelled_on_chain")
    again = stage.list()
    assert again["status"] == "LISTED"
    stage.buy(stage.buyer, again)
    stage.finish()
    assert stage.listing(again) == ("SETTLED", None)


def test_a_ticket_is_listed_once_at_a_time(stage):
    listing = stage.list()
    made = stage.post(stage.seller, "/v1/listings", ticket_id=str(stage.tickets[0].id), price=str(FACE)).json()
    body = {"signature": "0x" + sign_typed_data(stage.seller.key, made["typed_data"]).hex()}
    url = f"/v1/listings/{made['order']['id']}/signature"
    refused = stage.client.put(url, headers=stage.seller.headers, json=body).json()["error"]
    assert (refused["code"], refused["details"]["listing_id"]) == ("already_listed", listing["id"])
    # The same signature twice is the same listing.
    row = stage.session.get(MarketOrder, listing["id"])
    url = f"/v1/listings/{listing['id']}/signature"
    again = stage.client.put(url, headers=stage.seller.headers, json={"signature": "0x" + row.signature.hex()})
    assert again.json() == listing


def test_a_listing_dies_with_its_event_and_then_by_its_time(stage):
    listing = stage.list()
    for later, standing in (
        (timedelta(days=2), ("INVALID", "event_over")),
        (timedelta(days=31), ("EXPIRED", "expired")),
    ):
        with clock.frozen(stage.market.now() + later):
            assert stage.listing(listing) == standing
    with clock.frozen(stage.market.now() + timedelta(days=2)):
        tasks.sweep()
    assert stage.session.scalars(select(MarketOrder.status)).one() == "INVALID"


def test_a_listing_is_good_for_a_while_ahead(stage):
    ticket = str(stage.tickets[0].id)
    for expires_at in ("2020-01-01T00:00:00Z", (stage.market.now() + timedelta(days=181)).isoformat()):
        refused = stage.post(stage.seller, "/v1/listings", ticket_id=ticket, price="1", expires_at=expires_at)
        assert refused.json()["error"]["code"] == "bad_expiry"


def test_rules_that_the_promoter_tightens_reach_what_is_listed(stage):
    listing = stage.list()
    collection = stage.collection.address
    found = stage.market.read("TicketCollection", collection, "rules")
    for change, reason in (
        ({"resale": False}, "resale_not_allowed"),
        ({"capBps": 5_000}, "price_above_cap"),
        ({"freezeAt": 1}, "tickets_frozen"),
        ({"resaleHold": 10**9}, "resale_held"),
    ):
        stage.market.call("TicketCollection", collection, "setRules", [found | change], stage.promoter.wallet)
        tasks.read_rules(stage.collection.id)
        assert stage.listing(listing) == ("INVALID", reason)
        refused = stage.post(stage.seller, "/v1/listings", ticket_id=str(stage.tickets[0].id), price=str(PRICE))
        assert refused.json()["error"]["code"] == reason
    stage.market.call("TicketCollection", collection, "setRules", [found], stage.promoter.wallet)
    tasks.sweep_rules()
    assert stage.listing(listing) == ("LISTED", None)


def test_a_tier_without_a_face_value_is_not_sold(stage):
    refused = stage.post(stage.seller, "/v1/listings", ticket_id=str(stage.tickets[1].id), price=str(1))
    assert refused.json()["error"]["code"] == "no_face_value"


def test_a_buyer_is_told_what_is_missing_before_any_gas(stage, people):
    listing = stage.list()
    url = f"/v1/listings/{listing['id']}/buy"
    assert stage.post(stage.buyer, url, max_price=str(PRICE - 1)).json()["error"]["code"] == "price_above_max"
    assert stage.post(stage.seller, url, max_price=str(PRICE)).json()["error"]["code"] == "already_yours"
    poor = people()
    assert stage.post(poor, url, max_price=str(PRICE)).json()["error"]["code"] == "not_enough_tokens"
    asked = stage.post(stage.buyer, url, max_price=str(PRICE)).json()
    assert asked["transaction"] is None
    wrong = {"deadline": asked["permit"]["message"]["deadline"]}
    wrong["signature"] = "0x" + sign_typed_data(poor.key, asked["permit"]).hex()
    assert stage.post(stage.buyer, url, max_price=str(PRICE), permit=wrong).json()["error"]["code"] == "bad_permit"
    # Without a permit: an approval, then the purchase.
    stage.market.send(stage.buyer.key, asked["approval"])
    bought = stage.post(stage.buyer, url, max_price=str(PRICE)).json()
    stage.market.send(stage.buyer.key, bought["transaction"])
    stage.finish()
    assert stage.listing(listing) == ("SETTLED", None)


def test_listings_are_found_by_event_and_by_collection(stage):
    listing = stage.list()
    by_event = f"/v1/events/{stage.sale.event.id}/listings"
    by_collection = f"/v1/collections/0x{stage.collection.address.hex()}/listings"
    for url in (by_event, by_collection):
        assert [one["id"] for one in stage.client.get(url).json()["items"]] == [listing["id"]]
        assert stage.client.get(url, params={"standing": "SETTLED"}).json()["items"] == []


def test_a_list_says_at_once_what_time_has_ended(stage):
    listing = stage.list()
    url = f"/v1/events/{stage.sale.event.id}/listings"

    def shown(status):
        return [
            (item["id"], item["reason"]) for item in stage.client.get(url, params={"standing": status}).json()["items"]
        ]

    assert shown("LISTED") == [(listing["id"], None)] and shown("INVALID") == shown("EXPIRED") == []
    for later, status in ((timedelta(days=2), "INVALID"), (timedelta(days=31), "EXPIRED")):
        with clock.frozen(stage.market.now() + later):
            _, reason = stage.listing(listing)
            assert shown(status) == [(listing["id"], reason)]
            assert all(shown(other) == [] for other in {"LISTED", "INVALID", "EXPIRED"} - {status})
