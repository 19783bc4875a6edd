"""The token: cap, roles, pause, permit."""

import ape
import pytest
import signing
from world import ZERO, events

BKS = 10**18
PERMIT = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256", "deadline": "uint256"}


@pytest.fixture(scope="module")
def coin(people, project):
    made = people.admin.deploy(project.BKS, people.admin)
    made.setMinter(people.minter, True, sender=people.admin)
    made.mint(people.anna, 100 * BKS, sender=people.minter)
    return made


def test_the_token_says_what_it_is(coin):
    assert (coin.name(), coin.symbol(), coin.decimals(), coin.CAP()) == ("Backstage", "BKS", 18, 10**9 * BKS)


def test_only_minters_mint(coin, people):
    coin.mint(people.ben, 5, sender=people.minter)
    assert (coin.balanceOf(people.ben), coin.totalSupply()) == (5, 100 * BKS + 5)
    for other in (people.admin, people.anna, people.guardian):
        with ape.reverts(coin.NotMinter):
            coin.mint(other, 1, sender=other)


def test_minters_come_and_go_by_the_owner(coin, people):
    with ape.reverts(coin.Unauthorized):
        coin.setMinter(people.stranger, True, sender=people.minter)
    receipt = coin.setMinter(people.minter, False, sender=people.admin)
    assert events(receipt, "MinterChanged") == [{"minter": people.minter, "allowed": False}]
    assert not coin.isMinter(people.minter)
    with ape.reverts(coin.NotMinter):
        coin.mint(people.anna, 1, sender=people.minter)


def test_the_cap_holds_to_the_last_unit(coin, people):
    room = coin.CAP() - coin.totalSupply()
    with ape.reverts(coin.CapExceeded, cap=coin.CAP(), wanted=room + 1):
        coin.mint(people.ben, room + 1, sender=people.minter)
    with ape.reverts(coin.CapExceeded):
        coin.mint(people.ben, 2**256 - 1, sender=people.minter)
    coin.mint(people.ben, room, sender=people.minter)
    with ape.reverts(coin.CapExceeded):
        coin.mint(people.ben, 1, sender=people.minter)


def test_nothing_is_minted_to_zero(coin, people):
    with ape.reverts(coin.ReceiverIsZero):
        coin.mint(ZERO, 1, sender=people.minter)


def test_a_pause_stops_transfers_and_mints(coin, people):
    coin.approve(people.ben, BKS, sender=people.anna)
    receipt = coin.pause(sender=people.admin)
    assert events(receipt, "Paused") == [{"by": people.admin}]
    for stopped in (
        lambda: coin.transfer(people.ben, 1, sender=people.anna),
        lambda: coin.transferFrom(people.anna, people.ben, 1, sender=people.ben),
        lambda: coin.mint(people.ben, 1, sender=people.minter),
        lambda: coin.pause(sender=people.admin),
    ):
        with ape.reverts(coin.TokenIsPaused):
            stopped()
    receipt = coin.unpause(sender=people.admin)
    assert events(receipt, "Unpaused") == [{"by": people.admin}]
    coin.transferFrom(people.anna, people.ben, 1, sender=people.ben)
    coin.transfer(people.ben, 1, sender=people.anna)
    assert coin.balanceOf(people.ben) == 2


def test_what_is_not_paused_cannot_be_resumed(coin, people):
    with ape.reverts(coin.TokenIsNotPaused):
        coin.unpause(sender=people.admin)


def test_pausers_pause_and_resume_and_nobody_else(coin, people):
    with ape.reverts(coin.NotPauser):
        coin.pause(sender=people.guardian)
    with ape.reverts(coin.Unauthorized):
        coin.setPauser(people.guardian, True, sender=people.guardian)
    receipt = coin.setPauser(people.guardian, True, sender=people.admin)
    assert events(receipt, "PauserChanged") == [{"pauser": people.guardian, "allowed": True}]
    assert coin.isPauser(people.guardian)
    coin.pause(sender=people.guardian)
    with ape.reverts(coin.NotPauser):
        coin.unpause(sender=people.minter)
    coin.unpause(sender=people.guardian)


def test_ownership_moves_in_two_steps_only(coin, people):
    with ape.reverts(coin.OneStepOwnershipDisabled):
        coin.transferOwnership(people.anna, sender=people.admin)
    with ape.reverts(coin.OneStepOwnershipDisabled):
        coin.renounceOwnership(sender=people.admin)
    coin.requestOwnershipHandover(sender=people.anna)
    coin.completeOwnershipHandover(people.anna, sender=people.admin)
    assert coin.owner() == people.anna


def test_a_token_needs_an_owner(people, project, coin):
    with ape.reverts(coin.OwnerIsZero):
        people.admin.deploy(project.BKS, ZERO)


def test_nobody_spends_more_than_there_is_or_was_allowed(coin, people):
    with ape.reverts(coin.InsufficientBalance):
        coin.transfer(people.ben, 101 * BKS, sender=people.anna)
    with ape.reverts(coin.InsufficientAllowance):
        coin.transferFrom(people.anna, people.ben, 1, sender=people.ben)


