"""Who holds the tickets of a collection: filters, pages, files, and what is refused."""

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from backend.accounts.addresses import show_address
from backend.chain.models import ChainCursor
from backend.chain.progress import FACTS_CURSOR
from backend.kit import lists
from backend.provenance import holders
from backend.tickets import holdings
from backend.tickets.models import Holding
from tests.factories.catalog import make_event
from tests.factories.tickets import ADDRESS, ALICE, BOB, CAROL, NETWORK, Chain, make_collection

URL = f"/v1/collections/{show_address(ADDRESS)}/holders"


def holding(token: int, owner: bytes = ALICE, **values) -> dict:
    row = {"tier": 1, "status": 0, "epoch": 0, "minted_block": 10, "updated_block": 10, "final": True, **values}
    return {"network": NETWORK, "collection": ADDRESS, "token_id": token, "owner": owner, **row}


@pytest.fixture
def held(session):
    """Six tokens: two of Alice's, one of Bob's that is locked and not final, one used, one in escrow, one burned."""
    rows = [
        holding(1),
        holding(2, tier=2),
        holding(3, BOB, status=1, final=False),
        holding(4, CAROL, status=2, tier=2),
        holding(5, ADDRESS),
        holding(6, bytes(20), status=3),
        holding(1, BOB) | {"collection": b"\x77" * 20},
    ]
    session.execute(insert(Holding), rows)
    return rows


def tokens(client, **params):
    answer = client.get(URL, params=params)
    assert answer.status_code == 200, answer.json()
    return [one["token_id"] for one in answer.json()["items"]]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"owner": "0x" + ALICE.hex()}, [1, 2]),
        ({"owner": show_address(ADDRESS)}, [5]),
        ({"status": "LOCKED"}, [3]),
        ({"status": ["LOCKED", "USED"]}, [3, 4]),
        ({"status": "VOID"}, []),
        ({"tier": 2}, [2, 4]),
        ({"tier": 2, "owner": "0x" + ALICE.hex()}, [2]),
        ({"final": True}, [1, 2, 4, 5]),
        ({"final": False}, [3]),
    ],
)
def test_filters_leave_what_they_say(client, held, params, found):
    assert tokens(client, **params) == found


def test_a_line_says_who_holds_it_and_nothing_of_a_person(client, held):
    [one] = [one for one in client.get(URL).json()["items"] if one["token_id"] == 5]
    assert one == {
        "network": NETWORK,
        "collection": show_address(ADDRESS),
        "token_id": 5,
        "owner": show_address(ADDRESS),
        "is_escrowed": True,
        "tier": 1,
        "status": "LIVE",
        "epoch": 0,
        "minted_block": 10,
        "changed_block": 10,
        "is_final": True,
    }


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": 101},
        {"limit": "many"},
        {"status": "PENDING"},
        {"status": "live"},
        {"tier": -1},
        {"tier": 65536},
        {"owner": "0x" + "ab" * 19},
        {"owner": "0x" + "00" * 20},
        {"owner": "0x70997970C51812dc3A010C7d01b50e0d17dc79c8"},
        {"final": "perhaps"},
        {"format": "xml"},
    ],
)
def test_a_filter_that_says_nothing_sensible_is_refused(client, held, params):
    assert code(client.get(URL, params=params)) == (422, "invalid_request")


def test_an_address_with_a_wrong_checksum_is_refused(client, held):
    shown = show_address(ADDRESS)
    at = next(i for i, letter in enumerate(shown) if i > 1 and letter.isalpha())
    assert code(client.get(URL.replace(shown, shown[:at] + shown[at].swapcase() + shown[at + 1 :])))[0] == 422
    assert tokens(client) == [1, 2, 3, 4, 5]
    assert client.get(URL.replace(shown, shown.lower())).status_code == 200


def test_a_collection_nobody_knows_is_not_found_and_ours_without_tickets_is_empty(client, session):
    assert code(client.get(URL)) == (404, "collection_unknown")
    for part in ("sales", "royalties"):
        assert code(client.get(URL.replace("holders", part))) == (404, "collection_unknown")
    make_collection(session, make_event(session))
    assert client.get(URL).json() == {"items": [], "next_cursor": None}


def pages(client, limit, **params):
    """The tokens of all pages."""
    found, cursor = [], None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        told = client.get(URL, params={"limit": limit, **params, **more}).json()
        found += [one["token_id"] for one in told["items"]]
        cursor = told["next_cursor"]
        if cursor is None:
            return found


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.dictionaries(st.integers(1, 40), st.tuples(st.sampled_from([ALICE, BOB]), st.integers(0, 3)), max_size=15),
    limit=st.integers(1, 16),
    owner=st.sampled_from([None, ALICE, BOB]),
    statuses=st.lists(st.sampled_from(list(enumerate(["LIVE", "LOCKED", "USED", "VOID"]))), max_size=2),
)
def test_pages_and_the_file_are_the_list_each_token_once(client, session, rows, limit, owner, statuses):
    session.execute(delete(Holding))
    session.execute(insert(Holding), [holding(0x7FFF, CAROL)])
    for token, (wallet, status) in rows.items():
        session.execute(insert(Holding), [holding(token, wallet, status=status)])
    params = {"status": [word for _, word in statuses]} | ({} if owner is None else {"owner": "0x" + owner.hex()})
    numbers = {number for number, _ in statuses} or {0, 1, 2, 3}
    wanted = sorted(t for t, (w, s) in rows.items() if (owner is None or w == owner) and s in numbers)
    if owner is None and 0 in numbers:
        wanted.append(0x7FFF)
    assert pages(client, limit, **params) == wanted
    file = client.get(URL, params={**params, "format": "csv"}).text
    assert [int(line["token_id"]) for line in csv.DictReader(io.StringIO(file, newline=""))] == wanted


