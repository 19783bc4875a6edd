"""Listings: what is signed, what kills it, and who is paid what."""

import ape
import pytest
import signing
from eth_utils import keccak
from trading import ANNAS, BENS, pair, refused, shares, struct_hash
from world import FACE, LIVE, LOCKED, SALE, USED, ZERO, entries, events, names, rules

DAY = 86_400


# ---- a sale


@pytest.mark.parametrize("price", [0, 1, 19, 20, 39, 40, 333, FACE, FACE * 11 // 10])
def test_seller_royalty_and_fee_are_the_price_to_the_unit(desk, people, bks, price):
    watched = (people.cleo, people.anna, people.promoter, people.fees)
    before = [bks.balanceOf(who) for who in watched]
    receipt = desk.buy(desk.listing(price=price))
    proceeds, royalty, fee = shares(price)
    after = [bks.balanceOf(who) for who in watched]
    assert [a - b for a, b in zip(after, before, strict=True)] == [-price, proceeds, royalty, fee]
    assert bks.balanceOf(desk.market) == 0
    assert events(receipt, "Sale") == [
        {
            "collection": desk.collection.address,
            "tokenId": ANNAS,
            "seller": people.anna,
            "buyer": people.cleo,
            "currency": bks.address,
            "price": price,
            "royaltyReceiver": people.promoter,
            "royalty": royalty,
            "feeReceiver": people.fees,
            "fee": fee,
            "kind": SALE,
            "orderHash": struct_hash("Listing", desk.listing(price=price)),
        }
    ]
    assert desk.collection.ticket(ANNAS) == (people.cleo, 1, LIVE, 1)


@pytest.mark.parametrize("price", [0, 1, 39, FACE, 10**23])
def test_the_native_coin_is_paid_to_the_unit_too(native, people, price):
    people.cleo.balance += price
    watched = (people.anna, people.promoter, people.fees)
    before = [who.balance for who in watched]
    native.buy(native.listing(price=price))
    assert [a.balance - b for a, b in zip(watched, before, strict=True)] == list(shares(price))
    assert native.market.balance == 0


@pytest.mark.parametrize("value", [0, FACE - 1, FACE + 1])
def test_the_native_coin_is_exact(native, value):
    with ape.reverts(native.market.WrongValue, expected=FACE, given=value):
        native.buy(value=value)


def test_bks_is_paid_without_a_native_coin_and_with_an_allowance(desk, people, bks):
    with ape.reverts(desk.market.WrongValue, expected=0, given=1):
        desk.buy(value=1)
    bks.approve(desk.market, FACE - 1, sender=people.cleo)
    with ape.reverts(desk.market.PaymentFailed):
        desk.buy()


def test_bks_is_paid_by_permit(desk, people, bks, chain):
    bks.approve(desk.market, 0, sender=people.cleo)
    permit = signing.permit(people.cleo, bks, desk.market, FACE, chain.pending_timestamp + 60)
    desk.buy(permit=permit)
    assert desk.collection.ownerOf(ANNAS) == people.cleo


def test_the_seller_gives_no_approval_and_the_market_holds_none(desk, people):
    assert not desk.collection.isApprovedForAll(people.anna, desk.market)
    desk.collection.approve(people.stranger, ANNAS, sender=people.anna)
    desk.buy()
    with ape.reverts(desk.collection.NotOwnerNorApproved):
        desk.collection.transferFrom(people.cleo, people.stranger, ANNAS, sender=people.stranger)


def test_events_come_in_the_order_the_index_reads(desk):
    told = [name for name in names(desk.buy()) if name in ("TicketMoved", "Sale")]
    assert told == ["TicketMoved", "Sale"]


# ---- what kills a listing


def test_a_listing_is_dead_after_its_sale_and_after_a_round_trip(desk, people):
    desk.buy()
    with refused("StaleEpoch"):
        desk.buy(sender=people.ben)
    desk.collection.transferFrom(people.cleo, people.anna, ANNAS, sender=people.cleo)
    with refused("StaleEpoch"):
        desk.buy()


def test_a_listing_is_dead_once_its_seller_gave_the_ticket_away(desk, people):
    desk.collection.transferFrom(people.anna, people.ben, ANNAS, sender=people.anna)
    with refused("StaleEpoch"):
        desk.buy()
    # Even one that guesses the next epoch is not the holder's.
    with refused("TransferFromIncorrectOwner"):
        desk.buy(desk.listing(epoch=1))


def test_nobody_lists_what_another_holds(desk, people):
    given = desk.listing(seller=people.stranger.address)
    with refused("TransferFromIncorrectOwner"):
        desk.buy(given, signing.listing(people.stranger, given, desk.market.address))


@pytest.mark.parametrize("status", [LOCKED, USED])
def test_a_locked_or_used_ticket_is_not_sold(desk, people, status):
    desk.collection.setStatus([ANNAS], status, sender=people.operator)
    with refused("TicketNotLive"):
        desk.buy()


def test_a_listing_ends_with_its_expiry(desk, chain):
    expiry = chain.pending_timestamp + 100
    chain.pending_timestamp = expiry + 1
    with ape.reverts(desk.market.OrderExpired):
        desk.buy(desk.listing(expiry=expiry))


def test_a_listing_passes_at_its_very_expiry(desk, chain):
    expiry = chain.pending_timestamp + 100
    chain.pending_timestamp = expiry
    desk.buy(desk.listing(expiry=expiry))


def test_one_listing_is_withdrawn(desk, people):
    order = struct_hash("Listing", desk.listing())
    desk.market.cancel([order], sender=people.stranger)  # another's hash: nothing happens
    assert not desk.market.isCancelled(people.anna, order)
    receipt = desk.market.cancel([order], sender=people.anna)
    assert events(receipt, "OrderCancelled") == [{"signer": people.anna, "orderHash": order}]
    with ape.reverts(desk.market.OrderWithdrawn, orderHash=order):
        desk.buy()
    desk.buy(desk.listing(nonce=b"\1" * 32))


def test_everything_is_withdrawn_at_once(desk, people):
    receipt = desk.market.cancelAll(sender=people.anna)
    assert events(receipt, "AllOrdersCancelled") == [{"signer": people.anna, "counter": 1}]
    for given in (desk.listing(), desk.listing(nonce=b"\1" * 32)):
        with ape.reverts(desk.market.StaleCounter, current=1, given=0):
            desk.buy(given)
    desk.buy(desk.listing(counter=1))


def test_a_listing_for_a_counter_to_come_is_refused(desk):
    with ape.reverts(desk.market.StaleCounter):
        desk.buy(desk.listing(counter=1))


def test_a_used_up_hold_a_closed_resale_and_the_cap_bind_the_market(desk, people):
    desk.collection.setRules(rules(resale=False), sender=people.promoter)
    with refused("ResaleClosed"):
        desk.buy()
    desk.collection.setRules(rules(resaleHold=30 * DAY), sender=people.promoter)
    with refused("ResaleHeld"):
        desk.buy()
    desk.collection.setRules(rules(), sender=people.promoter)
    with refused("PriceAboveCap"):
        desk.buy(desk.listing(price=FACE * 11 // 10 + 1))


def test_a_listing_in_another_currency_is_refused(desk, native):
    with refused("WrongCurrency"):
        desk.buy(desk.listing(currency=ZERO))
    with refused("WrongCurrency"):
        native.buy(native.listing(currency=desk.currency))


# ---- signatures


BENT = {
    "tokenId": BENS,
    "epoch": 1,
    "price": FACE - 1,
    "expiry": 2**64 - 2,
    "maxRoyaltyBps": 999,
    "maxFeeBps": 999,
    "nonce": b"\1" * 32,
    "currency": ZERO,
}


@pytest.mark.parametrize("field", BENT)
def test_a_listing_covers_every_term(desk, people, field):
    signature = signing.listing(people.anna, desk.listing(), desk.market.address)
    with ape.reverts(desk.market.BadSignature):
        desk.buy(desk.listing(**{field: BENT[field]}), signature)


def test_a_listing_covers_seller_and_collection(desk, native, people):
    signature = signing.listing(people.anna, desk.listing(), desk.market.address)
    for bent in ({"seller": people.ben.address}, {"collection": native.collection.address}):
        with ape.reverts(desk.market.BadSignature):
            desk.buy(desk.listing(**bent), signature)


def test_a_listing_for_another_chain_or_market_is_refused(desk, people):
    for elsewhere in ({"chain_id": 56}, {"contract": people.stranger.address}):
        domain = {"contract": desk.market.address} | elsewhere
        with ape.reverts(desk.market.BadSignature):
            desk.buy(signature=signing.listing(people.anna, desk.listing(), **domain))


def test_a_bent_signature_is_refused(desk, people):
    for how, bent in signing.spoiled(signing.listing(people.anna, desk.listing(), desk.market.address)).items():
        with ape.reverts(desk.market.BadSignature):
            desk.buy(signature=bent)
            pytest.fail(f"accepted: {how}")


def test_nobody_sells_for_the_zero_address(desk):
    with ape.reverts(desk.market.BadSignature):
        desk.buy(desk.listing(seller=ZERO), bytes(64) + b"\x1b")


def test_a_contract_wallet_sells_by_erc1271_and_is_asked_at_settlement(desk, people, project):
    wallet = people.stranger.deploy(project.RotatingWallet, people.anna)
    desk.collection.setReceiverCodeHash(
        keccak(ape.chain.provider.get_code(wallet.address)), True, sender=people.promoter
    )
    desk.collection.transferFrom(people.anna, wallet, ANNAS, sender=people.anna)
    given = desk.listing(seller=wallet.address, epoch=1)
    signature = signing.listing(people.anna, given, desk.market.address)
    wallet.rotate(people.ben, sender=people.stranger)
    with ape.reverts(desk.market.BadSignature):
        desk.buy(given, signature)
    desk.buy(given, signing.listing(people.ben, given, desk.market.address))
    assert desk.collection.ownerOf(ANNAS) == people.cleo


def test_the_struct_hashes_are_those_of_eip712(desk):
    assert desk.market.hashListing(tuple(desk.listing().values())) == struct_hash("Listing", desk.listing())
    assert desk.market.hashOffer(tuple(desk.offer().values())) == struct_hash("Offer", desk.offer())
    assert desk.market.hashTurn(tuple(desk.turn().values())) == struct_hash("Turn", desk.turn())
    assert tuple(desk.market.eip712Domain())[:5] == (b"\x0f", "Backstage Market", "1", 31337, desk.market.address)


# ---- many listings under one signature


def test_many_listings_share_one_signature(desk, people):
    desk.collection.transferFrom(people.ben, people.anna, BENS, sender=people.ben)
    first = desk.listing()
    second = desk.listing(tokenId=BENS, epoch=1)
    third = desk.listing(nonce=b"\1" * 32)
    a, b, c = (struct_hash("Listing", given) for given in (first, second, third))
    root = pair(pair(a, b), c)
    signature = signing.tree(people.anna, root, desk.market.address)
    for wrong in ([a, b], [c], [b], [b, c, c]):
        with ape.reverts(desk.market.BadSignature):
            desk.buy(first, signature, proof=wrong)
    with ape.reverts(desk.market.BadSignature):
        desk.buy(first, signature)  # the root's signature is not the listing's
    desk.buy(first, signature, proof=[b, c])
    desk.market.cancel([b], sender=people.anna)
    with ape.reverts(desk.market.OrderWithdrawn):
        desk.buy(second, signature, proof=[a, c])
    with refused("StaleEpoch"):
        desk.buy(third, signature, proof=[pair(a, b)])  # another listing of the ticket that is sold


def test_a_listings_own_signature_is_not_a_trees(desk, people):
    other = b"\7" * 32
    with ape.reverts(desk.market.BadSignature):
        desk.buy(proof=[other])
    root = pair(struct_hash("Listing", desk.listing()), other)
    with ape.reverts(desk.market.BadSignature):
        desk.buy(signature=signing.tree(people.stranger, root, desk.market.address), proof=[other])


# ---- what buyer and seller are protected from


def test_the_buyer_says_the_most_it_pays(desk):
    with ape.reverts(desk.market.PriceAboveMax, max=FACE - 1, price=FACE):
        desk.buy(most=FACE - 1)
    desk.buy(most=FACE)


def test_a_royalty_raised_after_signing_reverts(desk, people):
    given = desk.listing(maxRoyaltyBps=500)
    desk.collection.setRoyalty(people.promoter, 501, sender=people.promoter)
    most, royalty = FACE * 500 // 10_000, FACE * 501 // 10_000
    with ape.reverts(desk.market.RoyaltyAboveMax, max=most, royalty=royalty):
        desk.buy(given)
    desk.collection.setRoyalty(people.promoter, 500, sender=people.promoter)
    desk.buy(given)


def test_a_fee_raised_after_signing_reverts(desk, people):
    given = desk.listing(maxFeeBps=250)
    desk.market.setFee(people.fees, 251, sender=people.admin)
    with ape.reverts(desk.market.FeeAboveMax, max=250, fee=251):
        desk.buy(given)


def test_a_sale_without_royalty_and_fee_is_all_the_sellers(desk, people, bks):
    desk.market.setFee(ZERO, 0, sender=people.admin)
    desk.collection.setRoyalty(ZERO, 0, sender=people.promoter)
    before = bks.balanceOf(people.anna)
    desk.buy(desk.listing(maxFeeBps=0, maxRoyaltyBps=0))
    assert bks.balanceOf(people.anna) == before + FACE


def test_only_collections_of_the_factory_that_named_this_market_are_served(desk, people, launch, project):
    stray = people.stranger.deploy(project.Stranger).address
    given = desk.listing(collection=stray)
    with ape.reverts(desk.market.UnknownCollection, collection=stray):
        desk.buy(given)
    elsewhere = launch(eventRef=b"\x22".rjust(32, b"\0"), market=people.stranger.address)
    elsewhere.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    with refused("NotMarket"):
        desk.buy(desk.listing(collection=elsewhere.address))
