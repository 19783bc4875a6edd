"""Listings and offers: what is signed, what kills it, and who is paid what."""

import ape
import pytest
import signing
from eth_utils import keccak
from trading import ANNAS, BENS, Desk, pair, refused, struct_hash
from world import FACE, LIVE, LOCKED, SALE, USED, ZERO, entries, events, names, rules

DAY = 86_400


@pytest.fixture(scope="module")
def desk(launch, people, market, bks):
    """Tickets sold on for BKS: Anna's of tier 1, Ben's of tier 2. Everybody who buys approved the market."""
    made = launch(eventRef=b"\x20".rjust(32, b"\0"))
    made.mintBatch(1, entries((people.anna, 1), (people.ben, 2)), sender=people.minter)
    for buyer in (people.anna, people.ben, people.cleo):
        bks.approve(market, 2**256 - 1, sender=buyer)
    return Desk(market, made, people, bks)


@pytest.fixture(scope="module")
def native(launch, people, market):
    """The same for the native coin."""
    made = launch(eventRef=b"\x21".rjust(32, b"\0"), resaleCurrency=ZERO, tiers=[(1, 10**24, 1, 1)])
    made.mintBatch(1, entries((people.anna, 1), (people.ben, 1)), sender=people.minter)
    return Desk(market, made, people, ZERO)


def shares(price, royalty_bps=500, fee_bps=250):
    royalty, fee = price * royalty_bps // 10_000, price * fee_bps // 10_000
    return price - royalty - fee, royalty, fee


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
    with ape.reverts(native.market.WrongValue, error_inputs={"expected": FACE, "given": value}):
        native.buy(value=value)


def test_bks_is_paid_without_a_native_coin_and_with_an_allowance(desk, people, bks):
    with ape.reverts(desk.market.WrongValue, error_inputs={"expected": 0, "given": 1}):
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
    with ape.reverts(desk.market.OrderWithdrawn, error_inputs={"orderHash": order}):
        desk.buy()
    desk.buy(desk.listing(nonce=b"\1" * 32))


def test_everything_is_withdrawn_at_once(desk, people):
    receipt = desk.market.cancelAll(sender=people.anna)
    assert events(receipt, "AllOrdersCancelled") == [{"signer": people.anna, "counter": 1}]
    for given in (desk.listing(), desk.listing(nonce=b"\1" * 32)):
        with ape.reverts(desk.market.StaleCounter, error_inputs={"current": 1, "given": 0}):
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
    with ape.reverts(desk.market.PriceAboveMax, error_inputs={"max": FACE - 1, "price": FACE}):
        desk.buy(most=FACE - 1)
    desk.buy(most=FACE)


def test_a_royalty_raised_after_signing_reverts(desk, people):
    given = desk.listing(maxRoyaltyBps=500)
    desk.collection.setRoyalty(people.promoter, 501, sender=people.promoter)
    most, royalty = FACE * 500 // 10_000, FACE * 501 // 10_000
    with ape.reverts(desk.market.RoyaltyAboveMax, error_inputs={"max": most, "royalty": royalty}):
        desk.buy(given)
    desk.collection.setRoyalty(people.promoter, 500, sender=people.promoter)
    desk.buy(given)


def test_a_fee_raised_after_signing_reverts(desk, people):
    given = desk.listing(maxFeeBps=250)
    desk.market.setFee(people.fees, 251, sender=people.admin)
    with ape.reverts(desk.market.FeeAboveMax, error_inputs={"max": 250, "fee": 251}):
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
    with ape.reverts(desk.market.UnknownCollection, error_inputs={"collection": stray}):
        desk.buy(given)
    elsewhere = launch(eventRef=b"\x22".rjust(32, b"\0"), market=people.stranger.address)
    elsewhere.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    with refused("NotMarket"):
        desk.buy(desk.listing(collection=elsewhere.address))


# ---- offers


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
    with ape.reverts(desk.market.NotHolder, error_inputs={"holder": people.cleo}):
        desk.accept(desk.offer(price=price))


def test_only_the_holder_accepts(desk, people):
    for other in (people.ben, people.cleo, people.promoter):
        with ape.reverts(desk.market.NotHolder, error_inputs={"holder": people.anna}):
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
    with ape.reverts(desk.market.ProceedsBelowMin, error_inputs={"min": proceeds + 1, "proceeds": proceeds}):
        desk.accept(least=proceeds + 1)
    desk.accept(least=proceeds)


def test_an_offer_carries_a_permit(desk, people, bks, chain):
    bks.approve(desk.market, 0, sender=people.cleo)
    with ape.reverts(desk.market.PaymentFailed):
        desk.accept()
    desk.accept(permit=signing.permit(people.cleo, bks, desk.market, FACE, chain.pending_timestamp + 60))


# ---- receivers that refuse


