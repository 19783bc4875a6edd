"""What a leaked quote key reaches of the buy-back fund: each ticket once a day, and nothing while SALE is paused."""

import ape
import pytest
import signing
from trading import ALWAYS, ANNAS, BENS, Desk, refused
from world import FACE, PAUSE_CLAIM, PAUSE_MINT, PAUSE_RESALE, PAUSE_SALE, ZERO, entries, rules, token

PRICE = FACE * 9 // 10
DAY = 86_400
QUOTES_PER_DAY = 3


@pytest.fixture(scope="module")
def desk(launch, people, market, bks):
    """The box office buys tiers 1 and 2 back and has money for ten."""
    made = launch(eventRef=b"\x32".rjust(32, b"\0"), rules=rules(resale=False), quotesPerDay=QUOTES_PER_DAY)
    made.mintBatch(1, entries((people.anna, 1), (people.anna, 2)), sender=people.minter)
    bks.approve(market, 10 * PRICE, sender=people.promoter)
    for tier in (1, 2):
        market.setBuybackPrice(made, tier, PRICE, sender=people.promoter)
    market.fundBuyback(made, 10 * PRICE, signing.NO_PERMIT, sender=people.promoter)
    return Desk(market, made, people, bks)


@pytest.fixture
def sell_back(desk):
    """Sell a ticket back from one account to another, at its present epoch."""

    def send(seller, buyer, ticket=ANNAS, by=None):
        epoch = desk.collection.ticket(ticket)[3]
        given = desk.turn(tokenId=ticket, seller=seller.address, next=buyer.address, epoch=epoch, price=PRICE)
        signature = signing.turn(by or desk.people.quote_signer, given, desk.market.address)
        return desk.sell_back(given, signature, sender=seller)

    return send


def take(desk, buyer, number, quantity=1):
    """Buy for nothing: whoever has the quote key names the price."""
    terms = {"id": bytes([number] * 32), "buyer": buyer.address, "tier": 1, "quantity": quantity, "currency": ZERO}
    terms |= {"price": 0, "fee": 0, "deadline": ALWAYS}
    signature = signing.quote(desk.people.quote_signer, terms, desk.collection.address)
    return desk.collection.buy(tuple(terms.values()), signature, signing.NO_PERMIT, sender=buyer).return_value


# ---- once a day


def test_a_thief_takes_a_days_quotes_times_the_price_and_no_more(desk, people, bks, sell_back):
    one, two = people.stranger, people.relayer
    first = take(desk, one, 1, QUOTES_PER_DAY)
    with ape.reverts(desk.collection.QuoteLimitExceeded):
        take(desk, one, 2)
    stolen = [first + index for index in range(QUOTES_PER_DAY)]
    for ticket in stolen:
        sell_back(one, two, ticket)
    for ticket in stolen:
        with ape.reverts(desk.market.BuybackTooSoon):
            sell_back(two, one, ticket)
    assert bks.balanceOf(one) + bks.balanceOf(two) == QUOTES_PER_DAY * PRICE
    assert desk.market.buybackFund(desk.collection) == (10 - QUOTES_PER_DAY) * PRICE


def test_a_ticket_bought_back_rests_for_a_day(desk, people, chain, sell_back):
    assert desk.market.buybackReadyAt(desk.collection, ANNAS) == 0
    sell_back(people.anna, people.cleo)
    ready = chain.blocks.head.timestamp + DAY
    assert desk.market.BUYBACK_COOL_OFF() == DAY
    assert desk.market.buybackReadyAt(desk.collection, ANNAS) == ready
    with ape.reverts(desk.market.BuybackTooSoon, readyAt=ready):
        sell_back(people.cleo, people.ben)
    chain.pending_timestamp = ready - 1
    with ape.reverts(desk.market.BuybackTooSoon, readyAt=ready):
        sell_back(people.cleo, people.ben)
    assert desk.market.buybackFund(desk.collection) == 9 * PRICE
    chain.pending_timestamp = ready
    sell_back(people.cleo, people.ben)
    assert desk.collection.ownerOf(ANNAS) == people.ben
    # And rests again.
    with ape.reverts(desk.market.BuybackTooSoon, readyAt=ready + DAY):
        sell_back(people.ben, people.cleo)


def test_a_gift_in_between_ends_no_rest(desk, people, sell_back):
    sell_back(people.anna, people.cleo)
    desk.collection.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)
    with ape.reverts(desk.market.BuybackTooSoon):
        sell_back(people.ben, people.anna)