def test_a_reorg_and_a_mint_between_two_pages_repeat_and_skip_no_token(client, session, now):
    chain = Chain()
    minted = chain.mint(1, [(ALICE, 1)] * 4)
    chain.block().move(minted[2], ALICE, BOB, epoch=1)
    holdings.apply(session, NETWORK, chain.taken())
    first = client.get(URL, params={"limit": 2}).json()
    holdings.undo(session, NETWORK, 11)
    fork = Chain(branch=1)
    fork.block().move(minted[0], ALICE, CAROL, epoch=1)
    fork.block()
    late = fork.mint(2, [(BOB, 1)])
    holdings.apply(session, NETWORK, fork.taken())
    second = client.get(URL, params={"limit": 10, "cursor": first["next_cursor"]}).json()
    assert [one["token_id"] for one in [*first["items"], *second["items"]]] == [*minted, *late]
    assert second["items"][0]["owner"] == show_address(ALICE)


def test_a_cursor_is_good_for_its_list_and_filters_only(client, held):
    cursor = client.get(URL, params={"limit": 1, "tier": 1}).json()["next_cursor"]
    assert tokens(client, tier=1, cursor=cursor, limit=5) == [3, 5]
    for params in ({}, {"tier": 2}, {"tier": 1, "status": "LIVE"}):
        assert code(client.get(URL, params={**params, "cursor": cursor})) == (422, "bad_cursor")
    for url in (URL.replace("holders", "sales"), "/v1/events"):
        assert code(client.get(url, params={"tier": 1, "cursor": cursor})) == (422, "bad_cursor")
    for wrong in (cursor[:-2], cursor + "AA", cursor.swapcase(), "x" * 401):
        assert client.get(URL, params={"tier": 1, "cursor": wrong}).status_code == 422


def test_the_file_is_asked_for_by_header_or_parameter(client, held):
    by_header = client.get(URL, headers={"Accept": "text/csv"})
    assert by_header.headers["content-type"].startswith("text/csv")
    assert by_header.headers["content-disposition"] == f'attachment; filename="holders-{show_address(ADDRESS)}.csv"'
    assert by_header.text == client.get(URL, params={"format": "csv"}).text
    assert by_header.text.splitlines()[0] == ",".join(holders.COLUMNS)
    assert by_header.text.count("\r\n") == 6
    asked = client.get(URL, params={"format": "json"}, headers={"Accept": "text/csv"})
    assert asked.headers["content-type"] == "application/json"
    assert client.get(URL, headers={"Accept": "*/*"}).headers["content-type"] == "application/json"


def test_a_file_is_read_in_pages_and_whole_whatever_their_size(client, session, monkeypatch):
    monkeypatch.setattr(lists, "_LINES_A_READ", 3)
    session.execute(insert(Holding), [holding(token) for token in range(1, 11)])
    for count in (10, 9):
        lines = client.get(URL, params={"format": "csv"}).text.splitlines()
        assert len(lines) == 1 + count
        session.execute(delete(Holding).where(Holding.token_id == 10))


def test_a_file_of_too_many_lines_is_refused_before_it_begins_and_read_in_parts(client, held, monkeypatch):
    monkeypatch.setattr(lists, "MOST_LINES", 4)
    assert code(client.get(URL, params={"format": "csv"})) == (422, "too_many_lines")
    assert client.get(URL, params={"format": "csv", "tier": 1}).status_code == 200
    first = client.get(URL, params={"format": "csv", "limit": 3})
    following = first.links["next"]["url"]
    second = client.get(following)
    found = [line.split(",")[2] for part in (first, second) for line in part.text.splitlines()[1:]]
    assert found == ["1", "2", "3", "4", "5"]
    assert "next" not in second.links


def test_a_bad_cursor_of_a_file_is_an_error_not_a_broken_file(client, held):
    assert code(client.get(URL, params={"format": "csv", "cursor": "made-up"})) == (422, "bad_cursor")


def test_what_has_not_changed_is_not_sent_again(client, session, held, now):
    cursor = ChainCursor(
        network=NETWORK, name=FACTS_CURSOR, block_number=7, block_hash=b"\1", finalized_number=5, updated_at=now
    )
    session.add(cursor)
    session.flush()
    first = client.get(URL)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(URL, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(URL, headers={"If-None-Match": tag, "Accept": "text/csv"}).status_code == 200
    for change in ({"block_hash": b"\2"}, {"block_number": 8}, {"finalized_number": 6}):
        for name, value in change.items():
            setattr(cursor, name, value)
        session.flush()
        fresh = client.get(URL, headers={"If-None-Match": tag})
        assert fresh.status_code == 200
        tag = fresh.headers["ETag"]


def test_nothing_of_a_buyer_is_in_any_of_the_lists(client, held):
    for url in (
        URL,
        URL.replace("holders", "sales"),
        URL.replace("holders", "royalties"),
        URL.replace("holders", "tickets/1/history"),
    ):
        told = json.dumps(client.get(url).json())
        assert not any(word in told for word in ("email", "account_id", "name", "order_id"))
