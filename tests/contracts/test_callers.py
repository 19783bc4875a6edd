"""Who acts is who calls: a contract that a key is talked into using acts for itself, never for the key behind it."""

from contextlib import contextmanager

import ape
import pytest
import signing
from eth_utils import keccak
from signing import NO_PERMIT
from trading import ANNAS, Desk
from world import FACE, LOCKED, ZERO, entries, events, token

ONE = b"\1" * 32


@contextmanager
def refused(signature):
    """Expect a contract's error to come through the relay: Ape knows some by name, the others by their four bytes."""
    with pytest.raises(ape.exceptions.ContractLogicError) as caught:
        yield
    name, raw = type(caught.value).__name__, str(caught.value.revert_message)
    assert name == signature.partition("(")[0] or raw.startswith("0x" + keccak(text=signature)[:4].hex())


@pytest.fixture(scope="module")
def relay(people, project, tickets):
    """A contract that makes any call for anybody."""
    return people.stranger.deploy(project.TicketHolder)


@pytest.fixture(scope="module")
def open_desk(launch, people, market, bks, relay):
    """A collection that takes the relay for a holder; the relay holds the first ticket and has money."""
    made = launch(eventRef=b"\x60".rjust(32, b"\0"))
    made.setReceiverCodeHash(keccak(ape.chain.provider.get_code(relay.address)), True, sender=people.promoter)
    made.mintBatch(1, entries((relay, 1), (people.anna, 1)), sender=people.minter)
    bks.mint(relay, 100 * FACE, sender=people.admin)
    relay.execute(bks, bks.approve.encode_input(market, 2**256 - 1), sender=people.stranger)
    bks.approve(market, 2**256 - 1, sender=people.cleo)
    return Desk(market, made, people, bks)


IN_A_COLLECTION = {
    "the minter mints": ("minter", "NotMinter", lambda c, p: c.mintBatch.encode_input(1, entries((p.anna, 1)))),
    "the minter mints one": ("minter", "NotMinter", lambda c, p: c.safeMint.encode_input(p.anna, b"")),
    "the minter cancels": ("minter", "NotMinter", lambda c, _: c.cancelBatch.encode_input(1)),
    "the operator voids": ("operator", "NotOperator", lambda c, _: c.setStatus.encode_input([token(1)], 3)),
    "the owner pauses": ("promoter", "NotOwnerOrGuardian", lambda c, _: c.setPaused.encode_input(1)),
    "the guardian pauses": ("guardian", "NotOwnerOrGuardian", lambda c, _: c.setPaused.encode_input(1)),
    "the guardian drops the operator": ("guardian", "Unauthorized", lambda c, _: c.setOperator.encode_input(ZERO)),
    "the owner names an operator": ("promoter", "Unauthorized", lambda c, p: c.setOperator.encode_input(p.cleo)),
    "the owner names a minter": ("promoter", "Unauthorized", lambda c, p: c.setMinter.encode_input(p.cleo, 5)),
    "the fee receiver names another": ("fees", "NotFeeReceiver", lambda c, p: c.setFeeReceiver.encode_input(p.cleo)),
}


@pytest.mark.parametrize("case", IN_A_COLLECTION)
def test_nobody_acts_for_the_key_that_began_a_transaction(fresh, people, relay, case):
    role, error, call = IN_A_COLLECTION[case]
    with refused(f"{error}()"):
        relay.execute(fresh, call(fresh, people), sender=getattr(people, role))


@pytest.mark.parametrize("role", ["promoter", "anna"])
def test_a_recovery_is_refused_by_owner_or_holder_themselves(collection, people, tickets, relay, role):
    collection.setStatus([tickets.annas], LOCKED, sender=people.operator)
    collection.requestRecovery(tickets.annas, people.ben, sender=people.promoter)
    with refused("NotOwnerOrHolder()"):
        relay.execute(collection, collection.cancelRecovery.encode_input(tickets.annas), sender=getattr(people, role))


