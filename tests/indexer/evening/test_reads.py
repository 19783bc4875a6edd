"""What of a ticket is public: read by its own id, and by its collection's address and its token."""

from uuid import uuid4

import pytest

from backend.checkpoints import take
from backend.kit.db import unit_of_work
from tests.factories.tickets import NETWORK, tickets_of
from tests.indexer.evening.conftest import VOID, ours
from tests.indexer.test_inclusion import verified
from tests.tickets.test_on_chain import queue


@pytest.fixture
def proven(stage):
    """Two tickets of ours, one of them sold on, and a checkpoint of both."""
    checkpoint(stage)
    return stage


def checkpoint(stage):
    with unit_of_work() as session:
        return take.take(session, NETWORK, stage.market.now())


def asked(stage, path, **params):
    answer = stage.client.get(f"/v1/{path}", params=params)
    return answer.status_code, answer.json()


def by_token(stage, ticket):
    return f"collections/0x{stage.collection.address.hex()}/tickets/{ticket.token_id}"


@pytest.mark.parametrize("read", ["proof", "history"])
def test_a_ticket_is_read_by_its_id_as_by_its_token(proven, read):
    for ticket in proven.tickets:
        one, other = asked(proven, f"tickets/{ticket.id}/{read}"), asked(proven, f"{by_token(proven, ticket)}/{read}")
        assert one == other
        assert one[0] == 200
    assert asked(proven, f"tickets/{uuid4()}/{read}")[1]["error"]["code"] == "ticket_unknown"
    assert asked(proven, f"tickets/65536/{read}")[1]["error"]["code"] == "invalid_request"


def test_the_proof_of_a_ticket_by_its_id_is_verified_without_us(proven):
    proof = asked(proven, f"tickets/{proven.tickets[0].id}/proof")[1]
    assert (proof["token_id"], proof["owner"]) == (proven.tickets[0].token_id, proven.seller.key.address)
    done = verified(proof, proof["root"], proven.market.node.url)
    assert done.returncode == 0, done


def test_a_ticket_that_is_not_minted_has_no_proof_and_an_empty_history(proven):
    order = queue(proven.session, proven.sale, proven.seller.wallet)
    [waiting, _] = tickets_of(proven.session, order.id)
    proven.session.commit()
    code, answer = asked(proven, f"tickets/{waiting.id}/proof")
    assert (code, answer["error"]["code"]) == (404, "no_checkpoint")
    assert asked(proven, f"tickets/{waiting.id}/history") == (200, {"items": [], "next_cursor": None})


def test_a_ticket_minted_since_the_checkpoint_has_no_proof_yet(stage):
    code, answer = asked(stage, f"tickets/{stage.tickets[0].id}/proof")
    assert (code, answer["error"]["code"]) == (404, "no_checkpoint")
    checkpoint(stage)
    assert asked(stage, f"tickets/{stage.tickets[0].id}/proof")[0] == 200


def test_a_burned_ticket_keeps_its_proof(proven):
    operator = proven.market.read("TicketCollection", proven.collection.address, "operator")
    ours(proven, "setStatus", [[proven.tickets[1].token_id], VOID], operator)
    ours(proven, "burn", [proven.tickets[1].token_id], operator)
    proven.finish()
    checkpoint(proven)
    code, proof = asked(proven, f"tickets/{proven.tickets[1].id}/proof")
    assert (code, proof["owner"], proof["status"]) == (200, "0x" + "00" * 20, VOID)


LISTS = ("holders", "sales", "royalties", "tickets/{}/history")


@pytest.mark.parametrize("path", LISTS)
def test_each_list_has_pages_and_a_file(evening, path):
    base = f"collections/0x{evening.collection.address.hex()}/{path.format(evening.tickets[0].token_id)}"
    code, whole = asked(evening, base)
    assert code == 200 and len(whole["items"]) > 1 and whole["next_cursor"] is None
    found, cursor = [], None
    while True:
        page = asked(evening, base, limit=1, **({"cursor": cursor} if cursor else {}))[1]
        found, cursor = found + page["items"], page["next_cursor"]
        if cursor is None:
            break
    assert found == whole["items"]
    file = evening.client.get(f"/v1/{base}", params={"format": "csv"})
    assert file.headers["content-type"].startswith("text/csv")
    assert len(file.text.splitlines()) == len(whole["items"]) + 1
    assert asked(evening, base, cursor="made-up")[1]["error"]["code"] == "bad_cursor"
    assert asked(evening, base, final=False)[1]["items"] == []
