"""A recovery that was asked for: the holder hears of it and can refuse it before it is carried out."""
# ruff: noqa: F811 -- a parameter named like an imported fixture is that fixture

from datetime import datetime

import pytest
from sqlalchemy import func, select

from backend.tickets.models import Recovery
from tests.resale.conftest import market, people, rules, stage  # noqa: F401 - fixtures

LIVE, LOCKED, USED = 0, 1, 2


@pytest.fixture
def asked(stage, people):
    """The operator locks the ticket, and the promoter asks that it go to a wallet of his own."""
    ticket, other = stage.tickets[0], people()
    lock(stage, LOCKED)
    ours(stage, "requestRecovery", [ticket.token_id, other.wallet], stage.promoter.wallet)
    stage.market.follow()
    return ticket, other


def ours(stage, function, arguments, sender):
    stage.market.call("TicketCollection", stage.collection.address, function, arguments, sender)


def lock(stage, status):
    operator = stage.market.read("TicketCollection", stage.collection.address, "operator")
    ours(stage, "setStatus", [[stage.tickets[0].token_id], status], operator)


def shown(stage, who, ticket):
    return stage.client.get(f"/v1/tickets/{ticket.id}", headers=who.headers).json()["recovery"]


def inbox(stage, who):
    found = stage.client.get("/v1/recoveries", headers=who.headers).json()
    return [item["ticket_id"] for item in found]


def refuse(stage, who, ticket):
    return stage.post(who, f"/v1/tickets/{ticket.id}/recovery/refusal")


def test_the_holder_is_told_and_refuses(stage, asked):
    ticket, other = asked
    told = shown(stage, stage.seller, ticket)
    ready_at = stage.market.read("TicketCollection", stage.collection.address, "recovery", ticket.token_id)["readyAt"]
    assert told["to"] == other.key.address
    assert told["refuse_by"] == f"POST /v1/tickets/{ticket.id}/recovery/refusal"
    assert datetime.fromisoformat(told["ready_at"]).timestamp() == ready_at
    assert inbox(stage, stage.seller) == [str(ticket.id)] and inbox(stage, other) == []
    assert shown(stage, stage.seller, stage.tickets[1]) is None
    answer = refuse(stage, stage.seller, ticket)
    assert answer.status_code == 200, answer.json()
    stage.market.send(stage.seller.key, answer.json()["transaction"])
    stage.market.follow()
    assert shown(stage, stage.seller, ticket) is None and inbox(stage, stage.seller) == []
    assert refuse(stage, stage.seller, ticket).json()["error"]["code"] == "no_recovery"
    assert stage.market.read("TicketCollection", stage.collection.address, "recovery", ticket.token_id)["readyAt"] == 0


def test_nobody_else_refuses_it(stage, asked):
    ticket, other = asked
    for who in (other, stage.buyer, stage.promoter):
        assert refuse(stage, who, ticket).json()["error"]["code"] == "not_the_holder"
    assert stage.client.post(f"/v1/tickets/{ticket.id}/recovery/refusal").status_code == 401
    unknown = stage.post(stage.seller, "/v1/tickets/00000000-0000-0000-0000-000000000000/recovery/refusal")
    assert unknown.json()["error"]["code"] == "ticket_unknown"


def test_a_ticket_nobody_asks_for_has_nothing_to_refuse(stage):
    assert refuse(stage, stage.seller, stage.tickets[0]).json()["error"]["code"] == "no_recovery"
    assert shown(stage, stage.seller, stage.tickets[0]) is None


def test_a_request_dies_when_the_ticket_is_used(stage, asked):
    lock(stage, USED)
    stage.market.follow()
    assert shown(stage, stage.seller, asked[0]) is None


def test_a_request_dies_when_the_ticket_moves(stage, asked):
    ticket, _ = asked
    lock(stage, LIVE)
    ours(stage, "transferFrom", [stage.seller.wallet, stage.buyer.wallet, ticket.token_id], stage.seller.wallet)
    stage.market.follow()
    assert shown(stage, stage.buyer, ticket) is None and inbox(stage, stage.buyer) == []


def test_a_reorg_takes_a_request_back_and_reading_twice_counts_once(stage, asked):
    def rows():
        return stage.session.scalar(select(func.count()).select_from(Recovery))

    stage.market._followed -= 2
    stage.market.follow()
    assert rows() == 1
    stage.market.undo(2)
    assert rows() == 0 and shown(stage, stage.seller, asked[0]) is None
