"""Deals that would only hide something: a ticket sold to its own holder, a royalty that nobody could take out."""

import ape
import pytest
import signing
from trading import ANNAS, BENS, Desk
from world import FACE, ZERO, entries, rules

PRICE = FACE * 9 // 10


@pytest.fixture(scope="module")
def given_on(launch, people, market, bks):
    """Anna's ticket was given on once, which is as often as the rules say."""
    made = launch(eventRef=b"\x34".rjust(32, b"\0"), rules=rules(giftLimit=1))
    made.mintBatch(1, entries((people.ben, 1), (people.ben, 2)), sender=people.minter)
    made.transferFrom(people.ben, people.anna, ANNAS, sender=people.ben)
    for payer in (people.anna, people.cleo, people.promoter):
        bks.approve(market, 10 * FACE, sender=payer)
    market.setBuybackPrice(made, 1, PRICE, sender=people.promoter)
    market.fundBuyback(made, PRICE, signing.NO_PERMIT, sender=people.promoter)
    return Desk(market, made, people, bks)


def test_nobody_sells_a_ticket_to_itself(given_on, people, bks):
    """Or for the fee alone the count of gifts would begin anew; sold back, the fund would pay for nothing."""
    before = bks.balanceOf(people.anna)
    for price in (0, FACE):
        with ape.reverts(given_on.market.SaleToOneself):
            given_on.buy(given_on.listing(epoch=1, price=price), sender=people.anna)
        mine = given_on.offer(epoch=1, price=price, buyer=people.anna.address)
        with ape.reverts(given_on.market.SaleToOneself):
            given_on.accept(mine, signing.offer(people.anna, mine, given_on.market.address))
    turn = given_on.turn(epoch=1, price=PRICE, next=people.anna.address)
    for by in (people.quote_signer, people.promoter):
        with ape.reverts(given_on.market.SaleToOneself):
            given_on.sell_back(turn, signing.turn(by, turn, given_on.market.address))
    assert bks.balanceOf(people.anna) == before
    assert given_on.collection.giftState(ANNAS)[0] == 1
    with ape.reverts(given_on.collection.GiftLimitReached):
        given_on.collection.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)


def test_a_sale_to_another_passes_and_its_gifts_begin_anew(given_on, people):
    """What the contracts do not promise: a sale for next to nothing is as good as a gift."""
    given_on.buy(given_on.listing(epoch=1, price=0))
    assert given_on.collection.giftState(ANNAS)[0] == 0
    given_on.collection.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)


@pytest.mark.parametrize("receiver", ["market", "collection"])
def test_a_royalty_nobody_could_take_out_stops_the_sale(given_on, people, receiver):
    stuck = getattr(given_on, receiver)
    given_on.collection.setRoyalty(stuck, 500, sender=people.promoter)
    with ape.reverts(given_on.market.BadRoyaltyReceiver, receiver=stuck):
        given_on.buy(given_on.listing(epoch=1))
    with ape.reverts(given_on.market.BadRoyaltyReceiver, receiver=stuck):
        given_on.accept(given_on.offer(epoch=1))
    # A buy-back pays none.
    given_on.sell_back(given_on.turn(epoch=1, price=PRICE))
    assert given_on.collection.ownerOf(ANNAS) == people.cleo


@pytest.mark.parametrize("bps", [0, 500])
def test_any_other_royalty_receiver_is_fine(given_on, people, bps):
    given_on.collection.setRoyalty(people.stranger if bps else ZERO, bps, sender=people.promoter)
    listing = given_on.listing(tokenId=BENS, seller=people.ben.address)
    given_on.buy(listing, signing.listing(people.ben, listing, given_on.market.address))
    assert given_on.collection.ownerOf(BENS) == people.cleo
