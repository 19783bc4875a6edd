"""A lost wallet's ticket: asked for while it is locked, moved after two days, unless somebody ends it."""

import ape
import pytest
from ruled import ANNAS, BENS, DAY, ESCROWED
from world import LIVE, LOCKED, RECOVERY, USED, VOID, ZERO, events, names, rules, token

SOLD = 0
"""ERC-7439's word for a ticket that is neither used nor void."""


@pytest.fixture
def asked(ruled, people):
    """Anna lost her wallet: her ticket is locked and the promoter asked to move it to Cleo's."""
    ruled.setStatus([ANNAS], LOCKED, sender=people.operator)
    ruled.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    return ruled


def test_a_lost_wallets_ticket_moves_after_two_days(ruled, people, chain):
    ruled.setRules(rules(giftLimit=0, freezeAt=1), sender=people.promoter)
    ruled.setStatus([ANNAS], LOCKED, sender=people.operator)
    receipt = ruled.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    ready = chain.blocks.head.timestamp + 2 * DAY
    assert events(receipt, "RecoveryRequested") == [{"tokenId": ANNAS, "to": people.cleo, "epoch": 0, "readyAt": ready}]
    assert tuple(ruled.recovery(ANNAS)) == (people.cleo, ready)
    chain.pending_timestamp = ready - 1
    with ape.reverts(ruled.RecoveryTooSoon, readyAt=ready):
        ruled.recover(ANNAS, sender=people.promoter)
    chain.pending_timestamp = ready
    receipt = ruled.recover(ANNAS, sender=people.promoter)
    assert names(receipt) == ["StatusChanged", "Unlocked", "Transfer", "TicketMoved"]
    assert events(receipt, "TicketMoved") == [{"tokenId": ANNAS, "kind": RECOVERY, "epoch": 1}]
    assert ruled.ticket(ANNAS) == (people.cleo, 1, LIVE, 1)
    with ape.reverts(ruled.NoRecovery):
        ruled.recover(ANNAS, sender=people.promoter)


def test_only_the_owner_asks_and_only_for_locked_tickets(ruled, people):
    with ape.reverts(ruled.TicketNotLocked, tokenId=ANNAS):
        ruled.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    ruled.setStatus([ANNAS, ESCROWED], LOCKED, sender=people.operator)
    for other in (people.operator, people.guardian, people.anna, people.minter):
        with ape.reverts(ruled.Unauthorized):
            ruled.requestRecovery(ANNAS, people.cleo, sender=other)
        with ape.reverts(ruled.Unauthorized):
            ruled.recover(ANNAS, sender=other)
    with ape.reverts(ruled.ReceiverIsZero):
        ruled.requestRecovery(ANNAS, ZERO, sender=people.promoter)
    with ape.reverts(ruled.TicketInEscrow, tokenId=ESCROWED):
        ruled.requestRecovery(ESCROWED, people.cleo, sender=people.promoter)
    with ape.reverts(ruled.NoRecovery, tokenId=ANNAS):
        ruled.recover(ANNAS, sender=people.promoter)
    for call in (ruled.requestRecovery, ruled.recover, ruled.cancelRecovery):
        with ape.reverts(ruled.TokenDoesNotExist):
            call(token(7), *([people.cleo] if call is ruled.requestRecovery else []), sender=people.promoter)
    with ape.reverts(ruled.TokenDoesNotExist):
        ruled.recovery(token(7))


def test_the_holder_or_the_owner_ends_a_recovery(asked, people, chain):
    for other in (people.operator, people.cleo, people.guardian):
        with ape.reverts(asked.NotOwnerOrHolder):
            asked.cancelRecovery(ANNAS, sender=other)
    receipt = asked.cancelRecovery(ANNAS, sender=people.anna)
    assert events(receipt, "RecoveryCancelled") == [{"tokenId": ANNAS, "by": people.anna}]
    with ape.reverts(asked.NoRecovery):
        asked.cancelRecovery(ANNAS, sender=people.anna)
    asked.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    asked.cancelRecovery(ANNAS, sender=people.promoter)
    chain.pending_timestamp += 3 * DAY
    with ape.reverts(asked.NoRecovery):
        asked.recover(ANNAS, sender=people.promoter)


@pytest.mark.parametrize("status", [USED, VOID])
def test_a_ticket_that_ended_is_not_recovered(asked, people, chain, status):
    receipt = asked.setStatus([ANNAS], status, sender=people.operator)
    assert "RecoveryCancelled" not in names(receipt)
    chain.pending_timestamp += 3 * DAY
    with ape.reverts(asked.TicketNotLocked):
        asked.recover(ANNAS, sender=people.promoter)


UNLOCKS = {
    "setStatus": (lambda c, operator: c.setStatus([ANNAS], LIVE, sender=operator), []),
    "changeState": (lambda c, operator: c.changeState(ANNAS, b"", SOLD, 0, sender=operator), ["TokenStatusChanged"]),
}


@pytest.mark.parametrize("unlock", UNLOCKS)
def test_an_unlock_ends_a_recovery_for_good(asked, people, chain, unlock):
    """Or an old request would move the ticket at the next lock, without the two days."""
    call, more = UNLOCKS[unlock]
    receipt = call(asked, people.operator)
    assert names(receipt) == ["StatusChanged", "Unlocked", "RecoveryCancelled", *more]
    assert events(receipt, "RecoveryCancelled") == [{"tokenId": ANNAS, "by": people.operator}]
    assert tuple(asked.recovery(ANNAS)) == (ZERO, 0)
    chain.pending_timestamp += 30 * DAY
    for again in (False, True):
        if again:
            asked.setStatus([ANNAS], LOCKED, sender=people.operator)
        with ape.reverts(asked.NoRecovery, tokenId=ANNAS):
            asked.recover(ANNAS, sender=people.promoter)
    # A new request waits its own two days.
    asked.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    with ape.reverts(asked.RecoveryTooSoon):
        asked.recover(ANNAS, sender=people.promoter)
    chain.pending_timestamp += 2 * DAY
    asked.recover(ANNAS, sender=people.promoter)
    assert asked.ownerOf(ANNAS) == people.cleo


@pytest.mark.parametrize("unlock", UNLOCKS)
def test_an_unlock_without_a_recovery_tells_of_none(ruled, people, unlock):
    ruled.setStatus([ANNAS], LOCKED, sender=people.operator)
    call, more = UNLOCKS[unlock]
    assert names(call(ruled, people.operator)) == ["StatusChanged", "Unlocked", *more]


def test_a_lock_of_one_ticket_ends_no_recovery_of_another(asked, people):
    asked.setStatus([BENS], LOCKED, sender=people.operator)
    asked.requestRecovery(BENS, people.cleo, sender=people.promoter)
    asked.setStatus([ANNAS], LIVE, sender=people.operator)
    assert [asked.recovery(ticket)[0] for ticket in (ANNAS, BENS)] == [ZERO, people.cleo]


def test_a_recovery_keeps_the_receiver_rule(ruled, people, project, chain):
    contract = people.stranger.deploy(project.Stranger)
    ruled.setStatus([ANNAS], LOCKED, sender=people.operator)
    for to, error in ((contract, ruled.ReceiverNotAllowed), (ruled, ruled.ReceiverIsCollection)):
        ruled.requestRecovery(ANNAS, to, sender=people.promoter)
        chain.pending_timestamp += 3 * DAY
        with ape.reverts(error):
            ruled.recover(ANNAS, sender=people.promoter)
