"""Gifts under the promoter's rules: how often, by whom, how soon again."""

import ape
import pytest
from eth_utils import keccak
from ruled import ANNAS, BENS, DAY
from trading import refused
from world import BUYBACK, LIVE, SALE, UNLIMITED, rules


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_ticket_is_given_on_as_often_as_the_rules_say(ruled, people, limit):
    ruled.setRules(rules(giftLimit=limit), sender=people.promoter)
    for _ in range(limit):
        ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    with ape.reverts(ruled.GiftLimitReached, tokenId=ANNAS, limit=limit):
        ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)


@pytest.fixture
def approved(ruled, people, project):
    """Whom Anna approved: an account for the ticket, another for all of hers, and a marketplace that she makes act."""
    bazaar = people.stranger.deploy(project.TicketHolder)
    ruled.approve(people.cleo, ANNAS, sender=people.anna)
    ruled.setApprovalForAll(people.ben, True, sender=people.anna)
    ruled.setApprovalForAll(bazaar, True, sender=people.anna)

    def settle(*arguments):
        call = ruled.safeTransferFrom if len(arguments) > 3 else ruled.transferFrom
        bazaar.execute(ruled, call.encode_input(*arguments), sender=people.anna)

    def give(mover):
        def move(*arguments):
            (ruled.safeTransferFrom if len(arguments) > 3 else ruled.transferFrom)(*arguments, sender=mover)

        return move

    return [give(people.cleo), give(people.ben), settle]


@pytest.mark.parametrize("limit", [0, 1, 4, 254])
def test_where_gifts_are_limited_only_the_holder_gives(ruled, people, approved, limit):
    """Or any marketplace would settle as a gift, past resale, cap and royalty."""
    ruled.setRules(rules(resale=False, giftLimit=limit), sender=people.promoter)
    for move in approved:
        for data in ((), (b"",)):
            with refused("GiftNotByHolder"):
                move(people.anna, people.cleo, ANNAS, *data)
    if limit == 0:
        with ape.reverts(ruled.GiftLimitReached):
            ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)
        return
    ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)
    ruled.safeTransferFrom(people.ben, people.cleo, BENS, b"", sender=people.ben)
    assert [ruled.ownerOf(ticket) for ticket in (ANNAS, BENS)] == [people.cleo, people.cleo]


def test_a_contract_that_holds_a_ticket_gives_it_itself(ruled, people, project):
    """Whoever began the transaction."""
    wallet = people.stranger.deploy(project.TicketHolder)
    ruled.setReceiverCodeHash(keccak(ape.chain.provider.get_code(wallet.address)), True, sender=people.promoter)
    ruled.setRules(rules(giftLimit=2), sender=people.promoter)
    ruled.transferFrom(people.anna, wallet, ANNAS, sender=people.anna)
    wallet.execute(ruled, ruled.transferFrom.encode_input(wallet, people.cleo, ANNAS), sender=people.stranger)
    assert ruled.ownerOf(ANNAS) == people.cleo


@pytest.mark.parametrize("which", range(3))
def test_without_a_limit_approved_accounts_give_as_erc_721_has_it(ruled, people, approved, which):
    """And any marketplace settles, at any price, even while resale is off: what a promoter takes 255 for."""
    ruled.setRules(rules(resale=False, giftLimit=UNLIMITED), sender=people.promoter)
    approved[which](people.anna, people.cleo, ANNAS)
    assert ruled.ownerOf(ANNAS) == people.cleo


def test_an_approved_account_is_bound_by_freeze_and_cool_off(ruled, people, approved):
    ruled.setRules(rules(giftCoolOff=DAY), sender=people.promoter)
    ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    with ape.reverts(ruled.GiftTooSoon):
        approved[1](people.anna, people.cleo, ANNAS)
    ruled.setRules(rules(freezeAt=1), sender=people.promoter)
    with ape.reverts(ruled.TicketsFrozen):
        approved[1](people.anna, people.cleo, ANNAS)


def test_what_never_moved_need_not_cool_off_however_long_that_takes(ruled, people):
    ruled.setRules(rules(giftCoolOff=2**32 - 1), sender=people.promoter)  # would end in 2106, counted from zero
    ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)
    with ape.reverts(ruled.GiftTooSoon):
        ruled.transferFrom(people.cleo, people.anna, ANNAS, sender=people.cleo)


@pytest.mark.parametrize("kind", [SALE, BUYBACK])
def test_the_market_is_no_giver(ruled, people, sell, kind):
    ruled.setRules(rules(giftLimit=0, giftCoolOff=DAY), sender=people.promoter)
    sell(kind)
    assert ruled.ownerOf(ANNAS) == people.cleo


def test_without_a_limit_the_count_of_gifts_stops_at_255(ruled, people):
    ruled.setRules(rules(giftLimit=UNLIMITED), sender=people.promoter)
    data = ruled.transferFrom.encode_input(people.anna, people.anna, ANNAS)
    gift = {"from": people.anna.address, "to": ruled.address, "data": data.hex(), "gas": hex(200_000)}
    for _ in range(256):
        ape.chain.provider.make_request("eth_sendTransaction", [gift])  # the node signs, ten times as fast as Ape
    ape.chain.mine()  # what it has not mined yet, or Ape would use a number twice
    ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    assert ruled.giftState(ANNAS)[0] == 255
    assert ruled.ticket(ANNAS) == (people.anna, 1, LIVE, 257)


def test_a_ticket_rests_between_changes_of_hands(ruled, people, chain):
    ruled.setRules(rules(giftCoolOff=DAY), sender=people.promoter)
    moved = chain.pending_timestamp = chain.pending_timestamp + 10
    ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)  # the mint does not count
    with ape.reverts(ruled.GiftTooSoon, **{"tokenId": ANNAS, "from": moved + DAY}):
        ruled.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)
    chain.pending_timestamp = moved + DAY - 1
    with ape.reverts(ruled.GiftTooSoon):
        ruled.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)
    chain.pending_timestamp = moved + DAY
    ruled.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)


def test_a_bought_ticket_rests_too_but_can_be_sold_at_once(ruled, people, sell):
    ruled.setRules(rules(giftCoolOff=DAY), sender=people.promoter)
    sell()
    with ape.reverts(ruled.GiftTooSoon):
        ruled.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)
    sell(**{"from": people.cleo, "to": people.ben, "epoch": 1})
