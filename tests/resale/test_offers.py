"""Offers on the real market: a buyer signs, the holder takes, and what kills an offer."""

from datetime import timedelta

import pytest

from backend.kit import clock
from backend.resale import tasks
from backend.tickets import service
from tests.factories.accounts import sign_typed_data, signed_in
from tests.resale.conftest import FACE, FEE_BPS, PRICE, Fan


def offer(stage, who=None, price=PRICE, **more):
    """Prepare and sign an offer with its permit; return its JSON."""
    who = who or stage.buyer
    made = stage.post(who, "/v1/offers", ticket_id=str(stage.tickets[0].id), price=str(price), **more)
    assert made.status_code == 201, made.json()
    words = made.json()
    body = {"signature": "0x" + sign_typed_data(who.key, words["typed_data"]).hex()}
    signature = "0x" + sign_typed_data(who.key, words["permit"]).hex()
    body["permit"] = {"deadline": words["permit"]["message"]["deadline"], "signature": signature}
    answer = stage.client.put(f"/v1/offers/{words['order']['id']}/signature", headers=who.headers, json=body)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def status(stage, made):
    shown = stage.client.get(f"/v1/offers/{made['id']}").json()
    return shown["status"], shown["reason"]


def test_the_holder_takes_an_offer_and_everyone_is_paid(stage):
    made = offer(stage)
    ticket = stage.tickets[0].id
    assert [one["id"] for one in stage.client.get(f"/v1/tickets/{ticket}/offers").json()["items"]] == [made["id"]]
    royalty, fee = PRICE * 500 // 10_000, PRICE * FEE_BPS // 10_000
    url = f"/v1/offers/{made['id']}/accept"
    greedy = stage.post(stage.seller, url, min_proceeds=str(PRICE)).json()["error"]
    assert (greedy["code"], greedy["details"]["reason"]) == ("call_would_revert", "ProceedsBelowMin")
    assert stage.post(stage.buyer, url, min_proceeds="0").json()["error"]["code"] == "not_your_ticket"
    answer = stage.post(stage.seller, url, min_proceeds=str(PRICE - royalty - fee))
    stage.market.send(stage.seller.key, answer.json()["transaction"])
    stage.finish()
    assert status(stage, made) == ("SETTLED", None)
    assert stage.market.bks_of(stage.seller.wallet) == PRICE - royalty - fee
    assert service.holding_of(stage.session, ticket).owner == stage.buyer.wallet


def test_an_offer_above_the_cap_or_the_purse_is_refused_before_signing(stage, people):
    ticket = str(stage.tickets[0].id)
    above = stage.post(stage.buyer, "/v1/offers", ticket_id=ticket, price=str(FACE + 1)).json()
    assert above["error"]["code"] == "price_above_cap"
    poor = stage.post(people(), "/v1/offers", ticket_id=ticket, price=str(PRICE)).json()
    assert poor["error"]["code"] == "not_enough_tokens"
    own = stage.post(stage.seller, "/v1/offers", ticket_id=ticket, price=str(PRICE)).json()
    assert own["error"]["code"] == "already_yours"


def test_a_withdrawn_offer_is_not_taken(stage):
    made = offer(stage)
    answer = stage.post(stage.buyer, f"/v1/offers/{made['id']}/cancel").json()
    assert answer["order"]["status"] == "WITHDRAWN"
    refused = stage.post(stage.seller, f"/v1/offers/{made['id']}/accept", min_proceeds="0").json()
    assert refused["error"]["code"] == "not_listed"
    stage.market.send(stage.buyer.key, answer["transaction"])
    stage.market.follow()
    assert status(stage, made) == ("CANCELLED", "cancelled_on_chain")


def test_an_offer_dies_when_the_ticket_goes_to_another(stage, people):
    made, rival = offer(stage), people()
    stage.market.call("BKS", stage.market.bks, "mint", [rival.wallet, 10**21])
    stage.buy(rival, stage.list())
    stage.market.follow()
    assert status(stage, made) == ("INVALID", "moved")


def accept(stage, made):
    """What the holder is answered, however late it is."""
    holder = Fan(stage.seller.key, signed_in(stage.session, stage.seller.wallet, stage.market.now()))
    return stage.post(holder, f"/v1/offers/{made['id']}/accept", min_proceeds="0")


def spend(stage):
    """The buyer's tokens go somewhere else."""
    everything = stage.market.bks_of(stage.buyer.wallet)
    said = [stage.promoter.wallet, everything]
    stage.market.call("BKS", stage.market.bks, "transfer", said, stage.buyer.wallet)


def approve(stage, amount):
    stage.market.call("BKS", stage.market.bks, "approve", [stage.market.market, amount], stage.buyer.wallet)


