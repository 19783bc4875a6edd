"""Lists of sales and royalties: filters, files, periods; amounts to the wei."""

import csv
import io
import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from backend.accounts.addresses import show_address
from backend.chain.models import ChainCursor
from backend.chain.progress import FACTS_CURSOR
from backend.royalties import lists
from backend.royalties.models import Sale
from tests.factories.accounts import NOON
from tests.factories.catalog import make_event
from tests.factories.sales import make_sale_row
from tests.factories.tickets import ADDRESS, ALICE, BOB, CAROL, NETWORK, make_collection

URL = f"/v1/collections/{show_address(ADDRESS)}/sales"
ROYALTIES = URL.replace("sales", "royalties")
TOKEN = b"\x0b" * 20
HUGE = 2**200 + 1


@pytest.fixture
def known(session, now):
    """Our collection; blocks up to 3 are final."""
    make_collection(session, make_event(session))
    session.add(ChainCursor(network=NETWORK, name=FACTS_CURSOR, block_number=9, finalized_number=3, updated_at=now))
    session.flush()


@pytest.fixture
def sold(session, known):
    rows = [
        make_sale_row(1, 0, kind=0, token_id=10, quantity=3, seller=ADDRESS, royalty=0, fee=0),
        make_sale_row(2, 5, sold_at=NOON + timedelta(hours=1), buyer=CAROL, currency=TOKEN, price=HUGE),
        make_sale_row(3, 1, sold_at=NOON + timedelta(hours=2), kind=2, royalty=0, seller=BOB, buyer=ALICE),
        make_sale_row(4, 0, sold_at=NOON + timedelta(hours=3), royalty_receiver=ALICE),
    ]
    session.execute(insert(Sale), rows)
    return rows


def blocks(client, url=URL, **params):
    answer = client.get(url, params=params)
    assert answer.status_code == 200, answer.json()
    return [one["block_number"] for one in answer.json()["items"]]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, [4, 3, 2, 1]),
        ({"kind": "PRIMARY"}, [1]),
        ({"kind": ["SALE", "BUYBACK"]}, [4, 3, 2]),
        ({"currency": "BNB"}, [4, 3, 1]),
        ({"currency": "bnb"}, [4, 3, 1]),
        ({"currency": show_address(TOKEN)}, [2]),
        ({"seller": show_address(ADDRESS)}, [1]),
        ({"buyer": "0x" + ALICE.hex()}, [3]),
        ({"token_id": 12}, [1]),
        ({"token_id": 13}, []),
        ({"final": True}, [3, 2, 1]),
        ({"final": False}, [4]),
        ({"from": "2026-06-01T13:00:00Z", "to": "2026-06-01T14:00:00Z"}, [2]),
        ({"from": "2026-06-01T13:00:00Z", "to": "2026-06-01T13:00:00Z"}, []),
    ],
)
def test_filters_leave_what_they_say(client, sold, params, found):
    assert blocks(client, **params) == found


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"from": "2026-06-02T00:00:00Z", "to": "2026-06-01T00:00:00Z"}, "bad_period"),
        ({"currency": "SEK"}, "unknown_currency"),
        ({"currency": "0x12"}, "unknown_currency"),
        ({"currency": "0x" + "00" * 20}, "unknown_currency"),
        ({"kind": "GIFT"}, "invalid_request"),
        ({"from": "yesterday"}, "invalid_request"),
        ({"from": "2026-06-01T00:00:00"}, "invalid_request"),
        ({"token_id": -1}, "invalid_request"),
        ({"buyer": "somebody"}, "invalid_request"),
        ({"limit": 0}, "invalid_request"),
        ({"cursor": "made-up"}, "bad_cursor"),
    ],
)
def test_what_says_nothing_sensible_is_refused_with_its_code(client, sold, params, code):
    for url in (URL,) if params.keys() & {"kind", "buyer"} else (URL, ROYALTIES):
        answer = client.get(url, params=params)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_amounts_are_strings_of_the_smallest_unit_and_sum_to_the_price(client, sold):
    answer = client.get(URL)
    for one in json.loads(answer.text)["items"]:
        parts = [one[name] for name in ("proceeds", "royalty", "fee", "price")]
        assert all(isinstance(part, str) for part in parts)
        assert sum(map(int, parts[:3])) == int(parts[3])
    unknown = answer.json()["items"][2]
    assert (unknown["currency"], unknown["decimals"], unknown["price"]) == (show_address(TOKEN), None, str(HUGE))


def test_the_file_has_wei_and_decimal_text(client, sold):
    text = client.get(URL, params={"format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(rows[0]) == list(lists.SALE_COLUMNS)
    assert [row["price"] for row in rows] == ["1000", "1000", str(HUGE), "1000"]
    assert [row["price_decimal"] for row in rows] == ["0.000000000000001000"] * 2 + ["", "0.000000000000001000"]
    assert (rows[0]["sold_at"], rows[0]["is_final"], rows[1]["is_final"]) == ("2026-06-01T15:00:00Z", "false", "true")


def test_royalties_are_those_that_were_paid_and_their_sums(client, sold):
    assert blocks(client, ROYALTIES) == [4, 2]
    assert blocks(client, ROYALTIES, receiver="0x" + CAROL.hex()) == [2]
    told = client.get(ROYALTIES, params={"limit": 1}).json()
    assert client.get(ROYALTIES, params={"limit": 1, "cursor": told["next_cursor"]}).json()["totals"] is None
    sums = {(one["receiver"], one["currency"]): (one["sales"], one["price"], one["royalty"]) for one in told["totals"]}
    assert sums == {
        (show_address(ALICE), "BNB"): (1, "1000", "50"),
        (show_address(CAROL), show_address(TOKEN)): (1, str(HUGE), "50"),
    }
    lines = client.get(ROYALTIES, params={"format": "csv"}).text.splitlines()
    assert lines[0] == ",".join(lists.ROYALTY_COLUMNS) and len(lines) == 3


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.dictionaries(
        st.tuples(st.integers(1, 6), st.integers(0, 3)),
        st.tuples(st.integers(0, 2), st.sampled_from([0, 50])),
        max_size=12,
    ),
    limit=st.integers(1, 13),
    kinds=st.lists(st.sampled_from([0, 1, 2]), max_size=2, unique=True),
    final=st.sampled_from([None, True, False]),
)
def test_pages_and_the_file_are_the_list_each_sale_once(client, session, known, places, limit, kinds, final):
    session.execute(delete(Sale))
    for (block, index), (kind, royalty) in places.items():
        session.execute(insert(Sale), [make_sale_row(block, index, kind=kind, royalty=royalty)])
    params = {"kind": [("PRIMARY", "SALE", "BUYBACK")[kind] for kind in kinds]}
    params |= {} if final is None else {"final": final}
    wanted = [
        place
        for place, (kind, _) in sorted(places.items(), reverse=True)
        if (not kinds or kind in kinds) and (final is None or (place[0] <= 3) == final)
    ]
    found, cursor = [], None
    while True:
        told = client.get(URL, params={"limit": limit, **params, **({"cursor": cursor} if cursor else {})}).json()
        found += [(one["block_number"], one["log_index"]) for one in told["items"]]
        cursor = told["next_cursor"]
        if cursor is None:
            break
    assert found == wanted
    file = client.get(URL, params={**params, "format": "csv"}).text
    lines = csv.DictReader(io.StringIO(file, newline=""))
    assert [(int(line["block_number"]), int(line["log_index"])) for line in lines] == wanted
