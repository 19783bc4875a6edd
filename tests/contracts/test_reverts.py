"""`ape.reverts` takes the error that is expected and no other: neither a revert without a name nor inputs made up."""

import ape
import pytest
from ape.exceptions import ContractLogicError

MISSING = 12345


def test_a_revert_that_says_nothing_is_no_error_of_ours(collection):
    with pytest.raises(AssertionError, match="Expected NotMinter"), ape.reverts(collection.NotMinter):
        raise ContractLogicError


def test_a_call_for_another_error_is_not_the_one_expected(collection):
    with pytest.raises(AssertionError, match="Expected NotMinter"), ape.reverts(collection.NotMinter):
        collection.ownerOf(MISSING)


def test_an_error_without_inputs_is_known_by_its_four_bytes(collection):
    with ape.reverts(collection.TokenDoesNotExist):
        collection.ownerOf(MISSING)


def test_inputs_that_nobody_tells_are_not_taken_for_right(collection):
    expected = ape.reverts(collection.TokenDoesNotExist, tokenId=MISSING)
    with pytest.raises(AssertionError, match="Nobody can tell"), expected:
        collection.ownerOf(MISSING)


def test_an_input_that_the_error_does_not_have_is_refused(fresh, people):
    expected = ape.reverts(fresh.Unauthorized, caller=people.stranger)
    with pytest.raises(AssertionError, match="Unauthorized has no caller"), expected:
        fresh.setGuardian(people.stranger, sender=people.stranger)


def test_another_error_of_the_same_contract_is_refused(fresh, people):
    with pytest.raises(AssertionError, match="NotMinter"), ape.reverts(fresh.NotMinter):
        fresh.setGuardian(people.stranger, sender=people.stranger)
