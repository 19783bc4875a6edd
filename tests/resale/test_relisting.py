"""Listing again what was listed before: an old signature is good on chain until the chain says otherwise."""

from datetime import timedelta

from backend.kit import clock
from backend.resale import tasks
from tests.factories.accounts import sign_typed_data
from tests.resale.conftest import FACE, PRICE
from tests.resale.test_invalid import new_rules

LOW = PRICE // 10


def prepare(stage, price):
    return stage.post(stage.seller, "/v1/listings", ticket_id=str(stage.tickets[0].id), price=str(price))


def withdraw(stage, listing):
    answer = stage.post(stage.seller, f"/v1/listings/{listing['id']}/cancel").json()
    assert stage.listing(listing) == ("WITHDRAWN", "withdrawn")
    return answer["transaction"]


def refused(answer, listing):
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "old_listing_lives")
    assert (error["details"]["listing_id"], error["details"]["price"]) == (listing["id"], listing["price"])


def test_a_withdrawn_listing_that_lives_on_chain_forbids_a_higher_price_until_it_is_cancelled_there(stage):
    old = stage.list(price=LOW)
    drafted = prepare(stage, LOW).json()
    cancel = withdraw(stage, old)
    refused(prepare(stage, LOW + 1), old)
    stage.market.send(stage.seller.key, cancel)
    stage.market.follow()
    assert stage.listing(old) == ("CANCELLED", "cancelled_on_chain")
    assert stage.list(price=PRICE)["status"] == "LISTED"
    # The draft from before is no way round: the ticket is listed.
    body = {"signature": "0x" + sign_typed_data(stage.seller.key, drafted["typed_data"]).hex()}
    url = f"/v1/listings/{drafted['order']['id']}/signature"
    answer = stage.client.put(url, headers=stage.seller.headers, json=body)
    assert answer.json()["error"]["code"] == "already_listed"


def test_a_higher_price_that_was_drafted_before_is_refused_when_it_is_signed(stage):
    high = prepare(stage, PRICE).json()
    old = stage.list(price=LOW)
    withdraw(stage, old)
    body = {"signature": "0x" + sign_typed_data(stage.seller.key, high["typed_data"]).hex()}
    url = f"/v1/listings/{high['order']['id']}/signature"
    refused(stage.client.put(url, headers=stage.seller.headers, json=body), old)


def test_a_price_that_is_not_higher_needs_no_gas(stage):
    withdraw(stage, stage.list(price=PRICE))
    assert stage.list(price=PRICE)["status"] == "LISTED"


def test_an_old_signature_dies_by_its_time_and_when_the_ticket_moves(stage):
    old = stage.list(price=LOW)
    withdraw(stage, old)
    with clock.frozen(stage.market.now() + timedelta(days=31)):
        tasks.sweep()
        assert stage.listing(old) == ("CANCELLED", "withdrawn")
    address, token = stage.collection.address, stage.tickets[0].token_id
    for here, there in ((stage.seller, stage.buyer), (stage.buyer, stage.seller)):
        way = [here.wallet, there.wallet, token]
        stage.market.call("TicketCollection", address, "transferFrom", way, here.wallet)
    stage.finish()
    assert stage.listing(old) == ("CANCELLED", "withdrawn")
    assert stage.list(price=PRICE)["status"] == "LISTED"


def test_a_ticket_is_listed_once_though_an_older_listing_recovers(stage):
    old = stage.list(price=PRICE)
    new_rules(capBps=5_000)(stage)
    tasks.read_rules(stage.collection.id)
    assert stage.listing(old) == ("INVALID", "price_above_cap")
    new = stage.list(price=LOW)
    new_rules(capBps=10_000)(stage)
    tasks.read_rules(stage.collection.id)
    assert (stage.listing(old)[0], stage.listing(new)[0]) == ("WITHDRAWN", "LISTED")
    refused(prepare(stage, FACE), old)


def test_an_invalid_listing_of_a_lower_price_is_not_outbid(stage):
    old = stage.list(price=LOW)
    new_rules(capBps=500)(stage)
    tasks.read_rules(stage.collection.id)
    assert stage.listing(old) == ("INVALID", "price_above_cap")
    new_rules(capBps=10_000)(stage)
    refused(prepare(stage, PRICE), old)
