"""Selling back to the box office, on the real market."""

from datetime import timedelta

import pytest

from backend.accounts.models import Role
from backend.ledger.service import balance
from backend.royalties import books
from backend.tickets import service
from tests.factories.accounts import grant, sign_typed_data, signed_in
from tests.factories.tickets import tickets_of
from tests.resale.conftest import FACE, PRICE, Fan, mint


def fund(stage, amount=PRICE):
    """The promoter sets the price of tier 1 and pays in."""
    base = f"/v1/events/{stage.sale.event.id}/buyback"
    stage.market.call("BKS", stage.market.bks, "mint", [stage.promoter.wallet, amount])
    price = stage.post(stage.promoter, f"{base}/prices", tier_id=str(stage.sale.tier.id), price=str(PRICE))
    assert price.status_code == 200, price.json()
    stage.market.send(stage.promoter.key, price.json()["transaction"])
    asked = stage.post(stage.promoter, f"{base}/fund", amount=str(amount)).json()
    signature = "0x" + sign_typed_data(stage.promoter.key, asked["permit"]).hex()
    permit = {"deadline": asked["permit"]["message"]["deadline"], "signature": signature}
    paid = stage.post(stage.promoter, f"{base}/fund", amount=str(amount), permit=permit)
    assert paid.status_code == 200, paid.json()
    stage.market.send(stage.promoter.key, paid.json()["transaction"])
    return base


def test_a_ticket_sold_back_goes_straight_to_the_next_in_line(stage, people):
    first, second = people(), people()
    base = fund(stage)
    line = {"tier_id": str(stage.sale.tier.id)}
    for who in (first, second):
        joined = stage.post(stage.promoter, f"{base}/line", **line, wallet=who.key.address)
        assert joined.status_code == 201, joined.json()
    again = stage.post(stage.promoter, f"{base}/line", **line, wallet=first.key.address)
    assert again.json()["error"]["code"] == "already_in_line"
    shown = stage.client.get(base).json()
    assert (shown["fund"], shown["tiers"][0]["price"], shown["tiers"][0]["waiting"]) == (str(PRICE), str(PRICE), 2)
    ticket = stage.tickets[0]
    made = stage.post(stage.seller, f"/v1/tickets/{ticket.id}/sell-back")
    assert made.status_code == 201, made.json()
    assert made.json()["next_wallet"] == first.key.address
    stage.market.send(stage.seller.key, made.json()["transaction"])
    stage.finish()
    assert service.holding_of(stage.session, ticket.id).owner == first.wallet
    assert stage.market.bks_of(stage.seller.wallet) == PRICE
    places = stage.client.get(f"{base}/line", headers=stage.promoter.headers).json()["items"]
    assert [place["served_at"] is not None for place in places] == [True, False]
    organisation = stage.sale.event.organisation_id
    assert balance(stage.session, organisation, books.BUYBACKS, "BKS").amount == PRICE
    assert balance(stage.session, organisation, books.ROYALTY, "BKS").amount == 0
    [sale] = stage.client.get(f"/v1/collections/0x{stage.collection.address.hex()}/sales").json()["items"]
    assert (sale["kind"], sale["royalty"], sale["fee"]) == ("BUYBACK", "0", "0")


def test_a_turn_keeps_its_place_until_it_expires(stage, people):
    first, rival = people(), people()
    base = fund(stage, 3 * PRICE)
    stage.post(stage.promoter, f"{base}/line", tier_id=str(stage.sale.tier.id), wallet=first.key.address)
    url = f"/v1/tickets/{stage.tickets[0].id}/sell-back"
    turn = stage.post(stage.seller, url).json()["turn_id"]
    # Asking again keeps no second place.
    assert stage.post(stage.seller, url).json()["turn_id"] == turn
    more = tickets_of(stage.session, mint(stage, rival.wallet, 1).id)[0]
    other = f"/v1/tickets/{more.id}/sell-back"
    assert stage.post(rival, other).json()["error"]["code"] == "nobody_in_line"
    stage.market.late += timedelta(minutes=16)
    # The turn is over by our clock. Its sale may still be in a block that is not final: the place stays kept.
    assert stage.post(rival, other).json()["error"]["code"] == "nobody_in_line"
    pass_on_chain(stage)
    answer = stage.post(rival, other)
    assert answer.status_code == 201, answer.json()
    assert answer.json()["next_wallet"] == first.key.address


def pass_on_chain(stage):
    """Let the chain's own clock come up to ours, in final and indexed blocks."""
    stage.market.ask("evm_setNextBlockTimestamp", int(stage.market.now().timestamp()))
    stage.finish()
    stage.finish()