def test_a_receiver_that_refuses_is_credited_and_blocks_nobody(native, people, project):
    refusing = people.stranger.deploy(project.TicketHolder)  # takes no native coin
    native.collection.setRoyalty(refusing, 500, sender=people.promoter)
    native.market.setFee(refusing, 250, sender=people.admin)
    receipt = native.buy()
    _, royalty, fee = shares(FACE)
    credited = events(receipt, "Credited")
    assert [(one["account"], one["amount"]) for one in credited] == [(refusing, royalty), (refusing, fee)]
    assert native.market.creditOf(refusing, ZERO) == royalty + fee == native.market.balance
    with pytest.raises(ape.exceptions.ContractLogicError):
        refusing.execute(native.market, native.market.withdraw.encode_input(ZERO, refusing), sender=people.stranger)
    before = people.ben.balance
    call = native.market.withdraw.encode_input(ZERO, people.ben)
    refusing.execute(native.market, call, sender=people.stranger)
    assert people.ben.balance - before == royalty + fee
    assert (native.market.creditOf(refusing, ZERO), native.market.balance) == (0, 0)


def test_nobody_withdraws_what_does_not_wait(native, people):
    with ape.reverts(native.market.NothingToWithdraw):
        native.market.withdraw(ZERO, people.ben, sender=people.ben)
    with ape.reverts(native.market.ReceiverIsZero):
        native.market.withdraw(ZERO, ZERO, sender=people.ben)


@pytest.fixture
def odd(launch, market, people, project):
    """A collection sold on in a token that does as it likes."""
    token = people.stranger.deploy(project.OddToken)
    made = launch(eventRef=b"\x23".rjust(32, b"\0"), resaleCurrency=token.address)
    made.mintBatch(1, entries((people.anna, 1), (people.ben, 1)), sender=people.minter)
    token.give(people.cleo, 10 * FACE, sender=people.stranger)
    token.approve(market, 10 * FACE, sender=people.cleo)
    desk = Desk(market, made, people, token)
    desk.token = token
    return desk


def test_a_token_that_refuses_a_receiver_credits_it(odd, people):
    odd.token.refuse(people.promoter, sender=people.stranger)
    receipt = odd.buy()
    proceeds, royalty, fee = shares(FACE)
    assert events(receipt, "Credited") == [
        {"account": people.promoter, "currency": odd.token.address, "amount": royalty}
    ]
    assert [odd.token.balanceOf(who) for who in (people.anna, people.fees, odd.market)] == [proceeds, fee, royalty]
    receipt = odd.market.withdraw(odd.token, people.ben, sender=people.promoter)
    assert events(receipt, "CreditWithdrawn") == [
        {"account": people.promoter, "currency": odd.token.address, "to": people.ben, "amount": royalty}
    ]
    assert odd.token.balanceOf(people.ben) == royalty


def test_a_token_that_keeps_a_part_sells_nothing(odd, people):
    odd.token.keep(1, sender=people.stranger)
    with ape.reverts(odd.market.WrongAmountReceived, error_inputs={"expected": FACE, "received": FACE - 1}):
        odd.buy()
    assert odd.collection.ownerOf(ANNAS) == people.anna


def test_a_hostile_token_cannot_enter_the_market_again(odd, people):
    market = odd.market
    given = odd.listing(tokenId=BENS, seller=people.ben.address)
    calls = [
        market.buy.encode_input(tuple(given.values()), b"", [], 2**256 - 1, signing.NO_PERMIT),
        market.acceptOffer.encode_input(tuple(odd.offer().values()), b"", 0, signing.NO_PERMIT),
        market.sellBack.encode_input(tuple(odd.turn().values()), b""),
        market.withdraw.encode_input(odd.token, people.stranger),
        market.fundBuyback.encode_input(odd.collection, 1, signing.NO_PERMIT),
        market.withdrawBuyback.encode_input(odd.collection, 1, people.stranger),
    ]
    for call in calls:
        snapshot = ape.chain.snapshot()
        odd.token.onMoveCall(market, call, sender=people.stranger)
        odd.buy()
        assert not odd.token.succeeded()
        assert bytes(odd.token.answer()) == keccak(text="Reentered()")[:4]
        ape.chain.restore(snapshot)


# ---- the owner's part


def test_only_the_owner_sets_the_fee_and_only_so_high(market, people):
    for other in (people.fees, people.promoter, people.stranger):
        with ape.reverts(market.Unauthorized):
            market.setFee(other, 1, sender=other)
    with ape.reverts(market.FeeTooHigh, error_inputs={"bps": 1001}):
        market.setFee(people.fees, 1001, sender=people.admin)
    with ape.reverts(market.FeeReceiverIsZero):
        market.setFee(ZERO, 1, sender=people.admin)
    receipt = market.setFee(people.cleo, 1000, sender=people.admin)
    assert events(receipt, "FeeChanged") == [{"receiver": people.cleo, "bps": 1000}]
    assert (market.feeReceiver(), market.feeBps()) == (people.cleo, 1000)
    with ape.reverts(market.OneStepOwnershipDisabled):
        market.transferOwnership(people.anna, sender=people.admin)


def test_a_market_needs_an_owner(people, project, market, factory):
    with ape.reverts(market.NewOwnerIsZeroAddress):
        people.admin.deploy(project.ResaleMarket, ZERO, factory, people.fees, 0)
    assert market.factory() == factory
