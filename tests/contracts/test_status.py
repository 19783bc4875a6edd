"""LIVE, LOCKED, USED, VOID: all sixteen pairs, and burning."""

import ape
import pytest
from world import LIVE, LOCKED, USED, VOID, ZERO, events, names, token

PATHS = {LIVE: [], LOCKED: [LOCKED], USED: [USED], VOID: [VOID]}
EDGES = {
    (LIVE, LOCKED): ["StatusChanged", "Locked"],
    (LIVE, USED): ["StatusChanged", "Locked"],
    (LIVE, VOID): ["StatusChanged", "Locked"],
    (LOCKED, LIVE): ["StatusChanged", "Unlocked"],
    (LOCKED, USED): ["StatusChanged"],
    (LOCKED, VOID): ["StatusChanged"],
}


@pytest.fixture
def in_status(collection, people, tickets):
    """Bring Anna's ticket into a status and return its id."""

    def bring(status):
        for step in PATHS[status]:
            collection.setStatus([tickets.annas], step, sender=people.operator)
        return tickets.annas

    return bring


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("after", range(4))
def test_a_status_changes_along_its_edges_only(collection, people, in_status, before, after):
    ticket = in_status(before)
    if (before, after) in EDGES:
        receipt = collection.setStatus([ticket], after, sender=people.operator)
        told = ["TokenStatusChanged"] if after in (USED, VOID) else []
        assert names(receipt) == EDGES[before, after] + told
        assert events(receipt, "StatusChanged") == [{"tokenId": ticket, "status": after}]
        assert collection.ticket(ticket) == (people.anna, 1, after, 0)
        assert collection.locked(ticket) == (after != LIVE)
    else:
        with ape.reverts(collection.BadStatusChange, **{"tokenId": ticket, "from": before, "to": after}):
            collection.setStatus([ticket], after, sender=people.operator)


@pytest.mark.parametrize("unknown", [4, 255])
def test_an_unknown_status_is_refused(collection, people, tickets, unknown):
    with ape.reverts(collection.BadStatusChange):
        collection.setStatus([tickets.annas], unknown, sender=people.operator)


def test_several_tickets_change_together_or_not_at_all(collection, people, tickets):
    collection.setStatus([tickets.bens], USED, sender=people.operator)
    with ape.reverts(collection.BadStatusChange, **{"tokenId": tickets.bens, "from": USED, "to": USED}):
        collection.setStatus([tickets.annas, tickets.bens], USED, sender=people.operator)
    assert collection.ticket(tickets.annas).status == LIVE
    collection.setStatus([tickets.annas, tickets.escrowed], USED, sender=people.operator)
    assert [collection.ticket(t).status for t in (tickets.annas, tickets.escrowed)] == [USED, USED]


def test_a_ticket_named_twice_is_refused(collection, people, tickets):
    with ape.reverts(collection.BadStatusChange):
        collection.setStatus([tickets.annas, tickets.annas], USED, sender=people.operator)


def test_only_the_operator_changes_statuses_and_burns(collection, people, in_status):
    ticket = in_status(VOID)
    for other in (people.promoter, people.minter, people.guardian, people.claim_signer, people.anna):
        with ape.reverts(collection.NotOperator):
            collection.setStatus([ticket], LIVE, sender=other)
        with ape.reverts(collection.NotOperator):
            collection.burn(ticket, sender=other)


def test_a_ticket_that_does_not_exist_has_no_status(collection, people):
    for call in (
        lambda: collection.setStatus([token(9)], LOCKED, sender=people.operator),
        lambda: collection.burn(token(9), sender=people.operator),
        lambda: collection.ticket(token(9)),
        lambda: collection.locked(token(9)),
        lambda: collection.tokenURI(token(9)),
        lambda: collection.ownerOf(token(9)),
    ):
        with ape.reverts(collection.TokenDoesNotExist):
            call()


def test_check_in_clears_the_approval(collection, people, tickets):
    collection.approve(people.ben, tickets.annas, sender=people.anna)
    collection.setStatus([tickets.annas], USED, sender=people.operator)
    assert collection.getApproved(tickets.annas) == ZERO


def test_no_pause_stops_a_refund_or_the_door(collection, people, tickets):
    collection.setPaused(15, sender=people.guardian)
    collection.setStatus([tickets.annas], USED, sender=people.operator)
    collection.setStatus([tickets.bens], VOID, sender=people.operator)
    collection.burn(tickets.bens, sender=people.operator)


def test_a_void_ticket_burns(collection, people, in_status):
    ticket = in_status(VOID)
    receipt = collection.burn(ticket, sender=people.operator)
    assert names(receipt) == ["Transfer"]
    assert events(receipt, "Transfer") == [{"from": people.anna, "to": ZERO, "id": ticket}]
    assert (collection.totalSupply(), collection.totalMinted(), collection.balanceOf(people.anna)) == (3, 4, 0)
    with ape.reverts(collection.TokenDoesNotExist):
        collection.ticket(ticket)


@pytest.mark.parametrize("status", [LIVE, LOCKED, USED])
def test_only_void_tickets_burn(collection, people, in_status, status):
    ticket = in_status(status)
    with ape.reverts(collection.TicketNotVoid, tokenId=ticket):
        collection.burn(ticket, sender=people.operator)


def test_status_and_epoch_do_not_disturb_each_other(collection, people, tickets):
    for _ in range(3):
        collection.transferFrom(people.ben, people.ben, tickets.bens, sender=people.ben)
    collection.setStatus([tickets.bens], LOCKED, sender=people.operator)
    assert collection.ticket(tickets.bens) == (people.ben, 2, LOCKED, 3)
    collection.setStatus([tickets.bens], LIVE, sender=people.operator)
    collection.transferFrom(people.ben, people.anna, tickets.bens, sender=people.ben)
    assert collection.ticket(tickets.bens) == (people.anna, 2, LIVE, 4)
