"""Escrow and claim: two signatures over one EIP-712 struct, and everything that must not pass for them."""

import ape
import pytest
import signing
from eth_utils import keccak
from world import (
    CLAIM,
    LIVE,
    LOCKED,
    PAUSE_CLAIM,
    PAUSE_MINT,
    PAUSE_RESALE,
    PAUSE_SALE,
    ZERO,
    entries,
    events,
    names,
    rules,
    token,
)


@pytest.fixture
def claim(collection, people, chain, tickets):
    """The parts of a good claim by Cleo; a test bends one of them."""

    def make(**changes):
        return {
            "tokenId": tickets.escrowed,
            "recipient": people.cleo.address,
            "epoch": 0,
            "deadline": chain.pending_timestamp + 3600,
            "nonce": b"\x09" * 32,
        } | changes

    return make


@pytest.fixture
def submit(collection, people):
    """Submit a claim; voucher and acceptance are the right ones unless given."""

    def send(claim, voucher=None, acceptance=None, contract=collection, sender=people.relayer):
        if voucher is None:
            voucher = signing.voucher(people.claim_signer, claim, contract.address)
        if acceptance is None:
            acceptance = signing.acceptance(people.cleo, claim, contract.address)
        return contract.claim(tuple(claim.values()), voucher, acceptance, sender=sender)

    return send


def test_a_claim_moves_the_ticket_to_its_recipient(collection, people, claim, submit, tickets):
    receipt = submit(claim())
    assert names(receipt) == ["Transfer", "TicketMoved"]
    assert events(receipt, "TicketMoved") == [{"tokenId": tickets.escrowed, "kind": CLAIM, "epoch": 1}]
    assert collection.ticket(tickets.escrowed) == (people.cleo, 1, LIVE, 1)
    assert (collection.balanceOf(collection), collection.balanceOf(people.cleo)) == (1, 1)


def test_a_later_gift_is_not_called_a_claim(collection, people, claim, submit, tickets):
    submit(claim())
    receipt = collection.transferFrom(people.cleo, people.anna, tickets.escrowed, sender=people.cleo)
    assert events(receipt, "TicketMoved") == [{"tokenId": tickets.escrowed, "kind": 0, "epoch": 2}]


def test_a_claim_passes_once(claim, submit, collection, tickets):
    submit(claim())
    with ape.reverts(collection.NotEscrowed, tokenId=tickets.escrowed):
        submit(claim())


def test_a_ticket_in_a_wallet_cannot_be_claimed(claim, submit, collection, tickets):
    with ape.reverts(collection.NotEscrowed):
        submit(claim(tokenId=tickets.annas))


def test_a_ticket_that_does_not_exist_cannot_be_claimed(claim, submit, collection):
    with ape.reverts(collection.TokenDoesNotExist):
        submit(claim(tokenId=token(9)))


def test_a_claim_is_good_up_to_its_deadline(claim, submit, collection, chain):
    deadline = chain.pending_timestamp + 50
    chain.pending_timestamp = deadline + 1
    with ape.reverts(collection.Expired):
        submit(claim(deadline=deadline))


def test_a_claim_passes_at_its_very_deadline(claim, submit, chain):
    deadline = chain.pending_timestamp + 50
    chain.pending_timestamp = deadline
    submit(claim(deadline=deadline))


def test_a_claim_for_another_epoch_is_stale(claim, submit, collection):
    with ape.reverts(collection.StaleEpoch, current=0, given=1):
        submit(claim(epoch=1))


def test_a_voucher_is_the_claim_signers(claim, submit, collection, people):
    given = claim()
    for other in (people.minter, people.promoter, people.deployer, people.cleo, people.guardian, people.operator):
        with ape.reverts(collection.BadVoucher):
            submit(given, voucher=signing.voucher(other, given, collection.address))


def test_an_acceptance_is_the_recipients(claim, submit, collection, people):
    given = claim()
    for other in (people.relayer, people.claim_signer, people.anna):
        with ape.reverts(collection.BadAcceptance):
            submit(given, acceptance=signing.acceptance(other, given, collection.address))


