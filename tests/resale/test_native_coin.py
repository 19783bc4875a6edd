"""Resale in the network's own coin over HTTP, on the real market: the price comes along with the transaction."""

import csv
import io
from datetime import timedelta

import pytest

from backend.chain import abi
from backend.chain.port import CallReverted
from backend.ledger.service import balance
from backend.royalties import books
from backend.tickets import service
from tests.resale.conftest import FEE_BPS

FACE = 10**17
PRICE = 9 * 10**16 + 7


@pytest.fixture
def rules() -> dict:
    """The collection's one resale currency is the coin."""
    return {"currency": "BNB", "tiers": [{"number": 1, "face": str(FACE)}]}


def coins(stage, wallet: bytes) -> int:
    return stage.market.port.balance(wallet)


def bought(stage, listing):
    """Ask for the transaction: there is nothing to sign before it."""
    answer = stage.post(stage.buyer, f"/v1/listings/{listing['id']}/buy", max_price=str(PRICE))
    assert answer.status_code == 200, answer.json()
    words = answer.json()
    assert (words["permit"], words["approval"]) == (None, None)
    assert int(words["transaction"]["value"], 16) == PRICE
    return words["transaction"]


def test_a_sale_in_coins_pays_everyone_to_the_wei(stage):
    listing = stage.list(price=PRICE)
    assert listing["currency"] == "BNB"
    royalty, fee = PRICE * 500 // 10_000, PRICE * FEE_BPS // 10_000
    assert (listing["royalty"], listing["fee"]) == (str(royalty), str(fee))
    receivers = (stage.seller.wallet, stage.promoter.wallet, stage.market.admin)
    before = [coins(stage, wallet) for wallet in (*receivers, stage.buyer.wallet)]
    receipt = stage.market.send(stage.buyer.key, bought(stage, listing))
    after = [coins(stage, wallet) for wallet in (*receivers, stage.buyer.wallet)]
    gas = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    proceeds = PRICE - royalty - fee
    assert [now - then for now, then in zip(after, before, strict=True)] == [proceeds, royalty, fee, -PRICE - gas]
    stage.finish()
    assert stage.listing(listing) == ("SETTLED", None)
    assert service.holding_of(stage.session, stage.tickets[0].id).owner == stage.buyer.wallet
    # the index
    [sale] = stage.client.get(f"/v1/collections/0x{stage.collection.address.hex()}/sales").json()["items"]
    assert (sale["currency"], sale["price"], sale["proceeds"]) == ("BNB", str(PRICE), str(proceeds))
    # the books
    organisation = stage.sale.event.organisation_id
    accounts = (books.PAID, books.PROCEEDS, books.ROYALTY, books.FEE)
    amounts = [balance(stage.session, organisation, account, "BNB").amount for account in accounts]
    assert amounts == [PRICE, -proceeds, -royalty, -fee]
    assert balance(stage.session, organisation, books.PAID, "BKS").amount == 0


def test_the_statement_tells_coins_apart(stage):
    stage.market.send(stage.buyer.key, bought(stage, stage.list(price=PRICE)))
    stage.finish()
    now = stage.market.now()
    period = {"from": (now - timedelta(days=1)).isoformat(), "to": (now + timedelta(days=1)).isoformat()}
    url = f"/v1/organisations/{stage.sale.event.organisation_id}/royalties/statement"
    [total] = stage.client.get(url, headers=stage.promoter.headers, params=period).json()["totals"]
    assert (total["currency"], total["sales"], total["price"]) == ("BNB", 1, str(PRICE))
    lines = stage.client.get(f"{url}.csv", headers=stage.promoter.headers, params=period).text
    [line] = list(csv.DictReader(io.StringIO(lines)))
    assert (line["currency"], line["price"]) == ("0x" + "0" * 40, str(PRICE))


def test_a_cap_is_in_coins_too(stage):
    refused = stage.post(stage.seller, "/v1/listings", ticket_id=str(stage.tickets[0].id), price=str(FACE + 1))
    error = refused.json()["error"]
    assert (error["code"], error["details"]["cap"]) == ("price_above_cap", str(FACE))


def test_who_has_too_few_coins_is_told_before_signing(stage, people):
    poor = people()
    stage.market.node.fund(poor.key.address, PRICE - 1)
    listing = stage.list(price=PRICE)
    answer = stage.post(poor, f"/v1/listings/{listing['id']}/buy", max_price=str(PRICE))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["details"]["needed"]) == (409, "not_enough_tokens", str(PRICE))


def test_a_coin_more_or_less_buys_nothing(stage):
    listing = stage.list(price=PRICE)
    sent = bought(stage, listing)
    data = bytes.fromhex(sent["data"][2:])
    for value in (0, PRICE - 1, PRICE + 1):
        with pytest.raises(CallReverted) as reverted:
            stage.market.port.call(stage.market.market, data, sender=stage.buyer.wallet, value=value)
        assert abi.decode_revert(None, reverted.value.data) == ("WrongValue", {"expected": PRICE, "given": value})


def test_nobody_offers_coins(stage):
    answer = stage.post(stage.buyer, "/v1/offers", ticket_id=str(stage.tickets[0].id), price=str(PRICE))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unknown_currency")


def test_a_paused_token_does_not_concern_sales_in_coins(stage):
    listing = stage.list(price=PRICE)
    stage.market.call("BKS", stage.market.bks, "pause", [])
    stage.market.send(stage.buyer.key, bought(stage, listing))
    stage.finish()
    assert stage.listing(listing) == ("SETTLED", None)
