"""From a card to tokens on chain: once, whatever is repeated or dies on the way."""

import json

import pytest

from scripts.demo.http import Refused, until
from scripts.demo.people import DECLINED_CARD, GOOD_CARD, pay


def _bought(evening, quantity=2):
    fan = evening.fan()
    order = fan.order(evening.show, evening.show.standing, quantity)["order"]
    url = fan.checkout(order["order_id"])
    return fan, order, url


def _has_exactly(evening, fan, order, quantity):
    fan.await_order(order["order_id"], "FULFILLED")
    tickets = fan.tickets(order["order_id"])
    tokens = {int(ticket["token_id"]) for ticket in tickets}
    assert len(tickets) == len(tokens) == quantity
    node, collection = evening.story.node, evening.show.collection
    assert {node.owner_of(collection, token) for token in tokens} == {fan.address}
    assert node.read(collection, "balanceOf(address)", fan.address, returns="uint256") == quantity


def test_a_card_buys_two_tickets_in_one_batch(evening):
    fan, order, url = _bought(evening)
    assert pay(url, GOOD_CARD) == "complete"
    _has_exactly(evening, fan, order, 2)
    assert len({ticket["tx_hash"] for ticket in fan.tickets(order["order_id"])}) == 1


def test_ten_deliveries_of_every_webhook_change_nothing(evening, house):
    fan, order, url = _bought(evening)
    pay(url, GOOD_CARD)
    house.redeliver(url.rsplit("/", 1)[-1], times=10)
    _has_exactly(evening, fan, order, 2)
    house.redeliver(url.rsplit("/", 1)[-1], times=10)
    _has_exactly(evening, fan, order, 2)
    query = """
        SELECT count(*) FROM journals JOIN payments ON payments.id = journals.reference
        WHERE payments.reference_id = %s
    """
    assert house.rows(query, order["order_id"]) == [(1,)]


def test_a_worker_killed_in_the_middle_delivers_the_tickets_once(evening, house):
    fan, order, url = _bought(evening, 3)
    pay(url, GOOD_CARD)
    for _ in range(3):
        house.kill("worker")
    _has_exactly(evening, fan, order, 3)


@pytest.mark.parametrize("part", ["indexer", "beat", "api"])
def test_another_part_killed_in_the_middle_loses_nothing(evening, house, part):
    fan, order, url = _bought(evening, 1)
    pay(url, GOOD_CARD)
    house.kill(part)
    until("the API is back", lambda: _answers(fan))
    _has_exactly(evening, fan, order, 1)


def _answers(fan):
    try:
        return fan.api.get("/ready")
    except Exception:  # noqa: BLE001 - it is starting
        return None


def test_a_declined_card_buys_nothing_and_may_be_followed_by_a_good_one(evening):
    fan, order, url = _bought(evening, 1)
    assert pay(url, DECLINED_CARD) != "complete"
    assert fan.api.get(f"/v1/orders/{order['order_id']}")["status"] == "AWAITING_PAYMENT"
    assert pay(fan.checkout(order["order_id"]), GOOD_CARD) == "complete"
    _has_exactly(evening, fan, order, 1)


def test_the_same_idempotency_key_makes_one_order(evening):
    fan = evening.fan()
    first = fan.order(evening.show, evening.show.standing, 1, key="the-same-key")["order"]
    second = fan.order(evening.show, evening.show.standing, 1, key="the-same-key")["order"]
    assert first["order_id"] == second["order_id"]
    with pytest.raises(Refused) as refused:
        fan.order(evening.show, evening.show.standing, 2, key="the-same-key")
    assert refused.value.code == "idempotency_mismatch"


def test_more_than_the_limit_is_refused_before_anything_is_held(evening):
    fan = evening.fan()
    fan.order(evening.show, evening.show.standing, 6)
    with pytest.raises(Refused) as refused:
        fan.order(evening.show, evening.show.standing, 1)
    assert refused.value.status == 409


def test_a_strangers_order_is_not_there(evening):
    _, order, _ = _bought(evening, 1)
    with pytest.raises(Refused) as refused:
        evening.fan().api.get(f"/v1/orders/{order['order_id']}")
    assert refused.value.status == 404


def test_a_webhook_nobody_signed_is_refused(evening, house):
    before = house.rows("SELECT count(*) FROM provider_events")
    with pytest.raises(Refused) as refused:
        evening.story.fan.api.post("/v1/webhooks/stripe", {"type": "checkout.session.completed"})
    assert refused.value.status == 400
    assert house.rows("SELECT count(*) FROM provider_events") == before


def test_the_books_sum_to_zero(evening, house):
    sums = house.rows("SELECT currency, sum(amount) FROM ledger_entries GROUP BY currency")
    assert sums
    assert all(total == 0 for _, total in sums)


def test_one_trace_id_leads_from_the_webhook_to_the_transaction(evening, house):
    fan, order, url = _bought(evening, 1)
    pay(url, GOOD_CARD)
    _has_exactly(evening, fan, order, 1)
    query = """
        SELECT DISTINCT sends.trace_id FROM mint_jobs AS jobs
        JOIN batches ON batches.id = jobs.batch_id JOIN chain_sends AS sends ON sends.id = batches.send_id
        WHERE jobs.order_id = %s
    """
    [(trace,)] = house.rows(query, order["order_id"])
    said = {part: _said(house.state / "logs" / f"{part}.log", trace) for part in ("api", "worker")}
    assert ("request", "/v1/webhooks/stripe") in said["api"]
    assert {"batch_closed", "chain_broadcast"} <= {event for event, _ in said["worker"]}


def _said(log, trace):
    """What a part's log says under a trace id: (event, path)."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if f'"{trace}"' in line]
    return {(line["event"], line.get("path")) for line in lines if line["trace_id"] == trace}