def test_a_voucher_is_no_acceptance_and_the_other_way_round(claim, submit, collection, people):
    given = claim()
    with ape.reverts(collection.BadAcceptance):
        submit(given, acceptance=signing.voucher(people.cleo, given, collection.address))
    with ape.reverts(collection.BadVoucher):
        submit(given, voucher=signing.acceptance(people.claim_signer, given, collection.address))


@pytest.mark.parametrize("change", ["tokenId", "recipient", "epoch", "deadline", "nonce"])
def test_every_field_of_a_claim_is_signed(claim, submit, collection, people, tickets, change):
    given = claim()
    other = {
        "tokenId": tickets.escrowed_too,
        "recipient": people.anna.address,
        "epoch": 7,
        "deadline": given["deadline"] + 1,
        "nonce": b"\x0a" * 32,
    }
    signed = given | {change: other[change]}
    with ape.reverts(collection.BadVoucher):
        submit(given, voucher=signing.voucher(people.claim_signer, signed, collection.address))
    with ape.reverts(collection.BadAcceptance):
        submit(given, acceptance=signing.acceptance(people.cleo, signed, collection.address))


def test_signatures_for_another_chain_are_refused(claim, submit, collection, people):
    given = claim()
    with ape.reverts(collection.BadVoucher):
        submit(given, voucher=signing.voucher(people.claim_signer, given, collection.address, chain_id=56))
    with ape.reverts(collection.BadAcceptance):
        submit(given, acceptance=signing.acceptance(people.cleo, given, collection.address, chain_id=56))


def test_signatures_for_another_collection_are_refused(claim, submit, collection, people, fresh):
    given = claim()
    with ape.reverts(collection.BadVoucher):
        submit(given, voucher=signing.voucher(people.claim_signer, given, fresh.address))
    with ape.reverts(collection.BadAcceptance):
        submit(given, acceptance=signing.acceptance(people.cleo, given, fresh.address))


def test_a_claim_for_the_implementation_is_refused(claim, submit, collection, people, factory):
    given = claim()
    with ape.reverts(collection.BadVoucher):
        submit(given, voucher=signing.voucher(people.claim_signer, given, factory.implementation(1)))


def test_bent_signatures_are_refused(claim, submit, collection, people):
    given = claim()
    good = signing.voucher(people.claim_signer, given, collection.address)
    for how, bent in signing.spoiled(good).items():
        with ape.reverts(collection.BadVoucher):
            submit(given, voucher=bent)
            pytest.fail(f"accepted: {how}")
    good = signing.acceptance(people.cleo, given, collection.address)
    for how, bent in signing.spoiled(good).items():
        with ape.reverts(collection.BadAcceptance):
            submit(given, acceptance=bent)
            pytest.fail(f"accepted: {how}")


def test_nobody_signs_for_the_zero_address(claim, submit, collection, people):
    # ecrecover answers zero for garbage.
    collection.rotateClaimSigner(ZERO, sender=people.guardian)
    for garbage in (bytes(64) + b"\x1b", b"\1" * 65, b""):
        with ape.reverts(collection.BadVoucher):
            submit(claim(), voucher=garbage)


def test_a_recipient_of_zero_is_refused(claim, submit, collection):
    with ape.reverts(collection.BadAcceptance):
        submit(claim(recipient=ZERO), acceptance=bytes(64) + b"\x1b")


def test_a_rotated_claim_signers_vouchers_die(claim, submit, collection, people):
    given = claim()
    old = signing.voucher(people.claim_signer, given, collection.address)
    collection.rotateClaimSigner(people.stranger, sender=people.guardian)
    with ape.reverts(collection.BadVoucher):
        submit(given, voucher=old)
    submit(given, voucher=signing.voucher(people.stranger, given, collection.address))


