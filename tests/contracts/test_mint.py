"""Batches: what they mint, and that a batch number is consumed once."""

import random

import ape
import pytest
from eth_utils import keccak
from world import PAUSE_CLAIM, PAUSE_MINT, PAUSE_RESALE, PAUSE_SALE, ZERO, entries, events, names, token


def test_a_batch_mints_one_ticket_per_entry_in_order(fresh, people):
    batch = entries((people.anna, 7), (people.ben, 65535), (people.anna, 0))
    receipt = fresh.mintBatch(1, batch, sender=people.minter)

    assert names(receipt) == ["BatchMinted", "TierAssigned", "Transfer", "Transfer", "Transfer"]
    assert events(receipt, "BatchMinted") == [{"number": 1, "contentsHash": keccak(batch), "count": 3}]
    assert events(receipt, "TierAssigned") == [{"batch": 1, "tiers": bytes.fromhex("0007ffff0000")}]
    assert [(log["from"], log["to"], log["id"]) for log in events(receipt, "Transfer")] == [
        (ZERO, people.anna, 65536),
        (ZERO, people.ben, 65537),
        (ZERO, people.anna, 65538),
    ]
    assert fresh.ticket(token(1, 1)) == (people.ben, 65535, 0, 0)
    assert (fresh.balanceOf(people.anna), fresh.totalMinted(), fresh.totalSupply()) == (2, 3, 3)
    assert fresh.batchState(1) == (1, keccak(batch))


def test_batch_numbers_count_from_one_without_a_gap(fresh, people):
    one = entries((people.anna, 1))
    assert fresh.nextBatch() == 1
    for given in (0, 2, 2**64 - 1):
        with ape.reverts(fresh.BatchOutOfOrder, expected=1, given=given):
            fresh.mintBatch(given, one, sender=people.minter)
        with ape.reverts(fresh.BatchOutOfOrder):
            fresh.cancelBatch(given, sender=people.minter)
    fresh.mintBatch(1, one, sender=people.minter)
    assert fresh.nextBatch() == 2


def test_a_minted_number_is_consumed(fresh, people):
    fresh.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    with ape.reverts(fresh.BatchOutOfOrder, expected=2, given=1):
        fresh.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    with ape.reverts(fresh.BatchOutOfOrder):
        fresh.cancelBatch(1, sender=people.minter)


def test_a_cancelled_number_never_mints(fresh, people):
    receipt = fresh.cancelBatch(1, sender=people.minter)
    assert events(receipt, "BatchCancelled") == [{"number": 1}]
    assert fresh.batchState(1) == (2, bytes(32))
    assert fresh.totalMinted() == 0
    with ape.reverts(fresh.BatchOutOfOrder):
        fresh.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    fresh.mintBatch(2, entries((people.anna, 1)), sender=people.minter)
    assert fresh.ownerOf(token(2)) == people.anna


def test_an_unused_number_has_no_state(fresh):
    assert fresh.batchState(1) == (0, bytes(32))
    assert fresh.batchState(2**64 - 1) == (0, bytes(32))


def test_only_the_minter_mints_and_cancels(fresh, people):
    for other in (people.promoter, people.deployer, people.guardian, people.operator, people.claim_signer):
        with ape.reverts(fresh.NotMinter):
            fresh.mintBatch(1, entries((people.anna, 1)), sender=other)
        with ape.reverts(fresh.NotMinter):
            fresh.cancelBatch(1, sender=other)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one[:0],
        lambda one: one[:-1],
        lambda one: one + b"\0",
        lambda one: one[:21],
        lambda one: one * 1001,
        lambda one: bytes(len(one)),
        lambda one: one * 3 + bytes(20) + b"\0\1",
    ],
    ids=["empty", "cut off", "too long", "no whole entry", "1001 entries", "zero owner", "a zero owner among others"],
)
def test_bad_entries_are_refused_and_consume_nothing(fresh, people, spoil):
    with ape.reverts(fresh.BadEntries):
        fresh.mintBatch(1, spoil(entries((people.anna, 1))), sender=people.minter)
    assert (fresh.nextBatch(), fresh.minterAllowance(), fresh.totalMinted()) == (1, 1200, 0)