def test_the_owner_issues_what_it_holds_itself(open_desk, people, relay):
    """The owner is a contract here: what its key holds is not the contract's."""
    tickets = open_desk.collection
    tickets.mintBatch(2, entries((people.promoter, 1), (relay, 1)), sender=people.minter)
    relay.execute(tickets, tickets.requestOwnershipHandover.encode_input(), sender=people.stranger)
    tickets.completeOwnershipHandover(relay, sender=people.promoter)
    with refused("NotHeldByOwner(uint256)"):
        relay.execute(tickets, tickets.issue.encode_input([token(2, 0)], [people.cleo]), sender=people.promoter)
    relay.execute(tickets, tickets.issue.encode_input([token(2, 1)], [people.cleo]), sender=people.promoter)
    assert tickets.ownerOf(token(2, 1)) == people.cleo


def test_a_pause_names_who_called_it(fresh, people, relay):
    fresh.setGuardian(relay, sender=people.promoter)
    receipt = relay.execute(fresh, fresh.setPaused.encode_input(1), sender=people.stranger)
    assert [log["by"] for log in events(receipt, "ScopesPaused")] == [relay]


# ---- the token


@pytest.mark.parametrize("function", ["mint", "reward"])
def test_a_minter_of_the_token_calls_it_itself(bks, people, relay, function):
    amounts = {"mint": (people.anna, 1), "reward": (ONE, people.anna, 1)}
    with refused("NotMinter()"):
        relay.execute(bks, getattr(bks, function).encode_input(*amounts[function]), sender=people.admin)


@pytest.mark.parametrize("role", ["admin", "guardian"])
def test_owner_and_pauser_of_the_token_call_it_themselves(bks, people, relay, role):
    bks.setPauser(people.guardian, True, sender=people.admin)
    with refused("NotPauser()"):
        relay.execute(bks, bks.pause.encode_input(), sender=getattr(people, role))


def test_a_pause_of_the_token_names_who_called_it(bks, people, relay):
    bks.setPauser(relay, True, sender=people.admin)
    for call, event in ((bks.pause, "Paused"), (bks.unpause, "Unpaused")):
        receipt = relay.execute(bks, call.encode_input(), sender=people.stranger)
        assert [log["by"] for log in events(receipt, event)] == [relay]


def test_a_contract_redeems_its_own_tokens_under_its_own_ids(bks, people, relay):
    bks.mint(relay, 10, sender=people.admin)
    before = bks.balanceOf(people.anna)
    bks.redeem(ONE, 1, sender=people.anna)  # the same id, another account
    receipt = relay.execute(bks, bks.redeem.encode_input(ONE, 7), sender=people.anna)
    assert events(receipt, "Redeemed") == [{"id": ONE, "account": relay, "amount": 7}]
    assert bks.balanceOf(people.anna) == before - 1
    assert bks.isRedeemed(relay, ONE)
    with refused("RedemptionUsed(bytes32)"):
        relay.execute(bks, bks.redeem.encode_input(ONE, 1), sender=people.stranger)


# ---- the factory


@pytest.mark.parametrize("role", ["promoter", "deployer"])
def test_promoter_and_deployer_deploy_themselves(factory, people, params, relay, role):
    given = params(eventRef=b"\x61".rjust(32, b"\0"))
    consent = b""
    if role == "deployer":
        consent = signing.consent(people.promoter, given, 2**63, factory.address)
    with refused("NotDeployer()"):
        relay.execute(
            factory,
            factory.deploy.encode_input(tuple(given.values()), 2**63, consent),
            sender=getattr(people, role),
        )


# ---- the market


def test_a_contract_buys_for_itself_with_its_own_money(open_desk, people, bks, relay):
    market, given = open_desk.market, open_desk.listing(tokenId=token(1, 1))
    signature = signing.listing(people.anna, given, market.address)
    before = bks.balanceOf(relay)
    call = market.buy.encode_input(tuple(given.values()), signature, [], FACE, NO_PERMIT)
    relay.execute(market, call, sender=people.cleo)
    assert open_desk.collection.ownerOf(token(1, 1)) == relay
    assert bks.balanceOf(relay) == before - FACE


