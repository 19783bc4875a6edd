"""Who may hold a ticket, at every way by which one can arrive: wallets may, contracts only by the promoter's leave.

All receivers are Cleo's: what she signs counts for each of them.
"""

import ape
import pytest
import signing
from eth_utils import keccak
from signing import NO_PERMIT
from trading import ALWAYS, Desk, listing, offer, refused
from world import FACE, LOCKED, entries, events, token

ANNAS, BENS, ESCROWED, PROMOTERS = (token(1, index) for index in range(4))
SAFE_MINTED = 3 << 51 | 4
BOUGHT = 1 << 52 | 4
DAY = 86_400
SALT = bytes(32)


@pytest.fixture(scope="module")
def hall(launch, people, market, bks):
    """A collection with a ticket for every way to move it, and all that each of them needs."""
    made = launch(eventRef=b"\x31".rjust(32, b"\0"))
    owners = [people.anna, people.ben, made, people.promoter]
    made.mintBatch(1, entries(*[(owner.address, 1) for owner in owners]), sender=people.minter)
    made.setStatus([BENS], LOCKED, sender=people.operator)
    for account in (people.promoter, people.anna):
        bks.approve(market, 10 * FACE, sender=account)
    market.setBuybackPrice(made, 1, FACE, sender=people.promoter)
    market.fundBuyback(made, FACE, NO_PERMIT, sender=people.promoter)
    return Desk(market, made, people, bks)


# ---- receivers


class Receiver:
    """An address of Cleo's, and what it is to the rule: the hash that would have to be allowed, none for a wallet."""

    def __init__(self, people, project, address, code_hash=None):
        self.people, self.address, self.code_hash = people, str(address), code_hash
        self.contract = None if code_hash is None else project.CodeWallet.at(self.address, fetch_from_explorer=False)

    def call(self, method, *args):
        if self.contract is None:
            return method(*args, sender=self.people.cleo)
        call = method.encode_input(*args)
        return self.contract.execute(method.contract, call, sender=self.people.cleo)


def code_hash(address):
    return keccak(ape.chain.provider.get_code(str(address)))


def erc1167(implementation):
    return bytes.fromhex("363d3d373d3d3d363d73" + str(implementation)[2:] + "5af43d82803e903d91602b57fd5bf3")


@pytest.fixture
def deploy(people, project):
    """Deploy exactly this code."""

    def make(runtime):
        receipt = people.stranger.deploy(project.Proxies).make(runtime, sender=people.stranger)
        return events(receipt, "Made")[0]["made"]

    return make


@pytest.fixture
def receivers(people, project, deploy, collection, tickets):
    """Return what makes each receiver."""

    def code_wallet():
        made = people.stranger.deploy(project.CodeWallet)
        made.setUp(people.cleo, sender=people.stranger)
        return Receiver(people, project, made.address, code_hash(made.address))

    def delegated():
        wallet = people.stranger.deploy(project.CodeWallet)
        ape.chain.provider.set_code(people.cleo.address, "0xef0100" + wallet.address[2:])
        return Receiver(people, project, people.cleo.address)

    def clone():
        implementation = people.stranger.deploy(project.CodeWallet)
        made = project.CodeWallet.at(deploy(erc1167(implementation)), fetch_from_explorer=False)
        made.setUp(people.cleo, sender=people.stranger)
        return Receiver(people, project, made.address, code_hash(implementation.address))

    def bound():
        # It belongs to a token of another collection, which Ben gives to Cleo.
        collection.transferFrom(people.ben, people.cleo, tickets.bens, sender=people.ben)
        made = deploy(bound_code(people.stranger.deploy(project.BoundAccount), collection, tickets.bens))
        return Receiver(people, project, made, code_hash(made))

    def vault():
        made = people.stranger.deploy(project.WrapperVault)
        made.setUp(people.cleo, sender=people.stranger)
        return Receiver(people, project, made.address, code_hash(made.address))

    return {
        "a plain wallet": lambda: Receiver(people, project, people.cleo.address),
        "a delegated wallet": delegated,
        "a wallet of code": code_wallet,
        "a minimal proxy of one": clone,
        "a token-bound account": bound,
        "a wrapper vault": vault,
    }


