"""What the box office sells on chain: in the index, in the statement, and as the chain alone tells it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import func, select

from backend.catalog.models import TierPrice
from backend.chain.proving import Moment
from backend.ledger.models import Journal
from backend.royalties import books, onchain
from backend.royalties.audit import books_and_sales
from backend.royalties.models import Sale
from scripts import royalty_statement
from tests.factories.tickets import NETWORK
from tests.resale.conftest import PRICE
from tests.royalties.test_statement import ask, told_by_the_chain
from tests.tickets.purchases import BNB, Buyer, send


@pytest.fixture
def bought(stage):
    """Two tickets bought with BNB from the box office, and one sold on; all final."""
    tier = stage.sale.tier
    tier.prices.append(TierPrice(currency="BNB", amount=BNB, organisation_id=stage.sale.event.organisation_id))
    stage.sale.event.status = "ON_SALE"
    for each in stage.sale.tiers:
        each.on_sale = True
    stage.session.flush()
    buyer = Buyer(stage.client, stage.market, stage.session, stage.sale)
    send(stage.market, buyer.key, buyer.transaction(buyer.order("BNB")))
    stage.buy(stage.buyer, stage.list())
    stage.finish()
    return stage


def sales_of(stage, **params):
    url = f"/v1/collections/0x{stage.collection.address.hex()}/sales"
    return stage.client.get(url, params=params).json()


def test_a_purchase_is_a_sale_of_the_collection_whose_shares_are_its_price(bought):
    [sale] = sales_of(bought, kind="PRIMARY")["items"]
    address = sale["collection"]
    assert (sale["seller"], sale["fee_receiver"], sale["royalty"], sale["quantity"]) == (address, address, "0", 2)
    assert (sale["currency"], sale["decimals"], sale["price"], sale["is_final"]) == ("BNB", 18, str(2 * BNB), True)
    assert int(sale["proceeds"]) + int(sale["fee"]) == 2 * BNB
    both = sales_of(bought)["items"]
    assert [one["kind"] for one in both] == ["SALE", "PRIMARY"]
    assert both[0]["price"] == str(PRICE)


def test_the_audit_of_the_books_asks_a_purchase_for_no_second_journal(bought):
    bought.session.expire_all()
    assert list(books_and_sales(bought.session, Moment(NETWORK, bought.market.port.head().number, b""))) == []


def test_each_ticket_of_a_purchase_finds_it(bought):
    [sale] = sales_of(bought, kind="PRIMARY")["items"]
    first = sale["token_id"]
    for token, found in ((first - 1, 0), (first, 1), (first + 1, 1), (first + 2, 0)):
        assert len(sales_of(bought, token_id=token)["items"]) == found


def test_the_statement_has_both_kinds_as_the_chain_alone_tells_them(bought):
    answer, params = ask(bought, ".csv")
    period = ["--from", params["from"], "--to", params["to"]]
    named = ["--collection", "0x" + bought.collection.address.hex()]
    assert [line.split(",")[8] for line in answer.text.splitlines()] == ["kind", "PRIMARY", "SALE"]
    assert told_by_the_chain(bought.market, *period, *named) == answer.text
    # Twice the same node agrees with itself; the smallest chunks change nothing.
    again = ["--rpc-url", bought.market.node.url, "--chunk", "1"]
    assert told_by_the_chain(bought.market, *period, *named, *again) == answer.text
    totals = {total["kind"]: total for total in ask(bought, "")[0].json()["totals"]}
    assert (totals["PRIMARY"]["tickets"], totals["PRIMARY"]["sales"]) == (2, 1)
    assert totals["PRIMARY"]["price"] == str(2 * BNB)


def test_a_purchase_is_not_posted_to_the_books_of_resale(bought):
    counted = bought.session.scalar(select(func.count()).where(Journal.kind == books.SETTLED))
    assert counted == 1


def test_a_purchase_of_an_undone_block_is_no_sale(bought, session):
    [sale] = session.scalars(select(Sale).where(Sale.kind == 0))
    onchain.forget(session, sale.network, sale.block_number, set())
    assert [one["kind"] for one in sales_of(bought)["items"]] == []


def test_a_ticket_tells_its_mint_and_its_sale_with_what_was_paid(bought):
    ticket = bought.tickets[0]
    told = bought.client.get(f"/v1/tickets/{ticket.id}/history").json()["items"]
    assert [(one["kind"], one["is_final"]) for one in told] == [("MINT", True), ("SALE", True)]
    assert told[0]["sale"] is None  # paid by card
    paid = told[1]["sale"]
    assert (paid["price"], paid["tx_hash"], paid["token_id"]) == (str(PRICE), told[1]["tx_hash"], ticket.token_id)
    assert told[1]["from_owner"] == paid["seller"] and told[1]["to_owner"] == paid["buyer"]
    [sale] = sales_of(bought, kind="PRIMARY")["items"]
    url = f"/v1/collections/{sale['collection']}/tickets/{sale['token_id'] + 1}/history"
    [mint] = bought.client.get(url).json()["items"]
    assert mint["sale"]["price"] == str(2 * BNB)


def test_royalties_are_listed_with_their_sums(bought):
    url = f"/v1/collections/0x{bought.collection.address.hex()}/royalties"
    told = bought.client.get(url).json()
    [one], [total] = told["items"], told["totals"]
    assert one["royalty"] == total["royalty"] == str(PRICE * 500 // 10_000)
    assert (one["currency"], total["sales"], one["receiver"]) == ("BKS", 1, total["receiver"])
    assert bought.client.get(url, params={"currency": "BNB"}).json()["totals"] == []


class _Liar(BaseHTTPRequestHandler):
    """A node that leaves out the first log of each answer."""

    truth = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        with urlopen(Request(self.truth, body, {"content-type": "application/json"})) as answer:  # noqa: S310
            said = answer.read()
        if b"eth_getLogs" in body:
            told = json.loads(said)
            told["result"] = told["result"][1:]
            said = json.dumps(told).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def liar(bought):
    handler = type("Liar", (_Liar,), {"truth": bought.market.node.url})
    server = HTTPServer(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


def test_two_nodes_that_differ_end_the_statement_with_an_error(bought, liar, capsys):
    period = ["--from", "2026-01-01T00:00:00Z", "--to", "2030-01-01T00:00:00Z"]
    asked = ["--market", "0x" + bought.market.market.hex(), "--collection", "0x" + bought.collection.address.hex()]
    with pytest.raises(SystemExit, match="says something else"):
        royalty_statement.main(["--rpc-url", bought.market.node.url, "--rpc-url", liar, *asked, *period])
    with pytest.raises(SystemExit, match="does not answer"):
        royalty_statement.main(["--rpc-url", "http://127.0.0.1:1", *asked, *period])
    assert "secret" not in royalty_statement._host("https://user:secret@node.example/v1/secret")
