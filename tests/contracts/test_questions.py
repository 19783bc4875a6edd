"""What a collection is asked about tickets, and that it says so when there is no such ticket."""

import ape
import pytest
from world import LOCKED, token

QUESTIONS = [
    "ticket",
    "locked",
    "ownerOf",
    "tokenURI",
    "capOf",
    "resaleHeldUntil",
    "giftState",
    "recovery",
    "getApproved",
]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "missing", [0, token(1, 4), token(2), 1 << 52, 2**256 - 1], ids=["zero", "in a batch", "a batch", "single", "last"]
)
def test_a_ticket_that_does_not_exist_is_named_missing(collection, question, missing):
    with ape.reverts(collection.TokenDoesNotExist):
        getattr(collection, question)(missing)


def test_only_a_live_ticket_is_not_locked(collection, people, tickets):
    assert not collection.locked(tickets.annas)
    for status in (LOCKED, 2):
        collection.setStatus([tickets.annas], status, sender=people.operator)
        assert collection.locked(tickets.annas)