def use_up_permit(stage):
    """Another permit of the buyer's is used, so the token's nonce is past the one the offer carries."""
    second = stage.post(stage.buyer, "/v1/offers", ticket_id=str(stage.tickets[0].id), price="1").json()["permit"]
    signature = sign_typed_data(stage.buyer.key, second)
    said = [stage.buyer.wallet, stage.market.market, 1, second["message"]["deadline"]]
    said += [signature[64], signature[:32], signature[32:64]]
    stage.market.call("BKS", stage.market.bks, "permit", said)


LOSSES = {"balance_too_low": spend, "allowance_too_low": use_up_permit}


@pytest.mark.parametrize("reason", LOSSES)
@pytest.mark.parametrize("looked", [True, False])
def test_an_offer_that_cannot_be_paid_is_invalid_and_not_taken(stage, reason, looked):
    made = offer(stage)
    LOSSES[reason](stage)
    if looked:
        tasks.sweep_rules()
        assert status(stage, made) == ("INVALID", reason)
    answer = accept(stage, made)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_listed")
    assert answer.json()["error"]["details"] == {"status": "INVALID", "reason": reason}
    assert status(stage, made) == ("INVALID", reason)


def test_an_offer_that_can_be_paid_again_stands_again(stage):
    made = offer(stage)
    spend(stage)
    tasks.sweep_rules()
    assert status(stage, made) == ("INVALID", "balance_too_low")
    stage.market.call("BKS", stage.market.bks, "mint", [stage.buyer.wallet, PRICE])
    tasks.sweep_rules()
    assert status(stage, made) == ("LISTED", None)
    assert accept(stage, made).status_code == 200


def test_an_offer_on_an_allowance_dies_with_it(stage):
    approve(stage, PRICE)
    words = stage.post(stage.buyer, "/v1/offers", ticket_id=str(stage.tickets[0].id), price=str(PRICE)).json()
    assert words["permit"] is None
    body = {"signature": "0x" + sign_typed_data(stage.buyer.key, words["typed_data"]).hex()}
    url = f"/v1/offers/{words['order']['id']}/signature"
    made = stage.client.put(url, headers=stage.buyer.headers, json=body).json()
    assert made["status"] == "LISTED"
    approve(stage, PRICE - 1)
    assert accept(stage, made).json()["error"]["details"]["reason"] == "allowance_too_low"
    approve(stage, PRICE)
    tasks.sweep_rules()
    assert status(stage, made) == ("LISTED", None)
    taken = accept(stage, made).json()
    stage.market.send(stage.seller.key, taken["transaction"])
    stage.finish()
    assert status(stage, made) == ("SETTLED", None)


def test_an_offer_without_permit_or_allowance_does_not_stand(stage):
    words = stage.post(stage.buyer, "/v1/offers", ticket_id=str(stage.tickets[0].id), price=str(PRICE)).json()
    body = {"signature": "0x" + sign_typed_data(stage.buyer.key, words["typed_data"]).hex()}
    url = f"/v1/offers/{words['order']['id']}/signature"
    assert stage.client.put(url, headers=stage.buyer.headers, json=body).json()["error"]["code"] == "bad_permit"


def test_an_offer_expires(stage):
    made = offer(stage, expires_at=(stage.market.now() + timedelta(hours=1)).isoformat())
    stage.market.late += timedelta(hours=1, seconds=1)
    assert status(stage, made) == ("EXPIRED", "expired")
    refused = accept(stage, made).json()["error"]
    assert (refused["code"], refused["details"]["reason"]) == ("not_listed", "expired")
    with clock.use(stage.market.now):
        tasks.sweep()
    shown = stage.client.get(f"/v1/tickets/{stage.tickets[0].id}/offers", params={"standing": "EXPIRED"}).json()
    assert [one["id"] for one in shown["items"]] == [made["id"]]


def test_only_its_buyer_withdraws_an_offer_and_on_chain_it_is_gone_before_the_index_says_so(stage, people):
    made = offer(stage)
    url = f"/v1/offers/{made['id']}/cancel"
    for other in (stage.seller, people()):
        assert stage.post(other, url).json()["error"]["code"] == "offer_unknown"
    order_hash = bytes.fromhex(made["order_hash"][2:])
    stage.market.call("ResaleMarket", stage.market.market, "cancel", [[order_hash]], stage.buyer.wallet)
    # The index has not looked: the chain is asked.
    assert status(stage, made) == ("LISTED", None)
    assert accept(stage, made).json()["error"]["details"]["reason"] == "cancelled_on_chain"
    stage.market.follow()
    assert status(stage, made) == ("CANCELLED", "cancelled_on_chain")
