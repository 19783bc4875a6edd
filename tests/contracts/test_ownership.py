"""Ownership of each of the four contracts: two steps, never away, and no money."""

import ape
import pytest


@pytest.fixture(params=["fresh", "market", "factory", "bks"])
def each(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def owner(each, accounts):
    return next(account for account in accounts if account == each.owner())


def test_it_moves_when_both_want_it(each, owner, people):
    each.requestOwnershipHandover(sender=people.stranger)
    assert each.owner() == owner
    with ape.reverts(each.Unauthorized):
        each.completeOwnershipHandover(people.stranger, sender=people.stranger)
    each.completeOwnershipHandover(people.stranger, sender=owner)
    assert each.owner() == people.stranger


def test_it_does_not_move_to_who_never_asked_or_asks_no_longer(each, owner, people):
    with ape.reverts(each.NoHandoverRequest):
        each.completeOwnershipHandover(people.stranger, sender=owner)
    each.requestOwnershipHandover(sender=people.stranger)
    each.cancelOwnershipHandover(sender=people.stranger)
    with ape.reverts(each.NoHandoverRequest):
        each.completeOwnershipHandover(people.stranger, sender=owner)


def test_it_never_moves_in_one_step_or_away(each, owner, people):
    for caller in (owner, people.stranger):
        with ape.reverts(each.OneStepOwnershipDisabled):
            each.transferOwnership(people.stranger, sender=caller)
        with ape.reverts(each.OneStepOwnershipDisabled):
            each.renounceOwnership(sender=caller)


def test_money_sent_along_is_refused_for_nobody_could_take_it_out(each, owner, people):
    with ape.reverts(each.ValueRefused):
        each.requestOwnershipHandover(sender=people.stranger, value=1)
    each.requestOwnershipHandover(sender=people.stranger)
    with ape.reverts(each.ValueRefused):
        each.completeOwnershipHandover(people.stranger, sender=owner, value=1)
    with ape.reverts(each.ValueRefused):
        each.cancelOwnershipHandover(sender=people.stranger, value=1)
    assert each.balance == 0