def bound_code(implementation, token_contract, token_id):
    """Return the code of an ERC-6551 account: a minimal proxy with four words behind it."""
    words = [SALT, ape.chain.chain_id, int(token_contract.address, 16), token_id]
    return erc1167(implementation) + b"".join(w if isinstance(w, bytes) else w.to_bytes(32, "big") for w in words)


WALLETS = ("a plain wallet", "a delegated wallet")
CONTRACTS = ("a wallet of code", "a minimal proxy of one", "a token-bound account", "a wrapper vault")


# ---- ways in


def gift(hall, to):
    hall.collection.transferFrom(hall.people.anna, to.address, ANNAS, sender=hall.people.anna)
    return ANNAS


def safe_gift(hall, to):
    hall.collection.safeTransferFrom(hall.people.anna, to.address, ANNAS, sender=hall.people.anna)
    return ANNAS


def safe_gift_with_data(hall, to):
    hall.collection.safeTransferFrom(hall.people.anna, to.address, ANNAS, b"\1", sender=hall.people.anna)
    return ANNAS


def claim(hall, to):
    made = {"tokenId": ESCROWED, "recipient": to.address, "epoch": 0, "deadline": ALWAYS, "nonce": bytes(32)}
    voucher = signing.voucher(hall.people.claim_signer, made, hall.collection.address)
    acceptance = signing.acceptance(hall.people.cleo, made, hall.collection.address)
    hall.collection.claim(tuple(made.values()), voucher, acceptance, sender=hall.people.relayer)
    return ESCROWED


def market_buy(hall, to):
    made = hall.listing()
    signature = listing(hall.people.anna, made, hall.market.address)
    to.call(hall.market.buy, tuple(made.values()), signature, [], FACE, NO_PERMIT)
    return ANNAS


def accepted_offer(hall, to):
    made = hall.offer(buyer=to.address)
    hall.accept(made, offer(hall.people.cleo, made, hall.market.address))
    return ANNAS


def buyback(hall, to):
    hall.sell_back(hall.turn(next=to.address))
    return ANNAS


def issue(hall, to):
    hall.collection.issue([PROMOTERS], [to.address], sender=hall.people.promoter)
    return PROMOTERS


def recover(hall, to):
    hall.collection.requestRecovery(BENS, to.address, sender=hall.people.promoter)
    ape.chain.pending_timestamp += 2 * DAY
    hall.collection.recover(BENS, sender=hall.people.promoter)
    return BENS


def bought(hall, to):
    made = {"id": SALT, "buyer": to.address, "tier": 1, "quantity": 1, "currency": hall.currency}
    made |= {"price": 0, "fee": 0, "deadline": ALWAYS}
    signature = signing.quote(hall.people.quote_signer, made, hall.collection.address)
    return to.call(hall.collection.buy, tuple(made.values()), signature, NO_PERMIT)


def box_office(hall, to):
    bought(hall, to)
    return BOUGHT


def safe_mint(hall, to):
    hall.collection.safeMint(to.address, b"", sender=hall.people.minter)
    return SAFE_MINTED


WAYS = (
    gift,
    safe_gift,
    safe_gift_with_data,
    claim,
    market_buy,
    accepted_offer,
    buyback,
    issue,
    recover,
    box_office,
    safe_mint,
)


@pytest.fixture
def give_money(hall, bks, people):
    """Let a receiver pay for what it buys."""

    def give(to):
        bks.mint(to.address, 2 * FACE, sender=people.admin)
        to.call(bks.approve, hall.market, 2 * FACE)

    return give


def arrives_in_every_way(hall, to):
    for way in WAYS:
        with ape.chain.isolate():
            ticket = way(hall, to)
            assert (way.__name__, hall.collection.ownerOf(ticket)) == (way.__name__, to.address)


@pytest.mark.parametrize("kind", WALLETS)
def test_a_wallet_receives_in_every_way(hall, receivers, give_money, kind):
    to = receivers[kind]()
    give_money(to)
    arrives_in_every_way(hall, to)


