"""Tickets bought on chain by quote: once, by their buyer, at their price, with parts killed in between."""

import pytest

from scripts.demo import trade
from scripts.demo.http import Refused, until
from scripts.demo.people import BKS


def _rich(evening):
    fan = evening.fan()
    token = evening.story.world.manifest["contracts"]["BKS"]["address"]
    evening.story.node.transact(evening.admin.wallet, token, "mint(address,uint256)", fan.address, 200 * BKS)
    return fan


def _has_exactly(evening, fan, order, quantity):
    fan.await_order(order["order_id"], "FULFILLED")
    tickets = fan.tickets(order["order_id"])
    tokens = {int(ticket["token_id"]) for ticket in tickets}
    assert len(tickets) == len(tokens) == quantity
    node, collection = evening.story.node, evening.show.collection
    assert {node.owner_of(collection, token) for token in tokens} == {fan.address}
    assert node.read(collection, "takenBy(address)", fan.address, returns="uint32") == quantity
    return tickets


def test_three_tickets_for_bks_in_one_transaction(evening, house):
    fan = _rich(evening)
    order = fan.order_on_chain(evening.show, evening.show.standing, 3)
    tx_hash = fan.send(fan.quote(order)["transaction"])
    tickets = _has_exactly(evening, fan, order, 3)
    assert {ticket["tx_hash"] for ticket in tickets} == {tx_hash}
    assert trade.tokens(evening.story, fan.address) == 125 * BKS, "the reward waits for the evening's end"
    query = "SELECT count(*) FROM mint_jobs WHERE order_id = %s"
    assert house.rows(query, order["order_id"]) == [(0,)], "nothing is minted for what was bought on chain"


def test_a_ticket_for_bnb(evening):
    fan = _rich(evening)
    order = fan.order_on_chain(evening.show, evening.show.standing, 1, "BNB")
    fan.send(fan.quote(order)["transaction"])
    _has_exactly(evening, fan, order, 1)


@pytest.mark.parametrize("part", ["indexer", "worker", "api"])
def test_a_part_killed_in_the_middle_loses_no_purchase(evening, house, part):
    fan = _rich(evening)
    order = fan.order_on_chain(evening.show, evening.show.standing, 1)
    fan.send(fan.quote(order)["transaction"])
    house.kill(part)
    until("the API is back", lambda: _answers(fan))
    _has_exactly(evening, fan, order, 1)


def _answers(fan):
    try:
        return fan.api.get("/ready")
    except Exception:  # noqa: BLE001 - it is starting
        return None


def _reward(fan, status):
    def look():
        items = fan.api.get("/v1/rewards")["items"]
        return items[0] if items and items[0]["status"] == status else None

    return until(f"the reward is {status}", look)


def test_a_final_purchase_is_rewarded_once_when_the_event_is_over(evening, house):
    fan = _rich(evening)
    order = fan.order_on_chain(evening.show, evening.show.standing, 1)
    fan.send(fan.quote(order)["transaction"])
    _has_exactly(evening, fan, order, 1)
    assert _reward(fan, "PENDING")["earned"] == str(BKS)
    assert trade.tokens(evening.story, fan.address) == (200 - 25) * BKS
    # The evening is over for this order's reward: nobody waits six hours here.
    [(ends_at,)] = house.rows("SELECT ends_at FROM events WHERE id = %s", evening.show.event_id)
    over = "UPDATE events SET starts_at = doors_at, ends_at = doors_at + interval '1 minute' WHERE id = %s RETURNING 1"
    house.rows(over, evening.show.event_id)
    try:
        assert _reward(fan, "DONE")["sent"] == str(BKS)
    finally:
        house.rows("UPDATE events SET ends_at = %s WHERE id = %s RETURNING 1", ends_at, evening.show.event_id)
    assert trade.tokens(evening.story, fan.address) == (200 - 25 + 1) * BKS
    house.kill("worker")
    assert house.rows("SELECT count(*) FROM rewards WHERE order_id = %s", order["order_id"]) == [(1,)]


def test_a_quote_is_paid_by_its_buyer_only_and_once(evening):
    fan, other = _rich(evening), _rich(evening)
    order = fan.order_on_chain(evening.show, evening.show.standing, 1)
    transaction = fan.quote(order)["transaction"]
    with pytest.raises(Refused) as refused:
        other.quote(order)
    assert refused.value.status == 404
    node = evening.story.node
    assert node.refusal({**transaction, "from": other.address}) == trade.selector("NotTheBuyer(address)")
    fan.send(transaction)
    assert node.refusal(transaction) == trade.selector("QuoteUsed(bytes32)")


def test_another_amount_is_refused_on_chain(evening):
    fan = _rich(evening)
    transaction = fan.quote(fan.order_on_chain(evening.show, evening.show.standing, 1, "BNB"))["transaction"]
    wrong = {**transaction, "value": hex(int(transaction["value"], 16) - 1)}
    assert evening.story.node.refusal(wrong) == trade.selector("WrongValue(uint256,uint256)")


def test_the_money_of_a_card_and_of_a_token_are_not_mixed_up(evening):
    fan = _rich(evening)
    lines = [{"tier_id": evening.show.standing, "quantity": 1}]
    body = {"event_id": evening.show.event_id, "lines": lines}
    for provider, currency in (("stripe", "BKS"), ("crypto", "SEK")):
        with pytest.raises(Refused) as refused:
            fan.api.post("/v1/orders", body | {"provider": provider, "currency": currency}, key=f"mixed-{provider}")
        assert refused.value.code == "currency_not_taken"


def test_a_guest_cannot_pay_on_chain(evening):
    lines = [{"tier_id": evening.show.standing, "quantity": 1}]
    body = {"event_id": evening.show.event_id, "lines": lines, "provider": "crypto", "currency": "BKS"}
    with pytest.raises(Refused) as refused:
        evening.story.guest.api.post("/v1/orders", body | {"email": "guest@example.org"}, key="a-guests-quote")
    assert refused.value.code == "wallet_missing"


def test_the_books_agree_with_what_lies_in_the_collection(evening, house):
    query = "SELECT sum(amount) FROM ledger_entries WHERE account = 'provider:crypto:collection' AND currency = 'BKS'"

    def look():
        return house.rows(query)[0][0] == trade.tokens(evening.story, evening.show.collection) or None

    assert until("every purchase is in the books", look)