def test_the_largest_batch_fits_a_block(fresh, people):
    receipt = fresh.mintBatch(1, entries((people.anna, 1)) * fresh.MAX_BATCH(), sender=people.minter)
    assert fresh.balanceOf(people.anna) == 1000
    assert fresh.ownerOf(token(1, 999)) == people.anna
    assert receipt.gas_used < 30_000_000


@pytest.mark.parametrize("count", [31, 64, 1000])
def test_the_tiers_of_a_large_batch_are_told_in_order(fresh, people, count):
    tiers = [65_535 - number for number in range(count)]
    batch = entries(*((people.anna, tier) for tier in tiers))
    receipt = fresh.mintBatch(1, batch, sender=people.minter)
    assert events(receipt, "TierAssigned")[0]["tiers"] == b"".join(tier.to_bytes(2, "big") for tier in tiers)


def test_the_allowance_is_spent_by_minting_and_by_nothing_else(fresh, people):
    fresh.cancelBatch(1, sender=people.minter)
    fresh.mintBatch(2, entries((people.anna, 1)) * 2, sender=people.minter)
    assert fresh.minterAllowance() == 1198


def test_a_minter_mints_no_more_than_its_allowance(fresh, people):
    fresh.setMinter(people.minter, 2, sender=people.promoter)
    with ape.reverts(fresh.AllowanceExceeded):
        fresh.mintBatch(1, entries((people.anna, 1)) * 3, sender=people.minter)
    fresh.mintBatch(1, entries((people.anna, 1)) * 2, sender=people.minter)
    with ape.reverts(fresh.AllowanceExceeded):
        fresh.mintBatch(2, entries((people.anna, 1)), sender=people.minter)


def test_no_allowance_lifts_the_supply(launch, people):
    small = launch(eventRef=b"\2" * 32, maxSupply=3, minterAllowance=2**64 - 1)
    with ape.reverts(small.SupplyExceeded):
        small.mintBatch(1, entries((people.anna, 1)) * 4, sender=people.minter)
    small.mintBatch(1, entries((people.anna, 1)) * 3, sender=people.minter)
    with ape.reverts(small.SupplyExceeded):
        small.mintBatch(2, entries((people.anna, 1)), sender=people.minter)


def test_burning_makes_no_room_for_more(launch, people):
    small = launch(eventRef=b"\3" * 32, maxSupply=1)
    small.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    small.setStatus([token(1)], 3, sender=people.operator)
    small.burn(token(1), sender=people.operator)
    assert (small.totalMinted(), small.totalSupply()) == (1, 0)
    with ape.reverts(small.SupplyExceeded):
        small.mintBatch(2, entries((people.anna, 1)), sender=people.minter)


def test_a_paused_mint_still_cancels(fresh, people):
    fresh.setPaused(PAUSE_MINT, sender=people.guardian)
    with ape.reverts(fresh.ScopePaused, scope=PAUSE_MINT):
        fresh.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    fresh.cancelBatch(1, sender=people.minter)


def test_other_pauses_do_not_stop_minting(fresh, people):
    fresh.setPaused(PAUSE_SALE | PAUSE_RESALE | PAUSE_CLAIM, sender=people.guardian)
    fresh.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    assert fresh.totalMinted() == 1


def test_minting_calls_no_receiver(fresh, people, project):
    # The backend looks at receivers before it closes a batch; one bad receiver must not stop the others' tickets.
    contract = people.stranger.deploy(project.Stranger)
    fresh.mintBatch(1, entries((contract.address, 1), (people.anna, 1)), sender=people.minter)
    assert fresh.ownerOf(token(1)) == contract.address


@pytest.mark.parametrize("seed", range(3))
def test_any_packing_of_entries_comes_out_as_it_went_in(fresh, people, seed):
    dice = random.Random(seed)
    wanted = [
        ("0x" + dice.choice([dice.randbytes(20), b"\0" * 19 + b"\1", b"\xff" * 20]).hex(), dice.randrange(2**16))
        for _ in range(dice.randint(1, 40))
    ]
    receipt = fresh.mintBatch(1, entries(*wanted), sender=people.minter)
    tiers = events(receipt, "TierAssigned")[0]["tiers"]
    assert bytes(tiers) == b"".join(tier.to_bytes(2, "big") for _, tier in wanted)
    for index, (owner, tier) in enumerate(wanted):
        kept = fresh.ticket(token(1, index))
        assert (int(kept[0], 16), *kept[1:]) == (int(owner, 16), tier, 0, 0)
