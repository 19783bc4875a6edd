"""ERC-7439: its two functions under our roles, its words for our statuses; and the minter's daily limit."""

import ape
import pytest
from eth_utils import keccak
from world import LIVE, LOCKED, PAUSE_MINT, USED, VOID, ZERO, entries, events, names, rules

SOLD, RESELL, VOIDED, REDEEMED = range(4)
SAFE_SINGLE = (1 << 52) | (1 << 51)
DAY = 86_400


def test_the_minter_mints_one_ticket_from_the_reserved_range(fresh, people, chain):
    receipt = fresh.safeMint(people.anna, b"\xab", sender=people.minter)
    assert names(receipt) == ["SinglesMinted", "TokenStatusChanged", "Transfer"]
    assert events(receipt, "SinglesMinted") == [{"firstTokenId": SAFE_SINGLE, "quantity": 1, "tier": 0}]
    assert events(receipt, "TokenStatusChanged") == [
        {"tokenId": SAFE_SINGLE, "tokenStatus": SOLD, "signature": b"\xab"}
    ]
    assert fresh.ticket(SAFE_SINGLE) == (people.anna, 0, LIVE, 0)
    assert (fresh.minterAllowance(), fresh.totalMinted()) == (1199, 1)
    fresh.setRules(rules(resaleHold=DAY), sender=people.promoter)
    assert fresh.resaleHeldUntil(SAFE_SINGLE) == fresh.mintedAt(SAFE_SINGLE) + DAY
    fresh.mintBatch(1, entries((people.ben, 1)), sender=people.minter)
    fresh.safeMint(people.anna, b"", sender=people.minter)
    assert fresh.ownerOf(SAFE_SINGLE + 2) == people.anna  # two tickets were minted before


def test_safe_mint_is_bounded_like_every_mint(fresh, people, project):
    for other in (people.promoter, people.operator, people.guardian, people.anna):
        with ape.reverts(fresh.NotMinter):
            fresh.safeMint(people.anna, b"", sender=other)
    with ape.reverts(fresh.ReceiverIsZero):
        fresh.safeMint(ZERO, b"", sender=people.minter)
    with ape.reverts(fresh.ReceiverIsCollection):
        fresh.safeMint(fresh, b"", sender=people.minter)
    stranger = people.stranger.deploy(project.Stranger)
    with ape.reverts(fresh.ReceiverNotAllowed):
        fresh.safeMint(stranger, b"", sender=people.minter)
    fresh.setReceiverCodeHash(keccak(ape.chain.provider.get_code(stranger.address)), True, sender=people.promoter)
    with ape.reverts(fresh.TransferToNonERC721ReceiverImplementer):
        fresh.safeMint(stranger, b"", sender=people.minter)
    fresh.setMinter(people.minter, 0, sender=people.promoter)
    with ape.reverts(fresh.AllowanceExceeded):
        fresh.safeMint(people.anna, b"", sender=people.minter)
    fresh.setMinter(people.minter, 1, sender=people.promoter)
    fresh.setPaused(PAUSE_MINT, sender=people.guardian)
    with ape.reverts(fresh.ScopePaused):
        fresh.safeMint(people.anna, b"", sender=people.minter)


def test_a_receiver_cannot_mint_again_while_it_receives(fresh, people, project):
    holder = people.stranger.deploy(project.TicketHolder)
    fresh.setReceiverCodeHash(keccak(ape.chain.provider.get_code(holder.address)), True, sender=people.promoter)
    fresh.setMinter(holder, 5, sender=people.promoter)
    mint = fresh.safeMint.encode_input(holder, b"")
    holder.onReceiptCall(fresh, mint, sender=people.stranger)
    holder.execute(fresh, mint, sender=people.stranger)
    assert not holder.succeeded()
    assert bytes(holder.answer()) == keccak(text="Reentered()")[:4]
    assert fresh.totalMinted() == 1


@pytest.mark.parametrize(("told", "status"), [(VOIDED, VOID), (REDEEMED, USED)])
def test_the_operator_sets_a_status_in_the_standards_words(collection, people, tickets, told, status):
    receipt = collection.changeState(tickets.annas, b"\1", told, 0, sender=people.operator)
    assert names(receipt) == ["StatusChanged", "Locked", "TokenStatusChanged"]
    assert events(receipt, "TokenStatusChanged") == [
        {"tokenId": tickets.annas, "tokenStatus": told, "signature": b"\1"}
    ]
    assert collection.ticket(tickets.annas)[2] == status
    with ape.reverts(collection.BadStatusChange):
        collection.changeState(tickets.annas, b"", SOLD, 0, sender=people.operator)


def test_sold_unlocks(collection, people, tickets):
    collection.setStatus([tickets.annas], LOCKED, sender=people.operator)
    receipt = collection.changeState(tickets.annas, b"", SOLD, 0, sender=people.operator)
    assert names(receipt) == ["StatusChanged", "Unlocked", "TokenStatusChanged"]
    assert collection.ticket(tickets.annas)[2] == LIVE


def test_what_the_collection_does_not_keep_is_refused(collection, people, tickets):
    with ape.reverts(collection.StateNotKept):
        collection.changeState(tickets.annas, b"", RESELL, 0, sender=people.operator)
    with ape.reverts(collection.StateNotKept):
        collection.changeState(tickets.annas, b"", VOIDED, 1, sender=people.operator)
    for other in (people.anna, people.promoter, people.minter):
        with ape.reverts(collection.NotOperator):
            collection.changeState(tickets.annas, b"", VOIDED, 0, sender=other)
    with ape.reverts(collection.TokenDoesNotExist):
        collection.changeState(7, b"", VOIDED, 0, sender=people.operator)


def test_a_status_set_in_our_words_is_told_in_the_standards(collection, people, tickets):
    receipt = collection.setStatus([tickets.annas, tickets.bens], VOID, sender=people.operator)
    assert [log["tokenStatus"] for log in events(receipt, "TokenStatusChanged")] == [VOIDED, VOIDED]


# ---- the minter's day


def test_the_minter_is_limited_by_the_day(fresh, people, chain):
    receipt = fresh.setMintsPerDay(3, sender=people.promoter)
    assert events(receipt, "MintsPerDayChanged") == [{"perDay": 3}]
    chain.pending_timestamp = (chain.pending_timestamp // DAY + 1) * DAY + 5
    fresh.mintBatch(1, entries((people.anna, 1), (people.anna, 1)), sender=people.minter)
    with ape.reverts(fresh.MintLimitExceeded):
        fresh.mintBatch(2, entries((people.anna, 1), (people.anna, 1)), sender=people.minter)
    fresh.safeMint(people.anna, b"", sender=people.minter)
    with ape.reverts(fresh.MintLimitExceeded):
        fresh.safeMint(people.anna, b"", sender=people.minter)
    # Another key finds the same day.
    fresh.rotateMinter(people.cleo, sender=people.guardian)
    with ape.reverts(fresh.MintLimitExceeded):
        fresh.mintBatch(2, entries((people.anna, 1)), sender=people.cleo)
    chain.pending_timestamp += DAY
    fresh.mintBatch(2, entries((people.anna, 1), (people.anna, 1), (people.anna, 1)), sender=people.cleo)
    for other in (people.minter, people.guardian, people.operator):
        with ape.reverts(fresh.Unauthorized):
            fresh.setMintsPerDay(9, sender=other)
