"""What happened to a token, told in the order of the chain."""

from uuid import uuid4

import pytest
from sqlalchemy import insert

from backend.accounts.addresses import show_address
from backend.chain.models import ChainBlock, ChainCursor
from backend.chain.progress import FACTS_CURSOR
from backend.royalties.models import Sale
from backend.tickets import holdings
from tests.factories.sales import make_sale_row
from tests.factories.tickets import ADDRESS, ALICE, BOB, CAROL, NETWORK, Chain, make_minting, tickets_of

KIND_SALE = 1


def url_of(token):
    return f"/v1/collections/{show_address(ADDRESS)}/tickets/{token}/history"


@pytest.fixture
def token(session, now):
    """Minted in block 10, given away in 11, sold twice in one transaction of 12, used in 13, void and burned in 14."""
    chain = Chain()
    token, _ = chain.mint(1, [(ALICE, 1), (BOB, 2)])
    chain.block().move(token, ALICE, BOB, epoch=1)
    chain.block().move(token, BOB, CAROL, epoch=2, kind=KIND_SALE)
    sold = chain.logs[-1]
    chain._index += 1  # the market's own log
    chain.move(token, CAROL, ALICE, epoch=3, kind=KIND_SALE)
    chain.block().status(token, 2)
    chain.block().status(token, 3)
    chain.burn(token, ALICE)
    logs = chain.taken()
    holdings.apply(session, NETWORK, logs)
    blocks = {log.block_hash: (log.block_number, log.block_timestamp) for log in logs}
    for block_hash, (number, at) in blocks.items():
        session.add(ChainBlock(network=NETWORK, hash=block_hash, number=number, timestamp=at, canonical=True))
    last = max(log.log_index for log in logs if log.tx_hash == sold.tx_hash)
    for index, price in ((sold.log_index + 1, 700), (last + 1, 900)):
        about = {"tx_hash": sold.tx_hash, "token_id": token, "price": price, "block_hash": sold.block_hash}
        session.execute(insert(Sale), [make_sale_row(sold.block_number, index, **about)])
    session.add(ChainCursor(network=NETWORK, name=FACTS_CURSOR, block_number=14, finalized_number=12, updated_at=now))
    session.flush()
    return token


def told(client, token, **params):
    answer = client.get(url_of(token), params=params)
    assert answer.status_code == 200, answer.json()
    return answer.json()["items"]


def test_everything_is_told_in_order_with_what_was_paid(client, token):
    found = told(client, token)
    assert [one["kind"] for one in found] == ["MINT", "GIFT", "SALE", "SALE", "STATUS", "STATUS", "BURN"]
    assert [one["block_number"] for one in found] == [10, 11, 12, 12, 13, 14, 14]
    assert [one["is_final"] for one in found] == [True] * 4 + [False] * 3
    assert [one["sale"] and one["sale"]["price"] for one in found] == [None, None, "700", "900", None, None, None]
    assert [one["status"] for one in found] == [None] * 4 + ["USED", "VOID", None]
    assert (found[0]["from_owner"], found[0]["to_owner"], found[-1]["to_owner"]) == (None, show_address(ALICE), None)
    assert found[0]["happened_at"] == "2026-06-01T12:00:00Z"


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"kind": "SALE"}, 2),
        ({"kind": ["MINT", "BURN"]}, 2),
        ({"final": True}, 4),
        ({"final": False}, 3),
        ({"from": "2026-06-01T12:00:00Z"}, 7),
        ({"to": "2026-06-01T12:00:00Z"}, 0),
        ({"from": "2026-06-01T14:00:00+02:00", "to": "2026-06-01T12:00:01Z", "kind": "GIFT"}, 1),
    ],
)
def test_filters_leave_what_they_say(client, token, params, count):
    assert len(told(client, token, **params)) == count


def test_pages_are_the_whole_story(client, token):
    for limit in (1, 2, 3, 7, 8):
        found, cursor = [], None
        while True:
            params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = client.get(url_of(token), params=params).json()
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == told(client, token)


def test_the_file_has_a_line_for_each(client, token):
    lines = client.get(url_of(token), params={"format": "csv"}).text.splitlines()
    assert len(lines) == 8
    assert lines[3].split(",")[-6:] == [
        "700",
        "0.000000000000000700",
        "50",
        "0.000000000000000050",
        "25",
        "0.000000000000000025",
    ]


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_what_is_not_there_or_not_sensible_is_refused(client, token):
    assert code(client.get(url_of(999))) == (404, "token_unknown")
    assert code(client.get(url_of(2**53)))[0] == 422
    assert code(client.get(url_of(token), params={"kind": "THEFT"})) == (422, "invalid_request")
    assert code(client.get(url_of(token), params={"from": "1780000000"})) == (422, "invalid_request")
    reversed_ = {"from": "2026-06-02T00:00:00Z", "to": "2026-06-01T00:00:00Z"}
    assert code(client.get(url_of(token), params=reversed_)) == (422, "bad_period")
    assert code(client.get(f"/v1/tickets/{uuid4()}/history")) == (404, "ticket_unknown")


def test_a_ticket_that_is_not_minted_has_no_history_yet(client, session, now):
    minting = make_minting(session)
    ticket = tickets_of(session, minting.order.id)[0]
    url = f"/v1/tickets/{ticket.id}/history"
    assert client.get(url).json() == {"items": [], "next_cursor": None}
    chain = Chain()
    [ticket.token_id] = chain.mint(1, [(ALICE, 1)])
    holdings.apply(session, NETWORK, chain.taken())
    session.flush()
    assert [one["kind"] for one in client.get(url).json()["items"]] == ["MINT"]
