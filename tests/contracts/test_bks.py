"""The token: cap, roles, pause, permit."""

import ape
import pytest
import signing
from world import ZERO, events

BKS = 10**18
PERMIT = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256", "deadline": "uint256"}


@pytest.fixture(scope="module")
def bks(people, project):
    made = people.admin.deploy(project.BKS, people.admin)
    made.setMinter(people.minter, True, sender=people.admin)
    made.mint(people.anna, 100 * BKS, sender=people.minter)
    return made


def test_the_token_says_what_it_is(bks):
    assert (bks.name(), bks.symbol(), bks.decimals(), bks.CAP()) == ("Backstage", "BKS", 18, 10**9 * BKS)


def test_only_minters_mint(bks, people):
    bks.mint(people.ben, 5, sender=people.minter)
    assert (bks.balanceOf(people.ben), bks.totalSupply()) == (5, 100 * BKS + 5)
    for other in (people.admin, people.anna, people.guardian):
        with ape.reverts(bks.NotMinter):
            bks.mint(other, 1, sender=other)


def test_minters_come_and_go_by_the_owner(bks, people):
    with ape.reverts(bks.Unauthorized):
        bks.setMinter(people.stranger, True, sender=people.minter)
    receipt = bks.setMinter(people.minter, False, sender=people.admin)
    assert events(receipt, "MinterChanged") == [{"minter": people.minter, "allowed": False}]
    assert not bks.isMinter(people.minter)
    with ape.reverts(bks.NotMinter):
        bks.mint(people.anna, 1, sender=people.minter)


def test_the_cap_holds_to_the_last_unit(bks, people):
    room = bks.CAP() - bks.totalSupply()
    with ape.reverts(bks.CapExceeded, error_inputs={"cap": bks.CAP(), "wanted": room + 1}):
        bks.mint(people.ben, room + 1, sender=people.minter)
    with ape.reverts(bks.CapExceeded):
        bks.mint(people.ben, 2**256 - 1, sender=people.minter)
    bks.mint(people.ben, room, sender=people.minter)
    with ape.reverts(bks.CapExceeded):
        bks.mint(people.ben, 1, sender=people.minter)


def test_nothing_is_minted_to_zero(bks, people):
    with ape.reverts(bks.ReceiverIsZero):
        bks.mint(ZERO, 1, sender=people.minter)


def test_a_pause_stops_transfers_and_mints(bks, people):
    bks.approve(people.ben, BKS, sender=people.anna)
    receipt = bks.pause(sender=people.admin)
    assert events(receipt, "Paused") == [{"by": people.admin}]
    for stopped in (
        lambda: bks.transfer(people.ben, 1, sender=people.anna),
        lambda: bks.transferFrom(people.anna, people.ben, 1, sender=people.ben),
        lambda: bks.mint(people.ben, 1, sender=people.minter),
        lambda: bks.pause(sender=people.admin),
    ):
        with ape.reverts(bks.TokenIsPaused):
            stopped()
    receipt = bks.unpause(sender=people.admin)
    assert events(receipt, "Unpaused") == [{"by": people.admin}]
    bks.transferFrom(people.anna, people.ben, 1, sender=people.ben)
    bks.transfer(people.ben, 1, sender=people.anna)
    assert bks.balanceOf(people.ben) == 2


def test_what_is_not_paused_cannot_be_resumed(bks, people):
    with ape.reverts(bks.TokenIsNotPaused):
        bks.unpause(sender=people.admin)


def test_pausers_pause_and_resume_and_nobody_else(bks, people):
    with ape.reverts(bks.NotPauser):
        bks.pause(sender=people.guardian)
    with ape.reverts(bks.Unauthorized):
        bks.setPauser(people.guardian, True, sender=people.guardian)
    receipt = bks.setPauser(people.guardian, True, sender=people.admin)
    assert events(receipt, "PauserChanged") == [{"pauser": people.guardian, "allowed": True}]
    assert bks.isPauser(people.guardian)
    bks.pause(sender=people.guardian)
    with ape.reverts(bks.NotPauser):
        bks.unpause(sender=people.minter)
    bks.unpause(sender=people.guardian)


def test_ownership_moves_in_two_steps_only(bks, people):
    with ape.reverts(bks.OneStepOwnershipDisabled):
        bks.transferOwnership(people.anna, sender=people.admin)
    with ape.reverts(bks.OneStepOwnershipDisabled):
        bks.renounceOwnership(sender=people.admin)
    bks.requestOwnershipHandover(sender=people.anna)
    bks.completeOwnershipHandover(people.anna, sender=people.admin)
    assert bks.owner() == people.anna


def test_a_token_needs_an_owner(people, project, bks):
    with ape.reverts(bks.OwnerIsZero):
        people.admin.deploy(project.BKS, ZERO)


def test_nobody_spends_more_than_there_is_or_was_allowed(bks, people):
    with ape.reverts(bks.InsufficientBalance):
        bks.transfer(people.ben, 101 * BKS, sender=people.anna)
    with ape.reverts(bks.InsufficientAllowance):
        bks.transferFrom(people.anna, people.ben, 1, sender=people.ben)


def test_no_well_known_contract_has_an_allowance_unasked(bks, people):
    # Solady would give Permit2 one over everybody's tokens.
    assert bks.allowance(people.anna, "0x000000000022D473030F116dDEE9F6B43aC78BA3") == 0


# ---- ERC-2612


@pytest.fixture
def permit(bks, people, chain):
    def send(signer=people.anna, chain_id=31337, **changes):
        message = {
            "owner": people.anna.address,
            "spender": people.ben.address,
            "value": 7,
            "nonce": bks.nonces(people.anna),
            "deadline": chain.pending_timestamp + 600,
        } | changes
        signed = signing.sign(
            signer, "Permit", PERMIT, message, name="Backstage", contract=bks.address, chain_id=chain_id
        )
        r, s, v = signed[:32], signed[32:64], signed[64]
        return bks.permit(people.anna, people.ben, 7, message["deadline"], v, r, s, sender=people.relayer)

    return send


def test_a_permit_approves_once(bks, people, permit, chain):
    deadline = chain.pending_timestamp + 600
    permit(deadline=deadline)
    assert bks.allowance(people.anna, people.ben) == 7
    with ape.reverts(bks.InvalidPermit):
        permit(nonce=0, deadline=deadline)


@pytest.mark.parametrize(
    "bend",
    [{"chain_id": 56}, {"value": 8}, {"nonce": 5}, {"spender": "0x" + "11" * 20}],
    ids=lambda bend: next(iter(bend)),
)
def test_a_permit_for_anything_else_is_refused(bks, permit, bend):
    with ape.reverts(bks.InvalidPermit):
        permit(**bend)


def test_a_permit_is_its_owners(bks, people, permit):
    with ape.reverts(bks.InvalidPermit):
        permit(signer=people.ben)


def test_a_permit_expires(bks, permit, chain):
    with ape.reverts(bks.PermitExpired):
        permit(deadline=chain.pending_timestamp - 10)
