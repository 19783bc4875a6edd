"""Offers: a buyer signs, the holder accepts."""

import ape
import pytest
import signing
from trading import ANNAS, refused, shares, struct_hash
from world import FACE, SALE, events


@pytest.mark.parametrize("price", [0, 1, 39, FACE])
def test_an_offer_is_accepted_by_the_holder(desk, people, bks, price):
    watched = (people.cleo, people.anna, people.promoter, people.fees)
    before = [bks.balanceOf(who) for who in watched]
    proceeds, royalty, fee = shares(price)
    receipt = desk.accept(desk.offer(price=price), least=proceeds)
    after = [bks.balanceOf(who) for who in watched]
    assert [a - b for a, b in zip(after, before, strict=True)] == [-price, proceeds, royalty, fee]
    sale = events(receipt, "Sale")[0]
    assert sale["orderHash"] == struct_hash("Offer", desk.offer(price=price))
    assert (sale["seller"], sale["buyer"], sale["kind"]) == (people.anna, people.cleo, SALE)
    with ape.reverts(desk.market.NotHolder, holder=people.cleo):
        desk.accept(desk.offer(price=price))


def test_only_the_holder_accepts(desk, people):
    for other in (people.ben, people.cleo, people.promoter):
        with ape.reverts(desk.market.NotHolder, holder=people.anna):
            desk.accept(sender=other)


def test_an_offer_in_the_native_coin_is_refused(native):
    with ape.reverts(native.market.OfferInNativeCoin):
        native.accept()


def test_an_offer_is_the_buyers_and_covers_its_terms(desk, people):
    with ape.reverts(desk.market.BadSignature):
        desk.accept(signature=signing.offer(people.anna, desk.offer(), desk.market.address))
    signature = signing.offer(people.cleo, desk.offer(), desk.market.address)
    for bent in ({"price": FACE + 1}, {"expiry": 1 << 63}, {"buyer": people.ben.address}, {"nonce": b"\1" * 32}):
        with ape.reverts(desk.market.BadSignature):
            desk.accept(desk.offer(**bent), signature)
    for elsewhere in ({"chain_id": 56}, {"contract": people.stranger.address}):
        domain = {"contract": desk.market.address} | elsewhere
        with ape.reverts(desk.market.BadSignature):
            desk.accept(signature=signing.offer(people.cleo, desk.offer(), **domain))


def test_an_offer_dies_by_expiry_withdrawal_counter_and_move(desk, people, chain):
    with ape.reverts(desk.market.OrderExpired):
        desk.accept(desk.offer(expiry=chain.pending_timestamp - 1))
    gone = desk.offer(nonce=b"\1" * 32)
    desk.market.cancel([struct_hash("Offer", gone)], sender=people.cleo)
    with ape.reverts(desk.market.OrderWithdrawn):
        desk.accept(gone)
    with ape.reverts(desk.market.StaleCounter):
        desk.accept(desk.offer(counter=1))
    desk.collection.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    with refused("StaleEpoch"):
        desk.accept()


def test_the_seller_says_the_least_it_accepts(desk, people):
    proceeds = shares(FACE)[0]
    with ape.reverts(desk.market.ProceedsBelowMin, min=proceeds + 1, proceeds=proceeds):
        desk.accept(least=proceeds + 1)
    desk.accept(least=proceeds)


def test_an_offer_carries_a_permit(desk, people, bks, chain):
    bks.approve(desk.market, 0, sender=people.cleo)
    with ape.reverts(desk.market.PaymentFailed):
        desk.accept()
    desk.accept(permit=signing.permit(people.cleo, bks, desk.market, FACE, chain.pending_timestamp + 60))


def test_an_offer_passes_at_its_very_expiry(desk, people, chain):
    expiry = chain.pending_timestamp + 100
    chain.pending_timestamp = expiry
    desk.accept(desk.offer(expiry=expiry))
    assert desk.collection.ownerOf(ANNAS) == people.cleo


def test_an_offer_for_a_strangers_collection_is_refused(desk, people, project):
    stray = people.stranger.deploy(project.Stranger).address
    with ape.reverts(desk.market.UnknownCollection, collection=stray):
        desk.accept(desk.offer(collection=stray))
