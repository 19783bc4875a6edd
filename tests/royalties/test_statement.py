"""A promoter's statement: what the index makes of the sales, and what the chain alone says."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from backend.accounts.models import Role
from backend.ledger.models import Journal
from backend.royalties import books, onchain
from backend.royalties.models import Sale
from backend.tickets import deploy
from scripts import royalty_statement
from tests.factories.accounts import grant, make_organisation
from tests.resale.conftest import FEE_BPS, PRICE, mint

ROOT = Path(__file__).resolve().parents[2]


def told_by_the_chain(market, *arguments: str) -> str:
    command = [sys.executable, "scripts/royalty_statement.py", "--rpc-url", market.node.url]
    command += ["--market", "0x" + market.market.hex(), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def refused_by_the_script(chain, *arguments: str, **changes) -> str:
    asked = {"--rpc-url": chain.node.url, "--market": "0x" + chain.market.hex()}
    asked |= {"--from": "2026-01-01T00:00:00Z", "--to": "2027-01-01T00:00:00Z"}
    asked |= {"--" + name: value for name, value in changes.items()}
    words = [word for pair in asked.items() for word in pair]
    command = [sys.executable, "scripts/royalty_statement.py", *words, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert done.stdout == "", "not even a heading: a file with one would pass for an empty statement"
    return done.stderr


def test_what_cannot_tell_is_refused_before_a_heading_is_written(stage):
    market = stage.market
    ours, nobody = "0x" + stage.collection.address.hex(), "0x" + "00" * 18 + "dead"
    assert "there is no contract" in refused_by_the_script(market, "--collection", ours, market=nobody)
    for other in (market.bks, market.factory, stage.collection.address):
        said = refused_by_the_script(market, "--collection", ours, market="0x" + other.hex())
        assert "no ResaleMarket" in said
    assert "no collection of the market's factory" in refused_by_the_script(market, "--collection", nobody)
    found = ("--promoter", stage.promoter.key.address, "--event", str(stage.sale.event.id))
    assert "the market serves the factory" in refused_by_the_script(market, *found, factory=nobody)
    factory = "0x" + market.factory.hex()
    said = refused_by_the_script(market, "--promoter", nobody, "--event", str(stage.sale.event.id), factory=factory)
    assert "deployed no collection" in said


def test_another_market_of_the_same_factory_is_refused(stage):
    """Its statement would leave out every resale: a collection is sold on one market for good."""

    class Elsewhere(royalty_statement.Nodes):
        def call(self, address, signature, argument=b""):
            found = super().call(address, signature, argument)
            return found if signature != "market()" else bytes(12) + b"\7" * 20

    market, ours = "0x" + stage.market.market.hex(), "0x" + stage.collection.address.hex()
    royalty_statement.check_markets(royalty_statement.Nodes(stage.market.node.url), market, [ours])
    with pytest.raises(SystemExit, match=r"is sold on 0x0707"):
        royalty_statement.check_markets(Elsewhere(stage.market.node.url), market, [ours])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--collection", "0x" + "zz" * 20), "is not an address"),
        (("--collection", "0x12"), "is not an address"),
        (("--collection", "0x52908400098527886E0F7030069857D2E4169Ee7"), "wrong checksum"),
        (("--collection", "0x" + "12" * 20, "--chunk", "0"), "no whole number of 1 or more"),
        (("--collection", "0x" + "12" * 20, "--chunk", "many"), "no whole number of 1 or more"),
        (("--collection", "0x" + "12" * 20, "--from-block", "-1"), "no whole number of 0 or more"),
        (("--collection", "0x" + "12" * 20, "--from", "soon"), "no moment"),
    ],
)
def test_malformed_options_are_named(market, arguments, word):
    assert word in refused_by_the_script(market, *arguments)


@pytest.fixture
def sold(stage):
    """Two sales of two tickets at odd prices, final."""
    from tests.factories.tickets import tickets_of

    more = tickets_of(stage.session, mint(stage, stage.seller.wallet, 1).id)
    for ticket, price in ((stage.tickets[0], PRICE), (more[0], PRICE - 12_345)):
        stage.buy(stage.buyer, stage.list(ticket=ticket, price=price), price)
    stage.finish()
    return stage


def ask(stage, kind: str, **period):
    organisation = stage.sale.event.organisation_id
    now = stage.market.now()
    params = {"from": (now - timedelta(days=1)).isoformat(), "to": (now + timedelta(days=1)).isoformat()} | period
    url = f"/v1/organisations/{organisation}/royalties/statement{kind}"
    return stage.client.get(url, headers=stage.promoter.headers, params=params), params


def test_the_statement_is_what_the_chain_alone_says(sold):
    answer, params = ask(sold, ".csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert len(answer.text.splitlines()) == 3
    period = ["--from", params["from"], "--to", params["to"]]
    one = told_by_the_chain(sold.market, *period, "--collection", "0x" + sold.collection.address.hex())
    assert one == answer.text
    found = ["--factory", "0x" + sold.market.factory.hex(), "--promoter", sold.promoter.key.address]
    found += ["--event", str(sold.sale.event.id)]
    assert told_by_the_chain(sold.market, *period, *found, "--chunk", "7") == answer.text


def test_a_collection_the_promoter_deployed_by_itself_is_in_neither(stage):
    other = uuid4()
    aside = deploy.params_of(stage.collection) | {"eventRef": other.int.to_bytes(32, "big")}
    stage.market.call(
        "CollectionFactory", stage.market.factory, "deploy", [aside, 2**63, b""], sender=stage.promoter.wallet
    )
    stage.finish()
    node = royalty_statement.Nodes(stage.market.node.url)
    of = ["0x" + stage.market.factory.hex(), stage.promoter.key.address]

    def named(*events):
        found = royalty_statement.collections_of(node, *of, list(events), (0, stage.market.port.head().number), 5_000)
        return [bytes.fromhex(address[2:]) for address in found]

    assert named(stage.sale.event.id) == [stage.collection.address]
    assert len(named(stage.sale.event.id, other)) == 2
    period = ["--from", "2026-01-01T00:00:00Z", "--to", "2027-01-01T00:00:00Z"]
    nameless = ["--rpc-url", stage.market.node.url, "--market", of[0], *period, "--factory", of[0], "--promoter", of[1]]
    with pytest.raises(SystemExit):
        royalty_statement.main(nameless)


def test_the_totals_are_the_sum_of_the_lines_to_the_wei(sold):
    [total] = ask(sold, "")[0].json()["totals"]
    prices = [PRICE, PRICE - 12_345]
    royalty, fee = (sum(price * bps // 10_000 for price in prices) for bps in (500, FEE_BPS))
    assert total["sales"] == 2 and total["currency"] == "BKS" and total["kind"] == "SALE"
    assert [total["price"], total["royalty"], total["fee"]] == [str(sum(prices)), str(royalty), str(fee)]
    assert total["proceeds"] == str(sum(prices) - royalty - fee)


def test_a_period_holds_what_was_sold_in_it_and_nothing_else(sold):
    moment = sold.session.scalars(select(Sale.sold_at).order_by(Sale.block_number)).first()
    before, _ = ask(sold, "", to=moment.isoformat())
    assert before.json()["totals"] == []
    backwards, _ = ask(sold, "", to="2020-01-01T00:00:00Z")
    assert backwards.json()["error"]["code"] == "bad_period"


def test_only_who_manages_the_organisation_reads_its_statement(sold, people):
    other = people()
    grant(sold.session, other.wallet, Role.PROMOTER, make_organisation(sold.session, "Another").id)
    now = sold.market.now().isoformat()
    url = f"/v1/organisations/{sold.sale.event.organisation_id}/royalties/statement"
    refused = sold.client.get(url, headers=other.headers, params={"from": now, "to": now})
    assert refused.json()["error"]["code"] == "not_your_organisation"


def test_a_sale_is_posted_once_however_often_its_log_is_final(sold):
    def journals():
        return sold.session.scalar(select(func.count()).where(Journal.kind == books.SETTLED))

    assert journals() == 2
    again = [
        log
        for log in sold.market._logs_of(0, sold.market.port.finalized().number)
        if log.address == sold.market.market and len(log.topics) == 4
    ]
    onchain.keep(sold.session, "eip155:31337", again)
    onchain.post(sold.session, "eip155:31337", again)
    assert journals() == 2
    assert sold.session.scalar(select(func.count()).select_from(Sale)) == 2


def test_a_sale_that_is_not_final_is_in_the_index_and_not_in_the_statement(stage):
    stage.buy(stage.buyer, stage.list())
    stage.market.follow()
    url = f"/v1/collections/0x{stage.collection.address.hex()}/sales"
    assert len(stage.client.get(url).json()["items"]) == 1
    assert ask(stage, "")[0].json()["totals"] == []
    assert stage.session.scalar(select(func.count()).where(Journal.kind == books.SETTLED)) == 0


def test_sales_come_in_pages(sold):
    url = f"/v1/collections/0x{sold.collection.address.hex()}/sales"
    first = sold.client.get(url, params={"limit": 1}).json()
    second = sold.client.get(url, params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [page["items"][0]["price"] for page in (first, second)] == [str(PRICE - 12_345), str(PRICE)]
    assert second["next_cursor"] is None


def test_the_command_says_how_it_is_used():
    done = subprocess.run(
        [sys.executable, "scripts/royalty_statement.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert b"--market" in done.stdout
