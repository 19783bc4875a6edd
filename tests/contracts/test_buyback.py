"""Selling back to the box office: the promoter's price and money, and straight to the next in line."""

import ape
import pytest
import signing
from trading import ANNAS, Desk, refused, struct_hash
from world import BUYBACK, FACE, LIVE, ZERO, entries, events, rules

PRICE = FACE * 9 // 10


@pytest.fixture(scope="module")
def desk(launch, people, market, bks):
    """Resale is off; the box office buys tier 1 back for 0.9 and has money for two."""
    made = launch(eventRef=b"\x30".rjust(32, b"\0"), rules=rules(resale=False))
    made.mintBatch(1, entries((people.anna, 1), (people.ben, 2)), sender=people.minter)
    bks.approve(market, 10 * FACE, sender=people.promoter)
    market.setBuybackPrice(made, 1, PRICE, sender=people.promoter)
    market.fundBuyback(made, 2 * PRICE, signing.NO_PERMIT, sender=people.promoter)
    return Desk(market, made, people, bks)


def test_a_ticket_sold_back_goes_straight_to_the_next_in_line(desk, people, bks):
    before = bks.balanceOf(people.anna)
    given = desk.turn(price=PRICE)
    receipt = desk.sell_back(given)
    assert desk.collection.ticket(ANNAS) == (people.cleo, 1, LIVE, 1)
    assert bks.balanceOf(people.anna) - before == PRICE
    assert desk.market.buybackFund(desk.collection) == PRICE == bks.balanceOf(desk.market)
    assert events(receipt, "TicketMoved") == [{"tokenId": ANNAS, "kind": BUYBACK, "epoch": 1}]
    assert events(receipt, "Sale") == [
        {
            "collection": desk.collection.address,
            "tokenId": ANNAS,
            "seller": people.anna,
            "buyer": people.cleo,
            "currency": bks.address,
            "price": PRICE,
            "royaltyReceiver": ZERO,
            "royalty": 0,
            "feeReceiver": ZERO,
            "fee": 0,
            "kind": BUYBACK,
            "orderHash": struct_hash("Turn", given),
        }
    ]
    assert events(receipt, "BuybackFundChanged") == [
        {"collection": desk.collection, "currency": bks, "change": -PRICE, "balance": PRICE}
    ]
    with ape.reverts(desk.market.NotHolder):
        desk.sell_back(given)


def test_the_promoter_names_the_next_too_and_nobody_else_does(desk, people):
    given = desk.turn(price=PRICE)
    for other in (people.anna, people.cleo, people.minter, people.admin, people.operator):
        with ape.reverts(desk.market.BadSignature):
            desk.sell_back(given, signing.turn(other, given, desk.market.address))
    desk.sell_back(given, signing.turn(people.promoter, given, desk.market.address))


def test_a_turn_covers_every_term(desk, people):
    given = desk.turn(price=PRICE)
    signature = signing.turn(people.quote_signer, given, desk.market.address)
    for bent in ({"next": people.ben.address}, {"epoch": 1}, {"deadline": 2**63}):
        with ape.reverts(desk.market.BadSignature):
            desk.sell_back(given | bent, signature)
    for elsewhere in ({"chain_id": 56}, {"contract": people.stranger.address}):
        domain = {"contract": desk.market.address} | elsewhere
        with ape.reverts(desk.market.BadSignature):
            desk.sell_back(given, signing.turn(people.quote_signer, given, **domain))


def test_only_the_holder_sells_back(desk, people):
    given = desk.turn(price=PRICE)
    for other in (people.cleo, people.promoter, people.ben):
        with ape.reverts(desk.market.NotHolder, holder=people.anna):
            desk.sell_back(given, sender=other)
    with ape.reverts(desk.market.NotHolder, holder=people.ben):
        desk.sell_back(desk.turn(price=PRICE, seller=people.ben.address))


def test_a_turn_ends_with_its_deadline_and_with_a_move(desk, people, chain):
    with ape.reverts(desk.market.OrderExpired):
        desk.sell_back(desk.turn(price=PRICE, deadline=chain.pending_timestamp - 1))
    desk.collection.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    with refused("StaleEpoch"):
        desk.sell_back(desk.turn(price=PRICE))