def test_a_contract_accepts_an_offer_for_its_own_ticket(open_desk, people, bks, relay):
    market, given = open_desk.market, open_desk.offer()
    signature = signing.offer(people.cleo, given, market.address)
    before = bks.balanceOf(relay)
    call = market.acceptOffer.encode_input(tuple(given.values()), signature, 0, NO_PERMIT)
    relay.execute(market, call, sender=people.stranger)
    assert open_desk.collection.ownerOf(ANNAS) == people.cleo
    assert bks.balanceOf(relay) > before


def test_an_offer_is_accepted_by_the_holder_itself(open_desk, people, relay):
    given = open_desk.offer(tokenId=token(1, 1))
    signature = signing.offer(people.cleo, given, open_desk.market.address)
    call = open_desk.market.acceptOffer.encode_input(tuple(given.values()), signature, 0, NO_PERMIT)
    with refused("NotHolder(address)"):
        relay.execute(open_desk.market, call, sender=people.anna)


def test_a_contract_sells_back_its_own_ticket_and_nobody_elses(open_desk, people, bks, relay):
    market, tickets = open_desk.market, open_desk.collection
    bks.approve(market, FACE, sender=people.promoter)
    market.setBuybackPrice(tickets, 1, FACE, sender=people.promoter)
    market.fundBuyback(tickets, FACE, NO_PERMIT, sender=people.promoter)
    for number, seller, sender in ((token(1, 1), people.anna, people.anna), (ANNAS, people.anna, people.anna)):
        given = open_desk.turn(tokenId=number, seller=seller.address)
        signature = signing.turn(people.quote_signer, given, market.address)
        with refused("NotHolder(address)"):
            relay.execute(market, market.sellBack.encode_input(tuple(given.values()), signature), sender=sender)
    given = open_desk.turn(seller=relay.address)
    signature = signing.turn(people.quote_signer, given, market.address)
    before = bks.balanceOf(relay)
    relay.execute(market, market.sellBack.encode_input(tuple(given.values()), signature), sender=people.stranger)
    assert tickets.ownerOf(ANNAS) == people.cleo
    assert bks.balanceOf(relay) == before + FACE


def test_a_contract_takes_back_its_own_orders_only(open_desk, people, relay):
    market = open_desk.market
    receipt = relay.execute(market, market.cancel.encode_input([ONE]), sender=people.anna)
    assert events(receipt, "OrderCancelled") == [{"signer": relay, "orderHash": ONE}]
    assert market.isCancelled(relay, ONE)
    assert not market.isCancelled(people.anna, ONE)
    receipt = relay.execute(market, market.cancelAll.encode_input(), sender=people.anna)
    assert events(receipt, "AllOrdersCancelled") == [{"signer": relay, "counter": 1}]
    assert (market.counterOf(relay), market.counterOf(people.anna)) == (1, 0)


def test_a_contract_funds_buybacks_with_its_own_money(open_desk, people, bks, relay):
    market, tickets = open_desk.market, open_desk.collection
    before = (bks.balanceOf(relay), bks.balanceOf(people.cleo))
    relay.execute(market, market.fundBuyback.encode_input(tickets, 5, NO_PERMIT), sender=people.cleo)
    assert (bks.balanceOf(relay), bks.balanceOf(people.cleo)) == (before[0] - 5, before[1])


def test_the_collections_owner_calls_the_market_itself(open_desk, people, relay):
    market, tickets = open_desk.market, open_desk.collection
    for call in (
        market.setBuybackPrice.encode_input(tickets, 1, 1),
        market.withdrawBuyback.encode_input(tickets, 0, people.promoter),
    ):
        with refused("NotCollectionOwner()"):
            relay.execute(market, call, sender=people.promoter)
