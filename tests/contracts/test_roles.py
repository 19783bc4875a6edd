"""Who may do what in a collection, and that a leaked key is bounded."""

import ape
import pytest
from world import ZERO, entries, events, token

OWNERS = {
    "setMinter": ["stranger", 5],
    "setClaimSigner": ["stranger", 5],
    "setGuardian": ["stranger"],
    "setRoyalty": ["stranger", 5],
    "setBaseURI": ["ipfs://other/"],
    "freezeMetadata": [],
    "setReceiverCodeHash": [b"\1" * 32, True],
    "completeOwnershipHandover": ["stranger"],
}
OWNERS_OR_GUARDIANS = {"rotateMinter": ["stranger"], "rotateClaimSigner": ["stranger"], "setPaused": [1]}


def with_people(arguments, people):
    return [people.stranger if argument == "stranger" else argument for argument in arguments]


def not_the_owner(people):
    return [people.minter, people.claim_signer, people.operator, people.guardian, people.deployer, people.anna]


def test_the_promoter_owns_the_collection_from_the_start(fresh, people):
    assert fresh.owner() == people.promoter


@pytest.mark.parametrize("function", OWNERS)
def test_what_is_the_owners_alone(fresh, people, function):
    arguments = with_people(OWNERS[function], people)
    if function == "completeOwnershipHandover":
        fresh.requestOwnershipHandover(sender=people.stranger)
    for other in not_the_owner(people):
        with ape.reverts(fresh.Unauthorized):
            getattr(fresh, function)(*arguments, sender=other)
    getattr(fresh, function)(*arguments, sender=people.promoter)


@pytest.mark.parametrize("function", OWNERS_OR_GUARDIANS)
def test_what_is_the_owners_and_the_guardians(fresh, people, function):
    arguments = with_people(OWNERS_OR_GUARDIANS[function], people)
    for other in (people.minter, people.claim_signer, people.operator, people.deployer, people.anna):
        with ape.reverts(fresh.NotOwnerOrGuardian):
            getattr(fresh, function)(*arguments, sender=other)
    getattr(fresh, function)(*arguments, sender=people.guardian)
    getattr(fresh, function)(*arguments, sender=people.promoter)


def test_nobody_is_guardian_when_there_is_none(fresh, people):
    fresh.setGuardian(ZERO, sender=people.promoter)
    with ape.reverts(fresh.NotOwnerOrGuardian):
        fresh.setPaused(1, sender=people.guardian)


def test_the_owner_sets_the_minter_and_its_allowance(fresh, people):
    receipt = fresh.setMinter(people.stranger, 7, sender=people.promoter)
    assert events(receipt, "MinterChanged") == [{"minter": people.stranger, "allowance": 7}]
    assert (fresh.minter(), fresh.minterAllowance()) == (people.stranger, 7)
    with ape.reverts(fresh.NotMinter):
        fresh.mintBatch(1, entries((people.anna, 1)), sender=people.minter)


def test_rotating_the_minter_keeps_what_is_left(fresh, people):
    fresh.mintBatch(1, entries((people.anna, 1)) * 5, sender=people.minter)
    receipt = fresh.rotateMinter(people.stranger, sender=people.guardian)
    assert events(receipt, "MinterChanged") == [{"minter": people.stranger, "allowance": 1195}]
    with ape.reverts(fresh.NotMinter):
        fresh.mintBatch(2, entries((people.anna, 1)), sender=people.minter)
    fresh.mintBatch(2, entries((people.anna, 1)), sender=people.stranger)
    assert fresh.minterAllowance() == 1194


def test_rotating_to_zero_revokes_the_minter(fresh, people):
    fresh.rotateMinter(ZERO, sender=people.guardian)
    with ape.reverts(fresh.NotMinter):
        fresh.mintBatch(1, entries((people.anna, 1)), sender=people.minter)


def test_the_claim_signer_changes_with_its_limit(fresh, people):
    receipt = fresh.setClaimSigner(people.stranger, 9, sender=people.promoter)
    assert events(receipt, "ClaimSignerChanged") == [{"signer": people.stranger, "perDay": 9}]
    receipt = fresh.rotateClaimSigner(people.anna, sender=people.guardian)
    assert events(receipt, "ClaimSignerChanged") == [{"signer": people.anna, "perDay": 9}]
    assert (fresh.claimSigner(), fresh.claimsPerDay()) == (people.anna, 9)


def test_the_owner_names_an_operator_and_the_guardian_only_drops_it(fresh, people):
    receipt = fresh.setOperator(people.stranger, sender=people.promoter)
    assert events(receipt, "OperatorChanged") == [{"operator": people.stranger}]
    with ape.reverts(fresh.Unauthorized):
        fresh.setOperator(people.guardian, sender=people.guardian)
    fresh.setOperator(ZERO, sender=people.guardian)
    assert fresh.operator() == ZERO
    for other in (people.operator, people.minter, people.anna):
        with ape.reverts(fresh.Unauthorized):
            fresh.setOperator(ZERO, sender=other)