def test_a_paused_claim_waits(claim, submit, collection, people):
    collection.setPaused(PAUSE_CLAIM, sender=people.guardian)
    with ape.reverts(collection.ScopePaused, scope=PAUSE_CLAIM):
        submit(claim())
    collection.setPaused(PAUSE_SALE | PAUSE_MINT | PAUSE_RESALE, sender=people.guardian)
    submit(claim())


def test_a_locked_ticket_cannot_be_claimed(claim, submit, collection, people, tickets):
    collection.setStatus([tickets.escrowed], LOCKED, sender=people.operator)
    with ape.reverts(collection.TicketNotLive, tokenId=tickets.escrowed, status=LOCKED):
        submit(claim())


@pytest.fixture
def crowd(collection, people):
    """Mint more escrowed tickets and return their ids."""
    collection.mintBatch(2, entries((collection.address, 1)) * 6, sender=people.minter)
    return [token(2, index) for index in range(6)]


def test_only_so_many_claims_pass_a_day(claim, submit, collection, crowd, chain):
    day = 86400
    chain.pending_timestamp = (chain.pending_timestamp // day + 1) * day
    for ticket in crowd[:3]:
        submit(claim(tokenId=ticket))
    with ape.reverts(collection.ClaimLimitExceeded):
        submit(claim(tokenId=crowd[3]))
    chain.pending_timestamp = (chain.pending_timestamp // day + 1) * day
    submit(claim(tokenId=crowd[3]))


def test_rotating_the_claim_signer_lifts_no_limit(claim, submit, collection, crowd, people, chain):
    chain.pending_timestamp = (chain.pending_timestamp // 86400 + 1) * 86400
    for ticket in crowd[:3]:
        submit(claim(tokenId=ticket))
    collection.rotateClaimSigner(people.claim_signer, sender=people.guardian)
    with ape.reverts(collection.ClaimLimitExceeded):
        submit(claim(tokenId=crowd[3]))
    collection.setClaimSigner(people.claim_signer, 4, sender=people.promoter)
    submit(claim(tokenId=crowd[3]))
    with ape.reverts(collection.ClaimLimitExceeded):
        submit(claim(tokenId=crowd[4]))


def test_a_limit_of_zero_stops_all_claims(claim, submit, collection, people):
    collection.setClaimSigner(people.claim_signer, 0, sender=people.promoter)
    with ape.reverts(collection.ClaimLimitExceeded):
        submit(claim())


def test_a_refused_claim_does_not_count(claim, submit, collection, people):
    for _ in range(4):
        with ape.reverts(collection.BadAcceptance):
            submit(claim(), acceptance=b"")
    submit(claim())


def test_a_contract_wallet_accepts_by_erc1271(claim, submit, collection, people, project, tickets):
    wallet = people.stranger.deploy(project.SmartWallet, people.cleo)
    given = claim(recipient=wallet.address)
    with ape.reverts(collection.ReceiverNotAllowed):
        submit(given)
    collection.setReceiverCodeHash(keccak(ape.chain.provider.get_code(wallet.address)), True, sender=people.promoter)
    with ape.reverts(collection.BadAcceptance):
        submit(given, acceptance=signing.acceptance(people.anna, given, collection.address))
    submit(given)
    assert collection.ownerOf(tickets.escrowed) == wallet.address


def test_a_contract_that_knows_no_erc1271_cannot_accept(claim, submit, collection, people, project):
    contract = people.stranger.deploy(project.Stranger)
    with ape.reverts(collection.BadAcceptance):
        submit(claim(recipient=contract.address))


def test_a_claim_signer_may_be_a_contract_wallet(claim, submit, collection, people, project, tickets):
    wallet = people.stranger.deploy(project.SmartWallet, people.claim_signer)
    collection.rotateClaimSigner(wallet, sender=people.guardian)
    submit(claim())
    assert collection.ownerOf(tickets.escrowed) == people.cleo


def test_a_delegated_wallet_accepts_by_its_own_key(claim, submit, collection, people, project, tickets):
    # EIP-7702: Cleo's wallet delegates to code that knows nothing of ERC-1271; her key still rules it.
    contract = people.stranger.deploy(project.Stranger)
    ape.chain.provider.set_code(people.cleo.address, "0xef0100" + contract.address[2:])
    submit(claim())
    assert collection.ownerOf(tickets.escrowed) == people.cleo


def test_a_delegated_wallet_accepts_by_erc1271_too(claim, submit, collection, people, project, tickets):
    code = people.stranger.deploy(project.SmartWallet, people.anna)
    ape.chain.provider.set_code(people.cleo.address, "0xef0100" + code.address[2:])
    given = claim()
    submit(given, acceptance=signing.acceptance(people.anna, given, collection.address))
    assert collection.ownerOf(tickets.escrowed) == people.cleo


def test_code_that_is_no_delegation_is_not_ruled_by_a_key(claim, submit, collection, people, project):
    # An address with both cannot be made today; whoever finds a way must not hold a key to other people's contract.
    code = ape.chain.provider.get_code(people.stranger.deploy(project.Stranger).address)
    ape.chain.provider.set_code(people.cleo.address, code)
    with ape.reverts(collection.BadAcceptance):
        submit(claim())


def test_a_delegated_wallet_refuses_a_strangers_signature(claim, submit, collection, people, project):
    contract = people.stranger.deploy(project.Stranger)
    ape.chain.provider.set_code(people.cleo.address, "0xef0100" + contract.address[2:])
    given = claim()
    with ape.reverts(collection.BadAcceptance):
        submit(given, acceptance=signing.acceptance(people.anna, given, collection.address))


def test_nobody_takes_escrowed_tickets_without_a_claim(collection, people, tickets):
    for thief in (people.promoter, people.minter, people.operator, people.guardian, people.claim_signer, people.anna):
        with ape.reverts(collection.NotOwnerNorApproved):
            collection.transferFrom(collection, thief, tickets.escrowed, sender=thief)
        with ape.reverts(collection.NotOwnerNorApproved):
            collection.approve(thief, tickets.escrowed, sender=thief)


def test_the_domain_is_told(collection):
    told = collection.eip712Domain()
    assert tuple(told)[:5] == (b"\x0f", "Backstage Tickets", "1", 31337, collection.address)


def test_the_chain_id_is_read_live(collection, people, claim, submit):
    # After a fork signatures made for the old chain are dead on the new one.
    given = claim()
    voucher = signing.voucher(people.claim_signer, given, collection.address)
    acceptance = signing.acceptance(people.cleo, given, collection.address)
    provider = ape.chain.provider
    provider.make_request("anvil_setChainId", [31338])
    try:
        assert collection.eip712Domain()[3] == 31338
        with ape.reverts(collection.BadVoucher):
            collection.claim.call(tuple(given.values()), voucher, acceptance, sender=people.relayer)
    finally:
        provider.make_request("anvil_setChainId", [31337])
    submit(given, voucher, acceptance)


def test_a_claim_counts_against_the_wallets_limit_and_a_batch_does_not(collection, people, claim, submit, tickets):
    collection.setRules(rules(maxPerWallet=1), sender=people.promoter)
    submit(claim())
    assert collection.takenBy(people.cleo) == 1
    with ape.reverts(collection.WalletLimitExceeded, limit=1):
        submit(claim(tokenId=tickets.escrowed_too))
    collection.mintBatch(2, entries((people.cleo, 1)), sender=people.minter)
    assert (collection.takenBy(people.cleo), collection.balanceOf(people.cleo)) == (1, 2)


def test_no_rule_of_gifts_and_no_freeze_stops_a_claim(collection, people, claim, submit, tickets):
    collection.setRules(rules(resale=False, giftLimit=0, giftCoolOff=99, freezeAt=1), sender=people.promoter)
    submit(claim())
    assert tuple(collection.giftState(tickets.escrowed)) == (0, 0)