def test_no_well_known_contract_has_an_allowance_unasked(coin, people):
    # Solady would give Permit2 one over everybody's tokens.
    assert coin.allowance(people.anna, "0x000000000022D473030F116dDEE9F6B43aC78BA3") == 0


# ---- ERC-2612


@pytest.fixture
def permit(coin, people, chain):
    def send(signer=people.anna, chain_id=31337, **changes):
        message = {
            "owner": people.anna.address,
            "spender": people.ben.address,
            "value": 7,
            "nonce": coin.nonces(people.anna),
            "deadline": chain.pending_timestamp + 600,
        } | changes
        signed = signing.sign(
            signer, "Permit", PERMIT, message, name="Backstage", contract=coin.address, chain_id=chain_id
        )
        r, s, v = signed[:32], signed[32:64], signed[64]
        return coin.permit(people.anna, people.ben, 7, message["deadline"], v, r, s, sender=people.relayer)

    return send


def test_a_permit_approves_once(coin, people, permit, chain):
    deadline = chain.pending_timestamp + 600
    permit(deadline=deadline)
    assert coin.allowance(people.anna, people.ben) == 7
    with ape.reverts(coin.InvalidPermit):
        permit(nonce=0, deadline=deadline)


@pytest.mark.parametrize(
    "bend",
    [{"chain_id": 56}, {"value": 8}, {"nonce": 5}, {"spender": "0x" + "11" * 20}],
    ids=lambda bend: next(iter(bend)),
)
def test_a_permit_for_anything_else_is_refused(coin, permit, bend):
    with ape.reverts(coin.InvalidPermit):
        permit(**bend)


def test_a_permit_is_its_owners(coin, people, permit):
    with ape.reverts(coin.InvalidPermit):
        permit(signer=people.ben)


def test_a_permit_expires(coin, permit, chain):
    with ape.reverts(coin.PermitExpired):
        permit(deadline=chain.pending_timestamp - 10)


# ---- rewards and redemptions

ID = b"\1" * 32


def test_a_reward_is_minted_once_per_id(coin, people):
    before = coin.balanceOf(people.ben)
    receipt = coin.reward(ID, people.ben, 5, sender=people.minter)
    assert events(receipt, "Rewarded") == [{"id": ID, "to": people.ben, "amount": 5}]
    assert (coin.balanceOf(people.ben) - before, coin.isRewarded(ID)) == (5, True)
    with ape.reverts(coin.RewardUsed, id=ID):
        coin.reward(ID, people.cleo, 1, sender=people.minter)
    coin.reward(b"\2" * 32, people.ben, 5, sender=people.minter)


def test_a_reward_is_bounded_like_every_mint(coin, people):
    for other in (people.admin, people.ben):
        with ape.reverts(coin.NotMinter):
            coin.reward(ID, people.ben, 5, sender=other)
    with ape.reverts(coin.AmountIsZero):
        coin.reward(ID, people.ben, 0, sender=people.minter)
    with ape.reverts(coin.ReceiverIsZero):
        coin.reward(ID, ZERO, 1, sender=people.minter)
    with ape.reverts(coin.CapExceeded):
        coin.reward(ID, people.ben, coin.CAP() + 1, sender=people.minter)
    assert not coin.isRewarded(ID)


def test_a_redemption_burns_once_per_account_and_id(coin, people):
    for payer in (people.ben, people.cleo):
        coin.mint(payer, 10, sender=people.minter)
    supply, before = coin.totalSupply(), coin.balanceOf(people.ben)
    receipt = coin.redeem(ID, 4, sender=people.ben)
    assert events(receipt, "Redeemed") == [{"id": ID, "account": people.ben, "amount": 4}]
    assert (supply - coin.totalSupply(), before - coin.balanceOf(people.ben)) == (4, 4)
    with ape.reverts(coin.RedemptionUsed, id=ID):
        coin.redeem(ID, 1, sender=people.ben)
    # Nobody uses up another's id by being first.
    coin.redeem(ID, 1, sender=people.cleo)
    assert coin.isRedeemed(people.ben, ID) and coin.isRedeemed(people.cleo, ID)


def test_a_redemption_needs_an_amount_that_is_there(coin, people):
    with ape.reverts(coin.AmountIsZero):
        coin.redeem(ID, 0, sender=people.ben)
    with ape.reverts(coin.InsufficientBalance):
        coin.redeem(ID, coin.balanceOf(people.ben) + 1, sender=people.ben)
    assert not coin.isRedeemed(people.ben, ID)


def test_a_pause_stops_rewards_and_redemptions(coin, people):
    coin.pause(sender=people.admin)
    with ape.reverts(coin.TokenIsPaused):
        coin.reward(ID, people.ben, 1, sender=people.minter)
    with ape.reverts(coin.TokenIsPaused):
        coin.redeem(ID, 1, sender=people.ben)