def test_a_dropped_operator_changes_no_status(collection, people, tickets):
    collection.setOperator(ZERO, sender=people.guardian)
    with ape.reverts(collection.NotOperator):
        collection.setStatus([tickets.annas], 1, sender=people.operator)


def test_the_guardian_changes(fresh, people):
    receipt = fresh.setGuardian(people.stranger, sender=people.promoter)
    assert events(receipt, "GuardianChanged") == [{"guardian": people.stranger}]
    fresh.setPaused(1, sender=people.stranger)
    with ape.reverts(fresh.NotOwnerOrGuardian):
        fresh.setPaused(0, sender=people.guardian)


def test_pausing_replaces_the_whole_set(fresh, people):
    for scopes in (15, 6, 0):
        receipt = fresh.setPaused(scopes, sender=people.guardian)
        assert events(receipt, "ScopesPaused") == [{"scopes": scopes, "by": people.guardian}]
        assert fresh.paused() == scopes


@pytest.mark.parametrize("scopes", [16, 17, 255])
def test_a_scope_that_does_not_exist_is_refused(fresh, people, scopes):
    with ape.reverts(fresh.UnknownScopes, scopes=scopes):
        fresh.setPaused(scopes, sender=people.guardian)


def test_pausing_touches_neither_minter_nor_allowance(fresh, people):
    fresh.setPaused(15, sender=people.guardian)
    assert (fresh.minter(), fresh.minterAllowance()) == (people.minter, 1200)


# ---- ownership


def test_a_request_for_ownership_runs_out(fresh, people, chain):
    fresh.requestOwnershipHandover(sender=people.stranger)
    chain.pending_timestamp += 48 * 3600 + 60
    with ape.reverts(fresh.NoHandoverRequest):
        fresh.completeOwnershipHandover(people.stranger, sender=people.promoter)


def test_the_promoter_moves_no_fans_ticket(collection, people, tickets):
    with ape.reverts(collection.NotOwnerNorApproved):
        collection.transferFrom(people.anna, people.promoter, tickets.annas, sender=people.promoter)
    with ape.reverts(collection.NotOperator):
        collection.setStatus([tickets.annas], 3, sender=people.promoter)
    with ape.reverts(collection.NotMinter):
        collection.mintBatch(2, entries((people.promoter, 1)), sender=people.promoter)


# ---- royalty


def test_the_royalty_is_the_promoters_to_set(fresh, people):
    assert fresh.royaltyInfo(token(1), 10_000) == (people.promoter, 500)
    receipt = fresh.setRoyalty(people.anna, 1000, sender=people.promoter)
    assert events(receipt, "RoyaltyChanged") == [{"receiver": people.anna, "bps": 1000}]
    assert fresh.royaltyInfo(token(1), 10_001) == (people.anna, 1000)
    assert fresh.royaltyInfo(token(1), 0) == (people.anna, 0)
    assert fresh.royaltyInfo(token(1), 9) == (people.anna, 0)


def test_a_royalty_is_at_most_ten_percent(fresh, people):
    for bps in (1001, 10_000, 2**96 - 1):
        with ape.reverts(fresh.RoyaltyTooHigh, bps=bps):
            fresh.setRoyalty(people.promoter, bps, sender=people.promoter)


def test_no_royalty_needs_no_receiver_and_any_other_does(fresh, people):
    with ape.reverts(fresh.RoyaltyReceiverIsZeroAddress):
        fresh.setRoyalty(ZERO, 1, sender=people.promoter)
    fresh.setRoyalty(ZERO, 0, sender=people.promoter)
    assert fresh.royaltyInfo(token(1), 10_000) == (ZERO, 0)


def test_a_royalty_of_nothing_keeps_the_receiver_it_is_given(fresh, people):
    fresh.setRoyalty(people.anna, 0, sender=people.promoter)
    assert fresh.royaltyInfo(token(1), 10_000) == (people.anna, 0)


# ---- days


def test_every_day_has_its_own_count(fresh, people, chain):
    fresh.setMintsPerDay(1, sender=people.promoter)
    day = 86_400
    first = (chain.pending_timestamp // day + 1) * day
    for number in range(4):
        # The last second of a day and the first of the next are two days.
        for moment in (first + number * day, first + (number + 1) * day - 1):
            chain.pending_timestamp = moment
            if moment % day:
                with ape.reverts(fresh.MintLimitExceeded):
                    fresh.mintBatch(number + 2, entries((people.anna, 1)), sender=people.minter)
            else:
                fresh.mintBatch(number + 1, entries((people.anna, 1)), sender=people.minter)