def test_the_owner_buys_back_as_often_as_it_likes(desk, people, chain, sell_back):
    """It is its own money, and its key is no hot one."""
    sell_back(people.anna, people.cleo)
    sell_back(people.cleo, people.ben, by=people.promoter)
    sell_back(people.ben, people.anna, by=people.promoter)
    assert desk.market.buybackFund(desk.collection) == 7 * PRICE
    # The quote signer waits for a day after that, too.
    ready = chain.blocks.head.timestamp + DAY
    with ape.reverts(desk.market.BuybackTooSoon, readyAt=ready):
        sell_back(people.anna, people.cleo)


def test_the_owners_first_buy_back_starts_the_day(desk, people, sell_back):
    sell_back(people.anna, people.cleo, by=people.promoter)
    with ape.reverts(desk.market.BuybackTooSoon):
        sell_back(people.cleo, people.ben)


def test_nobody_elses_signature_is_told_of_the_day(desk, people, sell_back):
    sell_back(people.anna, people.cleo)
    for other in (people.cleo, people.ben, people.minter, people.operator, people.guardian):
        with ape.reverts(desk.market.BadSignature):
            sell_back(people.cleo, people.ben, by=other)


def test_an_owner_that_is_the_quote_signer_too_signs_as_the_owner(desk, people, sell_back):
    desk.collection.setQuoteSigner(people.promoter, QUOTES_PER_DAY, sender=people.promoter)
    sell_back(people.anna, people.cleo, by=people.promoter)
    sell_back(people.cleo, people.ben, by=people.promoter)
    assert desk.collection.ownerOf(ANNAS) == people.ben


def test_each_ticket_has_a_day_of_its_own(desk, people, sell_back):
    sell_back(people.anna, people.cleo)
    sell_back(people.anna, people.cleo, BENS)
    assert desk.collection.balanceOf(people.cleo) == 2


def test_each_collection_has_days_of_its_own(desk, launch, people, market, bks, sell_back):
    sell_back(people.anna, people.cleo)
    other = launch(eventRef=b"\x33".rjust(32, b"\0"))
    other.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    market.setBuybackPrice(other, 1, PRICE, sender=people.promoter)
    bks.approve(market, PRICE, sender=people.promoter)
    market.fundBuyback(other, PRICE, signing.NO_PERMIT, sender=people.promoter)
    elsewhere = Desk(market, other, people, bks)
    elsewhere.sell_back(elsewhere.turn(price=PRICE))
    assert other.ownerOf(token(1)) == people.cleo


def test_a_buy_back_that_failed_starts_no_day(desk, people, sell_back):
    desk.collection.setPaused(PAUSE_RESALE, sender=people.guardian)
    with refused("ScopePaused"):
        sell_back(people.anna, people.cleo)
    desk.collection.setPaused(0, sender=people.guardian)
    assert desk.market.buybackReadyAt(desk.collection, ANNAS) == 0
    sell_back(people.anna, people.cleo)


# ---- pausing SALE


@pytest.mark.parametrize("scopes", [PAUSE_SALE, PAUSE_SALE | PAUSE_MINT | PAUSE_RESALE | PAUSE_CLAIM])
def test_pausing_sale_stops_all_that_the_quote_key_signs(desk, people, sell_back, scopes):
    desk.collection.setPaused(scopes, sender=people.guardian)
    for by in (people.quote_signer, people.promoter):
        with ape.reverts(desk.market.ScopePaused, scope=PAUSE_SALE):
            sell_back(people.anna, people.cleo, by=by)
    with ape.reverts(desk.collection.ScopePaused, scope=PAUSE_SALE):
        take(desk, people.stranger, 3)
    assert desk.market.buybackFund(desk.collection) == 10 * PRICE
    # The promoter's money is not locked in with it.
    desk.market.withdrawBuyback(desk.collection, 10 * PRICE, people.promoter, sender=people.promoter)


@pytest.mark.parametrize("scopes", [PAUSE_MINT, PAUSE_CLAIM, PAUSE_MINT | PAUSE_CLAIM])
def test_other_pauses_leave_the_box_office_open(desk, people, sell_back, scopes):
    desk.collection.setPaused(scopes, sender=people.guardian)
    sell_back(people.anna, people.cleo)
    assert desk.collection.ownerOf(ANNAS) == people.cleo


def test_pausing_resale_stops_it_too(desk, people, sell_back):
    desk.collection.setPaused(PAUSE_RESALE, sender=people.guardian)
    for by in (people.quote_signer, people.promoter):
        with ape.reverts(desk.market.ScopePaused, scope=PAUSE_RESALE):
            sell_back(people.anna, people.cleo, by=by)


def test_after_rotation_the_old_key_signs_nothing(desk, people, sell_back):
    desk.collection.rotateQuoteSigner(people.admin, sender=people.guardian)
    with ape.reverts(desk.market.BadSignature):
        sell_back(people.anna, people.cleo)
    sell_back(people.anna, people.cleo, by=people.admin)
