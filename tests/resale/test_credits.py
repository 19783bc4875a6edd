"""Who cannot be paid is credited by the market: the house says so, and how to take it out."""

import pytest
from sqlalchemy import func, select

from backend.resale.models import MarketCredit, MarketLog
from backend.royalties import rules
from backend.royalties.models import Sale
from tests.resale.conftest import FEE_BPS, PRICE
from tests.resale.test_sell_back import fund

REFUSES = "0x60006000fd"
"""Code that reverts whatever comes."""


def credits_of(stage, wallet):
    return stage.client.get(f"/v1/wallets/0x{wallet.hex()}/credits").json()


def sales_of(stage):
    return stage.client.get(f"/v1/collections/0x{stage.collection.address.hex()}/sales").json()["items"]


def withdraw(stage, who, currency="BKS", to=None):
    return stage.post(who, "/v1/credits/withdrawals", currency=currency, to=to or who.key.address)


@pytest.fixture
def sold_back_while_paused(stage, people):
    """A ticket is sold back while BKS is paused: the ticket goes, the money waits."""
    base = fund(stage)
    stage.post(stage.promoter, f"{base}/line", tier_id=str(stage.sale.tier.id), wallet=people().key.address)
    made = stage.post(stage.seller, f"/v1/tickets/{stage.tickets[0].id}/sell-back").json()
    stage.market.call("BKS", stage.market.bks, "pause", [])
    stage.market.send(stage.seller.key, made["transaction"])
    stage.market.follow()
    return made


def test_a_seller_who_could_not_be_paid_sees_it_and_takes_it_out(stage, people, sold_back_while_paused):
    [sale] = sales_of(stage)
    assert (sale["kind"], sale["proceeds"], sale["credited"]) == ("BUYBACK", str(PRICE), ["SELLER"])
    waiting = {"currency": "BKS", "amount": str(PRICE), "is_final": False}
    assert credits_of(stage, stage.seller.wallet) == [waiting]
    stage.finish()
    assert credits_of(stage, stage.seller.wallet) == [{**waiting, "is_final": True}]
    # While the token is paused the market cannot pay either, and nobody else has anything to take.
    assert withdraw(stage, stage.seller).json()["error"]["details"]["reason"] == "PaymentFailed"
    assert withdraw(stage, stage.buyer).json()["error"]["details"]["reason"] == "NothingToWithdraw"
    stage.market.call("BKS", stage.market.bks, "unpause", [])
    other = people()
    taken = withdraw(stage, stage.seller, to=other.key.address)
    assert taken.status_code == 200, taken.json()
    stage.market.send(stage.seller.key, taken.json()["transaction"])
    stage.market.follow()
    assert stage.market.bks_of(other.wallet) == PRICE
    assert credits_of(stage, stage.seller.wallet) == []
    assert sales_of(stage)[0]["credited"] == ["SELLER"], "what happened at the sale stays"


def test_a_reorg_takes_credits_back_and_reading_twice_counts_once(stage, sold_back_while_paused):
    def rows():
        return stage.session.scalar(select(func.count()).select_from(MarketCredit))

    assert rows() == 1
    stage.market._followed -= 2
    stage.market.follow()
    assert (rows(), len(credits_of(stage, stage.seller.wallet))) == (1, 1)
    stage.market.undo(2)
    assert (rows(), credits_of(stage, stage.seller.wallet), sales_of(stage)) == (0, [], [])


@pytest.mark.parametrize("currency", ["DOUBLOON", "0x12", "0x" + "00" * 20])
def test_a_currency_nobody_knows_is_refused(stage, currency):
    refused = withdraw(stage, stage.seller, currency)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "unknown_currency")


def test_a_sale_that_paid_everybody_credits_nobody(stage):
    listing = stage.list()
    stage.buy(stage.buyer, listing)
    stage.finish()
    assert sales_of(stage)[0]["credited"] == []
    assert stage.client.get(f"/v1/listings/{listing['id']}").json()["proceeds_credited"] is False
    assert credits_of(stage, stage.seller.wallet) == []


class TestInCoins:
    """A wallet of code may refuse the coin."""

    @pytest.fixture
    def rules(self) -> dict:
        return {"currency": "BNB", "tiers": [{"number": 1, "face": str(10**17)}]}

    def test_a_royalty_that_its_receiver_refuses_is_not_the_sellers_credit(self, stage):
        price = 9 * 10**16
        listing = stage.list(price=price)
        stage.market.ask("anvil_setCode", stage.promoter.key.address, REFUSES)
        answer = stage.post(stage.buyer, f"/v1/listings/{listing['id']}/buy", max_price=str(price)).json()
        stage.market.send(stage.buyer.key, answer["transaction"])
        stage.finish()
        [sale] = sales_of(stage)
        assert (sale["credited"], sale["royalty"]) == (["ROYALTY_RECEIVER"], str(price * 500 // 10_000))
        [kept] = credits_of(stage, stage.promoter.wallet)
        assert kept == {"currency": "BNB", "amount": sale["royalty"], "is_final": True}
        shown = stage.client.get(f"/v1/listings/{listing['id']}").json()
        assert (shown["status"], shown["proceeds_credited"]) == ("SETTLED", False)

    def test_a_listing_whose_seller_refuses_the_coin_says_so(self, stage):
        from tests.factories.accounts import make_key
        from tests.resale.test_smart_wallets import ticket_of
        from tests.resale.wallets import deploy

        wallet = deploy(stage, "SmartWallet", make_key())
        price = 9 * 10**16
        listing = stage.list(wallet, ticket_of(stage, wallet), price)
        answer = stage.post(stage.buyer, f"/v1/listings/{listing['id']}/buy", max_price=str(price)).json()
        stage.market.send(stage.buyer.key, answer["transaction"])
        stage.finish()
        [sale] = sales_of(stage)
        proceeds = price - price * 500 // 10_000 - price * FEE_BPS // 10_000
        assert (sale["credited"], sale["proceeds"]) == (["SELLER"], str(proceeds))
        assert stage.client.get(f"/v1/listings/{listing['id']}").json()["proceeds_credited"] is True
        url = f"/v1/events/{stage.sale.event.id}/listings"
        [shown] = stage.client.get(url, params={"standing": "SETTLED"}).json()["items"]
        assert shown["proceeds_credited"] is True
        assert credits_of(stage, wallet.wallet)[0]["amount"] == str(proceeds)
        assert stage.session.scalar(select(MarketLog.is_credited).where(MarketLog.kind == "SOLD")) is True
        assert stage.session.scalar(select(Sale.credited)) == rules.CREDITED["SELLER"]


A, B = b"\x0a" * 20, b"\x0b" * 20
SHARES = {"SELLER": (A, 90), "ROYALTY_RECEIVER": (B, 5), "FEE_RECEIVER": (B, 5)}


@pytest.mark.parametrize(
    ("kept", "names"),
    [
        ([], []),
        ([(A, 90)], ["SELLER"]),
        ([(B, 5)], ["ROYALTY_RECEIVER"]),
        ([(B, 5), (B, 5)], ["ROYALTY_RECEIVER", "FEE_RECEIVER"]),
        ([(A, 90), (B, 5), (B, 5)], ["SELLER", "ROYALTY_RECEIVER", "FEE_RECEIVER"]),
        ([(A, 5)], []),
    ],
)
def test_shares_are_told_apart_by_whose_they_are_how_much_and_their_order(kept, names):
    assert [name for name, bit in rules.CREDITED.items() if rules.credited(SHARES, kept) & bit] == names