def test_a_turn_passes_at_its_very_deadline(desk, people, chain):
    deadline = chain.pending_timestamp + 100
    chain.pending_timestamp = deadline
    desk.sell_back(desk.turn(price=PRICE, deadline=deadline))
    assert desk.collection.ownerOf(ANNAS) == people.cleo


def test_a_turn_for_a_strangers_collection_is_refused(desk, people, project):
    stray = people.stranger.deploy(project.Stranger).address
    with ape.reverts(desk.market.UnknownCollection, collection=stray):
        desk.sell_back(desk.turn(price=PRICE, collection=stray))


@pytest.mark.parametrize("price", [0, PRICE - 1, PRICE + 1])
def test_the_price_is_the_one_on_chain(desk, price):
    with ape.reverts(desk.market.WrongBuybackPrice, current=PRICE, given=price):
        desk.sell_back(desk.turn(price=price))


def test_without_a_price_nothing_is_bought_back(desk, people):
    receipt = desk.market.setBuybackPrice(desk.collection, 1, 0, sender=people.promoter)
    assert events(receipt, "BuybackPriceChanged") == [{"collection": desk.collection, "tier": 1, "price": 0}]
    with ape.reverts(desk.market.WrongBuybackPrice, current=0, given=0):
        desk.sell_back(desk.turn(price=0))


def test_the_cap_binds_the_box_office_too(desk, people):
    above = desk.collection.capOf(ANNAS) + 1
    desk.market.setBuybackPrice(desk.collection, 1, above, sender=people.promoter)
    with refused("PriceAboveCap"):
        desk.sell_back(desk.turn(price=above))


def test_an_empty_fund_buys_nothing(desk, people):
    desk.market.withdrawBuyback(desk.collection, PRICE + 1, people.promoter, sender=people.promoter)
    with ape.reverts(desk.market.BuybackFundTooLow, balance=PRICE - 1, wanted=PRICE):
        desk.sell_back(desk.turn(price=PRICE))


def test_anyone_puts_money_in_and_only_the_promoter_takes_it_out(desk, people, bks, chain):
    permit = signing.permit(people.cleo, bks, desk.market, 5, chain.pending_timestamp + 60)
    receipt = desk.market.fundBuyback(desk.collection, 5, permit, sender=people.cleo)
    assert events(receipt, "BuybackFundChanged") == [
        {"collection": desk.collection, "currency": bks, "change": 5, "balance": 2 * PRICE + 5}
    ]
    for other in (people.cleo, people.admin, people.quote_signer):
        with ape.reverts(desk.market.NotCollectionOwner):
            desk.market.withdrawBuyback(desk.collection, 1, other, sender=other)
        with ape.reverts(desk.market.NotCollectionOwner):
            desk.market.setBuybackPrice(desk.collection, 1, 1, sender=other)
    with ape.reverts(desk.market.ReceiverIsZero):
        desk.market.withdrawBuyback(desk.collection, 1, ZERO, sender=people.promoter)
    with ape.reverts(desk.market.BuybackFundTooLow):
        desk.market.withdrawBuyback(desk.collection, 2 * PRICE + 6, people.promoter, sender=people.promoter)
    before = bks.balanceOf(people.cleo)
    desk.market.withdrawBuyback(desk.collection, 2 * PRICE + 5, people.cleo, sender=people.promoter)
    assert (bks.balanceOf(people.cleo) - before, bks.balanceOf(desk.market)) == (2 * PRICE + 5, 0)


def test_a_fund_in_the_native_coin_is_exact(launch, market, people):
    made = launch(eventRef=b"\x31".rjust(32, b"\0"), resaleCurrency=ZERO)
    with ape.reverts(market.WrongValue, expected=5, given=4):
        market.fundBuyback(made, 5, signing.NO_PERMIT, sender=people.promoter, value=4)
    market.fundBuyback(made, 5, signing.NO_PERMIT, sender=people.promoter, value=5)
    assert (market.buybackFund(made), market.balance) == (5, 5)


def test_strangers_collections_have_no_fund(market, people):
    for call in (
        lambda: market.setBuybackPrice(people.stranger, 1, 1, sender=people.stranger),
        lambda: market.fundBuyback(people.stranger, 0, signing.NO_PERMIT, sender=people.stranger),
        lambda: market.withdrawBuyback(people.stranger, 0, people.stranger, sender=people.stranger),
    ):
        with ape.reverts(market.UnknownCollection, collection=people.stranger.address):
            call()