@pytest.mark.parametrize("kind", CONTRACTS)
def test_a_contract_receives_in_no_way_before_its_code_is_allowed(hall, receivers, people, give_money, kind):
    to = receivers[kind]()
    give_money(to)
    for way in WAYS:
        with ape.chain.isolate(), refused("ReceiverNotAllowed"):
            way(hall, to)
            pytest.fail(f"{kind} received by {way.__name__}")
    hall.collection.setReceiverCodeHash(to.code_hash, True, sender=people.promoter)
    arrives_in_every_way(hall, to)


def test_a_purchase_names_the_contract_that_bought_not_the_account_that_sent_it(hall, receivers, people):
    to = receivers["a wallet of code"]()
    hall.collection.setReceiverCodeHash(to.code_hash, True, sender=people.promoter)
    receipt = bought(hall, to)
    assert receipt.sender == people.cleo.address != to.address
    [logged] = hall.collection.TicketsBought.from_receipt(receipt)
    assert (logged.buyer, hall.collection.takenBy(to.address)) == (to.address, 1)


def test_the_error_says_which_code_would_have_to_be_allowed(hall, receivers):
    for kind in CONTRACTS:
        to = receivers[kind]()
        expected = {"receiver": to.address, "codeHash": to.code_hash}
        with ape.reverts(hall.collection.ReceiverNotAllowed, **expected):
            gift(hall, to)


# ---- what allowing an account that belongs to a token means


@pytest.fixture
def implementation(people, project):
    return people.stranger.deploy(project.BoundAccount)


def test_allowing_its_implementation_allows_no_token_bound_account(
    hall, people, collection, tickets, deploy, implementation
):
    """It counts as itself: behind the proxy's code stands which token owns it, so that no two are alike."""
    account = deploy(bound_code(implementation, collection, tickets.bens))
    hall.collection.setReceiverCodeHash(code_hash(implementation.address), True, sender=people.promoter)
    with ape.reverts(hall.collection.ReceiverNotAllowed, codeHash=code_hash(account)):
        hall.collection.transferFrom(people.anna, account, ANNAS, sender=people.anna)


def test_allowing_one_token_bound_account_allows_no_other(hall, people, collection, tickets, deploy, implementation):
    one, other = (deploy(bound_code(implementation, collection, ticket)) for ticket in (tickets.annas, tickets.bens))
    hall.collection.setReceiverCodeHash(code_hash(one), True, sender=people.promoter)
    with ape.reverts(hall.collection.ReceiverNotAllowed):
        hall.collection.transferFrom(people.anna, other, ANNAS, sender=people.anna)
    hall.collection.transferFrom(people.anna, one, ANNAS, sender=people.anna)


def test_who_buys_the_token_rules_the_ticket_of_its_account(hall, people, project, collection, receivers, tickets):
    """Why it is refused unasked: the ticket changes hands without any rule of its promoter's."""
    to = receivers["a token-bound account"]()
    hall.collection.setReceiverCodeHash(to.code_hash, True, sender=people.promoter)
    gift(hall, to)
    collection.transferFrom(people.cleo, people.ben, tickets.bens, sender=people.cleo)
    onward = hall.collection.transferFrom.encode_input(to.address, people.ben, ANNAS)
    with ape.reverts(to.contract.NotTheKey):
        to.contract.execute(hall.collection, onward, sender=people.cleo)
    to.contract.execute(hall.collection, onward, sender=people.ben)
    assert hall.collection.ownerOf(ANNAS) == people.ben


def test_who_buys_a_vaults_share_has_the_ticket_in_all_but_name(hall, people, project, receivers):
    to = receivers["a wrapper vault"]()
    hall.collection.setReceiverCodeHash(to.code_hash, True, sender=people.promoter)
    safe_gift(hall, to)
    vault = project.WrapperVault.at(to.address, fetch_from_explorer=False)
    epoch = hall.collection.ticket(ANNAS).epoch
    vault.moveShare(ANNAS, people.ben, sender=people.anna)
    assert vault.shareOf(ANNAS) == people.ben
    assert hall.collection.ticket(ANNAS).epoch == epoch
