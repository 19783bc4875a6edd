"""The one hook: every way to move a ticket keeps status, epoch, approvals and the receiver rule."""

import ape
import pytest
from eth_utils import keccak
from world import (
    GIFT,
    LIVE,
    LOCKED,
    PAUSE_CLAIM,
    PAUSE_MINT,
    PAUSE_RESALE,
    PAUSE_SALE,
    USED,
    VOID,
    ZERO,
    entries,
    events,
    names,
    token,
)

WAYS = {
    "transferFrom": lambda c, *args, sender: c.transferFrom(*args, sender=sender),
    "safeTransferFrom": lambda c, *args, sender: c.safeTransferFrom(*args, sender=sender),
    "safeTransferFrom with data": lambda c, *args, sender: c.safeTransferFrom(*args, b"\1\2", sender=sender),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def move(request):
    return request.param


def test_a_gift_moves_the_ticket_and_raises_its_epoch(collection, people, tickets, move):
    receipt = move(collection, people.anna, people.cleo, tickets.annas, sender=people.anna)
    assert names(receipt) == ["Transfer", "TicketMoved"]
    assert events(receipt, "TicketMoved") == [{"tokenId": tickets.annas, "kind": GIFT, "epoch": 1}]
    assert collection.ticket(tickets.annas) == (people.cleo, 1, LIVE, 1)
    move(collection, people.cleo, people.anna, tickets.annas, sender=people.cleo)
    assert collection.ticket(tickets.annas) == (people.anna, 1, LIVE, 2)


@pytest.mark.parametrize("status", [LOCKED, USED, VOID])
def test_only_live_tickets_move(collection, people, tickets, move, status):
    collection.approve(people.cleo, tickets.annas, sender=people.anna)
    collection.setApprovalForAll(people.ben, True, sender=people.anna)
    collection.setStatus([tickets.annas], status, sender=people.operator)
    for mover in (people.anna, people.ben, people.cleo):
        with ape.reverts(collection.TicketNotLive, tokenId=tickets.annas, status=status):
            move(collection, people.anna, people.cleo, tickets.annas, sender=mover)


def test_an_unlocked_ticket_moves_again(collection, people, tickets, move):
    collection.setStatus([tickets.annas], LOCKED, sender=people.operator)
    collection.setStatus([tickets.annas], LIVE, sender=people.operator)
    move(collection, people.anna, people.cleo, tickets.annas, sender=people.anna)


def test_nobody_else_moves_a_ticket(collection, people, tickets, move):
    for other in (people.promoter, people.minter, people.operator, people.guardian, people.claim_signer, people.ben):
        with ape.reverts(collection.NotOwnerNorApproved):
            move(collection, people.anna, other, tickets.annas, sender=other)


def test_the_giver_must_hold_the_ticket(collection, people, tickets, move):
    with ape.reverts(collection.TransferFromIncorrectOwner):
        move(collection, people.ben, people.cleo, tickets.annas, sender=people.ben)


def test_a_ticket_that_does_not_exist_does_not_move(collection, people, move):
    with ape.reverts(collection.TokenDoesNotExist):
        move(collection, people.anna, people.cleo, token(5), sender=people.anna)


def test_no_ticket_goes_to_zero_or_back_to_the_collection(collection, people, tickets, move):
    with ape.reverts(collection.TransferToZeroAddress):
        move(collection, people.anna, ZERO, tickets.annas, sender=people.anna)
    with ape.reverts(collection.ReceiverIsCollection):
        move(collection, people.anna, collection, tickets.annas, sender=people.anna)


def test_a_move_clears_the_approval_so_the_seller_cannot_pull_back(collection, people, tickets, move):
    collection.approve(people.ben, tickets.annas, sender=people.anna)
    move(collection, people.anna, people.cleo, tickets.annas, sender=people.anna)
    assert collection.getApproved(tickets.annas) == ZERO
    with ape.reverts(collection.NotOwnerNorApproved):
        move(collection, people.cleo, people.ben, tickets.annas, sender=people.ben)


def test_an_approved_account_moves_it_once(collection, people, tickets, move):
    collection.approve(people.ben, tickets.annas, sender=people.anna)
    move(collection, people.anna, people.ben, tickets.annas, sender=people.ben)
    assert collection.ownerOf(tickets.annas) == people.ben


def test_a_self_transfer_keeps_the_ticket_and_raises_the_epoch(collection, people, tickets, move):
    collection.approve(people.ben, tickets.annas, sender=people.anna)
    receipt = move(collection, people.anna, people.anna, tickets.annas, sender=people.anna)
    assert events(receipt, "TicketMoved") == [{"tokenId": tickets.annas, "kind": GIFT, "epoch": 1}]
    assert collection.ticket(tickets.annas) == (people.anna, 1, LIVE, 1)
    assert collection.balanceOf(people.anna) == 1
    assert collection.getApproved(tickets.annas) == ZERO


def test_no_pause_stops_a_gift(collection, people, tickets, move):
    collection.setPaused(PAUSE_SALE | PAUSE_MINT | PAUSE_RESALE | PAUSE_CLAIM, sender=people.guardian)
    move(collection, people.anna, people.cleo, tickets.annas, sender=people.anna)


def test_money_sent_along_is_refused(collection, people, tickets):
    with ape.reverts(collection.ValueRefused):
        collection.transferFrom(people.anna, people.ben, tickets.annas, sender=people.anna, value=1)
    with ape.reverts(collection.ValueRefused):
        collection.safeTransferFrom(people.anna, people.ben, tickets.annas, sender=people.anna, value=1)
    with ape.reverts(collection.ValueRefused):
        collection.approve(people.ben, tickets.annas, sender=people.anna, value=1)


# ---- the receiver rule


@pytest.fixture
def holder(people, project):
    return people.stranger.deploy(project.TicketHolder)


def code_hash(address):
    return keccak(ape.chain.provider.get_code(str(address)))


def proxy(people, project, runtime):
    receipt = people.stranger.deploy(project.Proxies).make(runtime, sender=people.stranger)
    return events(receipt, "Made")[0]["made"]


def erc1167(implementation):
    return bytes.fromhex("363d3d373d3d3d363d73" + str(implementation)[2:] + "5af43d82803e903d91602b57fd5bf3")


def solady_clone(implementation):
    return bytes.fromhex("3d3d3d3d363d3d37363d73" + str(implementation)[2:] + "5af43d3d93803e602a57fd5bf3")


def test_a_contract_does_not_receive_tickets(collection, people, tickets, holder, move):
    with ape.reverts(collection.ReceiverNotAllowed, receiver=holder.address, codeHash=code_hash(holder)):
        move(collection, people.anna, holder, tickets.annas, sender=people.anna)


def test_a_contract_receives_once_its_code_is_allowed_and_not_after(collection, people, tickets, holder, move):
    collection.setReceiverCodeHash(code_hash(holder), True, sender=people.promoter)
    move(collection, people.anna, holder, tickets.annas, sender=people.anna)
    assert collection.ownerOf(tickets.annas) == holder.address
    collection.setReceiverCodeHash(code_hash(holder), False, sender=people.promoter)
    with ape.reverts(collection.ReceiverNotAllowed):
        move(collection, people.ben, holder, tickets.bens, sender=people.ben)


def test_a_delegated_wallet_receives_like_any_other(collection, people, tickets, holder):
    ape.chain.provider.set_code(people.cleo.address, "0xef0100" + holder.address[2:])
    collection.transferFrom(people.anna, people.cleo, tickets.annas, sender=people.anna)
    collection.safeTransferFrom(people.ben, people.cleo, tickets.bens, sender=people.ben)
    assert collection.balanceOf(people.cleo) == 2


def test_a_contract_as_long_as_a_delegation_is_still_a_contract(collection, people, project, tickets):
    # Other code that begins with 0xef cannot be deployed (EIP-3541), so the length is what remains to be confused.
    contract = proxy(people, project, bytes.fromhex("60" * 23))
    with ape.reverts(collection.ReceiverNotAllowed):
        collection.transferFrom(people.anna, contract, tickets.annas, sender=people.anna)
    with pytest.raises(ape.exceptions.ContractLogicError):
        proxy(people, project, bytes.fromhex("ef0100" + "11" * 20))


@pytest.mark.parametrize("shape", [erc1167, solady_clone])
def test_a_minimal_proxy_counts_as_its_implementation(collection, people, project, tickets, holder, shape):
    clone = proxy(people, project, shape(holder))
    with ape.reverts(collection.ReceiverNotAllowed, receiver=clone, codeHash=code_hash(holder)):
        collection.transferFrom(people.anna, clone, tickets.annas, sender=people.anna)
    # Its own hash allows nothing: every proxy of one implementation has another.
    collection.setReceiverCodeHash(code_hash(clone), True, sender=people.promoter)
    with ape.reverts(collection.ReceiverNotAllowed):
        collection.transferFrom(people.anna, clone, tickets.annas, sender=people.anna)
    collection.setReceiverCodeHash(code_hash(holder), True, sender=people.promoter)
    collection.safeTransferFrom(people.anna, clone, tickets.annas, sender=people.anna)
    assert collection.ownerOf(tickets.annas) == clone


@pytest.mark.parametrize("shape", [erc1167, solady_clone])
@pytest.mark.parametrize(
    "bend",
    [
        lambda code: b"\x58" + code[1:],
        lambda code: code[:-1] + b"\xf4",
        lambda code: code + b"\0",
        lambda code: code[:-1],
    ],
    ids=["another start", "another end", "longer", "shorter"],
)
def test_what_is_not_exactly_a_proxy_counts_as_itself(collection, people, project, tickets, holder, shape, bend):
    collection.setReceiverCodeHash(code_hash(holder), True, sender=people.promoter)
    clone = proxy(people, project, bend(shape(holder)))
    with ape.reverts(collection.ReceiverNotAllowed, receiver=clone, codeHash=code_hash(clone)):
        collection.transferFrom(people.anna, clone, tickets.annas, sender=people.anna)


def test_a_proxy_of_nothing_is_refused(collection, people, project, tickets):
    clone = proxy(people, project, erc1167("0x" + "ab" * 20))
    with ape.reverts(collection.ReceiverNotAllowed):
        collection.transferFrom(people.anna, clone, tickets.annas, sender=people.anna)


@pytest.mark.parametrize("nothing", [bytes(32), keccak(b"")], ids=["no account", "no code"])
def test_the_hash_of_no_code_cannot_be_allowed(collection, people, nothing):
    with ape.reverts(collection.BadCodeHash):
        collection.setReceiverCodeHash(nothing, True, sender=people.promoter)


def test_only_the_owner_allows_receivers(collection, people):
    for other in (people.guardian, people.minter, people.operator, people.stranger):
        with ape.reverts(collection.Unauthorized):
            collection.setReceiverCodeHash(b"\1" * 32, True, sender=other)
    receipt = collection.setReceiverCodeHash(b"\1" * 32, True, sender=people.promoter)
    assert events(receipt, "ReceiverCodeHashChanged") == [{"codeHash": b"\1" * 32, "allowed": True}]
    assert collection.isReceiverCodeHash(b"\1" * 32)


def test_a_safe_transfer_asks_the_receiver(collection, people, project, tickets):
    stranger = people.stranger.deploy(project.Stranger)
    collection.setReceiverCodeHash(code_hash(stranger), True, sender=people.promoter)
    with ape.reverts(collection.TransferToNonERC721ReceiverImplementer):
        collection.safeTransferFrom(people.anna, stranger, tickets.annas, sender=people.anna)
    collection.transferFrom(people.anna, stranger, tickets.annas, sender=people.anna)


# ---- re-entering from the receiver


def test_a_receiver_may_send_the_ticket_on_at_once(collection, people, tickets, holder):
    collection.setReceiverCodeHash(code_hash(holder), True, sender=people.promoter)
    onward = collection.transferFrom.encode_input(holder, people.cleo, tickets.annas)
    holder.onReceiptCall(collection, onward, sender=people.stranger)
    receipt = collection.safeTransferFrom(people.anna, holder, tickets.annas, sender=people.anna)
    assert [log["epoch"] for log in events(receipt, "TicketMoved")] == [1, 2]
    assert collection.ticket(tickets.annas) == (people.cleo, 1, LIVE, 2)
    balances = [collection.balanceOf(who) for who in (people.anna, holder, people.cleo)]
    assert balances == [0, 0, 1]


def test_a_receiver_gains_nothing_by_calling_back(collection, people, tickets, holder, params):
    collection.setReceiverCodeHash(code_hash(holder), True, sender=people.promoter)
    calls = {
        collection.NotMinter: collection.mintBatch.encode_input(2, entries((holder.address, 1))),
        collection.NotOperator: collection.setStatus.encode_input([tickets.bens], LIVE),
        collection.TransferFromIncorrectOwner: collection.transferFrom.encode_input(people.anna, holder, tickets.annas),
        collection.Unauthorized: collection.setMinter.encode_input(holder, 1000),
        collection.NotOwnerOrGuardian: collection.setPaused.encode_input(0),
        collection.AlreadyInitialized: collection.initialize.encode_input(
            tuple(params(promoter=holder.address).values())
        ),
    }
    for error, call in calls.items():
        snapshot = ape.chain.snapshot()
        holder.onReceiptCall(collection, call, sender=people.stranger)
        collection.safeTransferFrom(people.anna, holder, tickets.annas, sender=people.anna)
        assert not holder.succeeded()
        assert bytes(holder.answer())[:4] == keccak(text=error.abi.selector)[:4]
        assert (collection.totalMinted(), collection.minterAllowance(), collection.nextBatch()) == (4, 1196, 2)
        ape.chain.restore(snapshot)