def test_nothing_is_bought_back_without_a_price_or_a_line(stage):
    url = f"/v1/tickets/{stage.tickets[0].id}/sell-back"
    assert stage.post(stage.seller, url).json()["error"]["code"] == "no_buyback"
    fund(stage)
    assert stage.post(stage.seller, url).json()["error"]["code"] == "nobody_in_line"
    assert stage.post(stage.buyer, url).json()["error"]["code"] == "not_your_ticket"


def test_another_promoter_neither_prices_nor_pays(stage, people):
    other = people()
    grant(stage.session, other.wallet, Role.PROMOTER, stage.sale.event.organisation_id)
    base = f"/v1/events/{stage.sale.event.id}/buyback"
    # Of the same organisation, but the collection is not that wallet's: the market says so.
    answer = stage.post(other, f"{base}/prices", tier_id=str(stage.sale.tier.id), price="1").json()["error"]
    assert (answer["code"], answer["details"]["reason"]) == ("call_would_revert", "NotCollectionOwner")


NEVER_FROZEN = {"tiers": [{"number": 1, "face": str(FACE)}], "freeze_at": None}


@pytest.mark.parametrize("rules", [NEVER_FROZEN])
def test_a_ticket_bought_back_is_not_bought_back_again_for_a_day(stage, people):
    first, second = people(), people()
    base = fund(stage, 3 * PRICE)
    for who in (first, second):
        stage.post(stage.promoter, f"{base}/line", tier_id=str(stage.sale.tier.id), wallet=who.key.address)
    ticket = stage.tickets[0]
    url = f"/v1/tickets/{ticket.id}/sell-back"
    stage.market.send(stage.seller.key, stage.post(stage.seller, url).json()["transaction"])
    stage.finish()
    mined = int(stage.market.port.head().timestamp.timestamp())  # a block or two after the sale's
    told = stage.post(first, url).json()["error"]
    # Told before anything is signed, and no place in line is kept for it.
    assert told["code"] == "bought_back_lately"
    until = told["details"]["until"]
    assert until == stage.market.read("ResaleMarket", stage.market.market, "buybackReadyAt", *token(ticket, stage))
    assert mined - 60 <= until - 86_400 <= mined
    stage.market.late += timedelta(days=1)
    pass_on_chain(stage)
    late = Fan(first.key, signed_in(stage.session, first.wallet, stage.market.now()))
    made = stage.post(late, url)
    assert made.status_code == 201, made.json()
    assert made.json()["next_wallet"] == second.key.address
    stage.market.send(first.key, made.json()["transaction"])
    stage.finish()
    assert service.holding_of(stage.session, ticket.id).owner == second.wallet


def token(ticket, stage):
    return stage.collection.address, service.holding_of(stage.session, ticket.id).token_id


@pytest.mark.parametrize(("scopes", "code"), [(1, "box_office_paused"), (5, "box_office_paused"), (4, "resale_paused")])
def test_a_paused_box_office_gives_no_turn(stage, people, scopes, code):
    base = fund(stage)
    stage.post(stage.promoter, f"{base}/line", tier_id=str(stage.sale.tier.id), wallet=people().key.address)
    pause = ["TicketCollection", stage.collection.address, "setPaused"]
    stage.market.call(*pause, [scopes], stage.promoter.wallet)
    url = f"/v1/tickets/{stage.tickets[0].id}/sell-back"
    assert stage.post(stage.seller, url).json()["error"]["code"] == code
    # Fans go on selling to each other while only the box office rests.
    listed = stage.post(stage.seller, "/v1/listings", ticket_id=str(stage.tickets[0].id), price=str(PRICE))
    assert listed.status_code == (201 if scopes == 1 else 409)
    stage.market.call(*pause, [0], stage.promoter.wallet)
    assert stage.post(stage.seller, url).status_code == 201


def test_a_price_above_the_cap_is_refused_before_it_is_signed(stage):
    url, tier = f"/v1/events/{stage.sale.event.id}/buyback/prices", str(stage.sale.tier.id)
    cap = stage.market.read("TicketCollection", stage.collection.address, "capOf", stage.tickets[0].token_id)
    assert stage.post(stage.promoter, url, tier_id=tier, price=str(cap)).status_code == 200
    assert stage.post(stage.promoter, url, tier_id=tier, price="0").status_code == 200
    refused = stage.post(stage.promoter, url, tier_id=tier, price=str(cap + 1))
    assert refused.status_code == 409
    error = refused.json()["error"]
    assert (error["code"], error["details"]) == ("price_above_cap", {"cap": str(cap), "price": str(cap + 1)})
