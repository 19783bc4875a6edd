"""Fans sell to fans: under the promoter's rules, paid by one transaction, and told beforehand what is refused."""

import pytest

from scripts.demo import trade
from scripts.demo.http import Refused, until
from scripts.demo.people import BKS, GOOD_CARD, pay


def _rich(evening):
    fan = evening.fan()
    token = evening.story.world.manifest["contracts"]["BKS"]["address"]
    evening.story.node.transact(evening.admin.wallet, token, "mint(address,uint256)", fan.address, 200 * BKS)
    return fan


def _ticket_of(evening, fan):
    order = fan.order(evening.show, evening.show.standing, 1)["order"]
    pay(fan.checkout(order["order_id"]), GOOD_CARD)
    fan.await_order(order["order_id"], "FULFILLED")
    [ticket] = fan.tickets(order["order_id"])
    evening.story.held_by(ticket, fan.address)
    return ticket


def _sale_of(evening, ticket):
    def look():
        sales = evening.story.fan.api.get(f"/v1/collections/{evening.show.collection}/sales", kind="SALE")["items"]
        mine = [sale for sale in sales if sale["token_id"] == int(ticket["token_id"])]
        return mine[0] if mine else None

    return until("the sale is in the index", look)


def _refusal(attempt):
    with pytest.raises(Refused) as refused:
        attempt()
    return refused.value.code


def test_a_sale_pays_seller_promoter_and_platform_to_the_wei(evening, house):
    seller, buyer = evening.fan(), _rich(evening)
    ticket, price = _ticket_of(evening, seller), 25 * BKS - 1
    promoter = trade.tokens(evening.story, evening.promoter.address)
    listing = seller.list_ticket(ticket["ticket_id"], price)
    buyer.send(buyer.purchase(listing))
    evening.story.held_by(ticket, buyer.address)
    sale = _sale_of(evening, ticket)
    proceeds, royalty, fee = (int(sale[part]) for part in ("proceeds", "royalty", "fee"))
    assert proceeds + royalty + fee == price
    assert (royalty, fee) == (price * 500 // 10_000, price * 250 // 10_000)
    assert trade.tokens(evening.story, evening.promoter.address) - promoter == royalty
    query = """
        SELECT e.account, e.amount FROM ledger_entries e JOIN journals j ON j.id = e.journal_id
        WHERE j.kind = 'resale_settled' AND e.amount = %s
    """
    until("the royalty is in the books", lambda: house.rows(query, -royalty) or None)
    assert house.rows(query, -royalty) == [("organisation:royalty", -royalty)]
    assert seller.api.get(f"/v1/listings/{listing['id']}")["status"] in {"SETTLING", "SETTLED"}


def test_a_price_over_the_cap_is_refused_before_signing(evening):
    seller = evening.fan()
    ticket = _ticket_of(evening, seller)
    assert _refusal(lambda: seller.list_ticket(ticket["ticket_id"], 25 * BKS + 1)) == "price_above_cap"
    assert seller.list_ticket(ticket["ticket_id"], 25 * BKS)["status"] == "LISTED"


def test_only_the_holder_lists(evening):
    ticket = _ticket_of(evening, evening.fan())
    assert _refusal(lambda: evening.fan().list_ticket(ticket["ticket_id"], BKS)) == "not_your_ticket"


def test_a_listing_dies_when_the_ticket_moves_and_stays_dead_when_it_comes_back(evening):
    seller, friend, buyer = evening.fan(), evening.fan(), _rich(evening)
    ticket = _ticket_of(evening, seller)
    listing = seller.list_ticket(ticket["ticket_id"], BKS)
    kept = buyer.purchase(listing)
    seller.give(ticket["ticket_id"], friend.address)
    evening.story.held_by(ticket, friend.address)
    friend.give(ticket["ticket_id"], seller.address)
    evening.story.held_by(ticket, seller.address)

    def look():
        shown = seller.api.get(f"/v1/listings/{listing['id']}")
        return shown if shown["status"] == "INVALID" else None

    assert until("the listing is invalid", look)["reason"] == "moved"
    assert _refusal(lambda: buyer.purchase(listing)) == "not_listed"
    assert evening.story.node.refusal(kept) == trade.selector("StaleEpoch(uint32,uint32)")


def test_a_used_ticket_is_not_sold(evening):
    fan, buyer = evening.fan(), _rich(evening)
    ticket = _ticket_of(evening, fan)
    listing = fan.list_ticket(ticket["ticket_id"], BKS)
    kept = buyer.purchase(listing)
    challenge = evening.steward.challenge(evening.show, ticket["ticket_id"])
    signature = fan.wallet.sign_typed(challenge["typed_data"])
    assert evening.steward.admit(challenge, signature)["result"] == "ADMITTED"
    assert _refusal(lambda: buyer.purchase(listing)) == "not_listed"
    assert _refusal(lambda: fan.list_ticket(ticket["ticket_id"], BKS)) == "ticket_used"
    token_id = int(ticket["token_id"])
    until("the chain knows", lambda: evening.story.world_view(token_id)["status"] == "USED" or None)
    until("the chain refuses", lambda: evening.story.node.refusal(kept) or None)


def test_one_listing_is_sold_once(evening):
    seller, first, second = evening.fan(), _rich(evening), _rich(evening)
    ticket = _ticket_of(evening, seller)
    listing = seller.list_ticket(ticket["ticket_id"], BKS)
    early, late = first.purchase(listing), second.purchase(listing)
    first.send(early)
    assert evening.story.node.refusal(late) != ""
    evening.story.held_by(ticket, first.address)
    assert trade.tokens(evening.story, second.address) == 200 * BKS
