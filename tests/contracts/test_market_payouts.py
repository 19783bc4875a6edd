"""Receivers that refuse, tokens that do as they like, and the owner's part of the market."""

import ape
import pytest
import signing
from eth_utils import keccak
from trading import ANNAS, BENS, Desk, shares
from world import FACE, ZERO, entries, events


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
    with ape.reverts(odd.market.WrongAmountReceived, expected=FACE, received=FACE - 1):
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
        assert bytes(odd.token.answer()) == keccak(text=market.Reentered.abi.selector)[:4]
        ape.chain.restore(snapshot)


# ---- the owner's part


def test_only_the_owner_sets_the_fee_and_only_so_high(market, people):
    for other in (people.fees, people.promoter, people.stranger):
        with ape.reverts(market.Unauthorized):
            market.setFee(other, 1, sender=other)
    with ape.reverts(market.FeeTooHigh, bps=1001):
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
