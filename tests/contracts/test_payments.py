"""How money is taken and paid: exact amounts, tokens that answer in their own way, gas for a receiver."""

import ape
import pytest
import signing
from eth_utils import keccak
from signing import NO_PERMIT
from trading import Desk, shares
from world import FACE, ZERO, entries, events

SINGLE = 1 << 52
PRICE = 1000
TRUE = (1).to_bytes(32, "big")


@pytest.fixture(scope="module")
def till(launch):
    """A collection whose tickets are bought by quote."""
    return launch(eventRef=b"\x70".rjust(32, b"\0"))


@pytest.fixture
def odd(people, project, till):
    """A token that does as it is told; Anna has some and the box office may take it."""
    token = people.stranger.deploy(project.OddToken)
    token.give(people.anna, 10 * PRICE, sender=people.stranger)
    token.approve(till, 10 * PRICE, sender=people.anna)
    return token


@pytest.fixture
def buy(till, people, chain):
    """Anna buys one ticket; a test says what it costs."""
    ids = iter(range(1, 100))

    def send(currency=ZERO, price=PRICE, fee=0, permit=NO_PERMIT):
        given = {
            "id": next(ids).to_bytes(32, "big"),
            "buyer": people.anna.address,
            "tier": 1,
            "quantity": 1,
            "currency": str(getattr(currency, "address", currency)),
            "price": price,
            "fee": fee,
            "deadline": chain.pending_timestamp + 3600,
        }
        signature = signing.quote(people.quote_signer, given, till.address)
        value = price if currency == ZERO else 0
        return till.buy(tuple(given.values()), signature, permit, sender=people.anna, value=value)

    return send


# ---- shares


@pytest.mark.parametrize("fee", [0, 1, PRICE - 1, PRICE])
def test_the_fee_is_anything_up_to_the_whole_price(till, people, buy, fee):
    buy(fee=fee)
    assert tuple(till.due(ZERO)) == (PRICE - fee, fee)


def test_what_is_due_adds_up_until_it_is_withdrawn(till, people, buy, odd):
    for price, fee in ((PRICE, 10), (2 * PRICE, 30)):
        buy(price=price, fee=fee)
        buy(odd, price=price, fee=fee)
    for currency in (ZERO, odd.address):
        assert tuple(till.due(currency)) == (3 * PRICE - 40, 40)
    before = (people.treasury.balance, people.fees.balance)
    till.withdraw(ZERO, sender=people.stranger)
    till.withdrawFees(ZERO, sender=people.stranger)
    assert (people.treasury.balance - before[0], people.fees.balance - before[1]) == (3 * PRICE - 40, 40)
    # The other currency's money is untouched.
    assert tuple(till.due(odd)) == (3 * PRICE - 40, 40)
    assert odd.balanceOf(till) == 3 * PRICE


def test_what_costs_nothing_touches_no_token(till, people, buy):
    buy(people.stranger.address, price=0)  # no contract at all
    assert till.ownerOf(SINGLE) == people.anna


# ---- taking


def test_a_permit_is_used_only_where_there_is_one(buy, odd):
    buy(odd)
    assert odd.permits() == 0
    buy(odd, permit=(PRICE, 1, 27, TRUE, TRUE))
    assert odd.permits() == 1


def test_a_token_that_takes_from_its_receiver_is_refused(till, people, odd, buy):
    odd.give(till, 5, sender=people.stranger)
    odd.rob(1, sender=people.stranger)
    with ape.reverts(till.WrongAmountReceived, expected=PRICE, received=0):
        buy(odd)


def test_a_token_that_keeps_a_part_is_refused_whatever_is_in_the_till(till, people, odd, buy):
    odd.give(till, 5, sender=people.stranger)
    odd.keep(1, sender=people.stranger)
    with ape.reverts(till.WrongAmountReceived, expected=PRICE, received=PRICE - 1):
        buy(odd)


def test_a_token_that_gives_more_is_refused_too(till, people, project, buy):
    odd = people.stranger.deploy(project.OddToken)
    odd.give(people.anna, 10 * PRICE, sender=people.stranger)
    odd.approve(till, 10 * PRICE, sender=people.anna)
    odd.onMoveCall(odd, odd.give.encode_input(till, 1), sender=people.stranger)
    with ape.reverts(till.WrongAmountReceived, expected=PRICE, received=PRICE + 1):
        buy(odd)


# ---- the lock


def test_one_transaction_may_pay_in_and_out_many_times(till, people, project, market, chain):
    contract = people.stranger.deploy(project.TicketHolder)
    till.setReceiverCodeHash(keccak(chain.provider.get_code(contract.address)), True, sender=people.promoter)
    calls = []
    for number in (1, 2):
        given = {
            "id": number.to_bytes(32, "big"),
            "buyer": contract.address,
            "tier": 1,
            "quantity": 1,
            "currency": ZERO,
            "price": 0,
            "fee": 0,
            "deadline": chain.pending_timestamp + 3600,
        }
        signature = signing.quote(people.quote_signer, given, till.address)
        calls.append(till.buy.encode_input(tuple(given.values()), signature, NO_PERMIT))
    contract.executeAll(till, calls, sender=people.stranger)
    assert (till.balanceOf(contract), till.takenBy(contract), till.takenBy(people.stranger)) == (2, 2, 0)
    fund = market.fundBuyback.encode_input(till, 0, NO_PERMIT)
    contract.executeAll(market, [fund, fund], sender=people.stranger)


# ---- paying


ANSWERS = {
    "nothing, as old tokens do": (b"", True),
    "true": (TRUE, True),
    "true and more": (TRUE + TRUE, True),
    "false": (bytes(32), False),
    "two": ((2).to_bytes(32, "big"), False),
    "every bit": (b"\xff" * 32, False),
    "one byte": (b"\1", False),
    "31 bytes": (bytes(30) + b"\1", False),
    "nothing and more": (bytes(32) + TRUE, False),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_token_paid_when_it_says_true_or_nothing(till, people, odd, buy, answer):
    told, is_paid = ANSWERS[answer]
    buy(odd)
    odd.answerWith(told, sender=people.stranger)
    if is_paid:
        till.withdraw(odd, sender=people.stranger)
        assert odd.balanceOf(people.treasury) == PRICE
        return
    paid = {"currency": odd.address, "account": people.treasury.address, "amount": PRICE}
    with ape.reverts(till.PaymentFailed, **paid):
        till.withdraw(odd, sender=people.stranger)
    assert tuple(till.due(odd)) == (PRICE, 0)


def test_a_currency_without_code_pays_nothing_out(launch, market, people):
    made = launch(eventRef=b"\x71".rjust(32, b"\0"), resaleCurrency=people.stranger.address)
    failed = {"currency": people.stranger.address, "account": people.promoter.address, "amount": 0}
    with ape.reverts(market.PaymentFailed, **failed):
        market.withdrawBuyback(made, 0, people.promoter, sender=people.promoter)


def test_a_currency_that_reverts_without_a_word_pays_nothing_out(launch, market, people, project):
    mute = people.stranger.deploy(project.Stranger)  # no such function: it reverts with nothing, which is no "true"
    made = launch(eventRef=b"\x73".rjust(32, b"\0"), resaleCurrency=mute.address)
    failed = {"currency": mute.address, "account": people.promoter.address, "amount": 0}
    with ape.reverts(market.PaymentFailed, **failed):
        market.withdrawBuyback(made, 0, people.promoter, sender=people.promoter)


def test_a_receiver_of_the_native_coin_has_fifty_thousand_gas(till, people, project, chain, buy):
    # GAS, PUSH0, SSTORE: keeps what gas it had. The chain adds 2,300 to a call with value; asking took 2.
    receipt = people.stranger.deploy(project.Proxies).make(bytes.fromhex("5a5f55"), sender=people.stranger)
    receiver = events(receipt, "Made")[0]["made"]
    till.setTreasury(receiver, sender=people.promoter)
    buy()
    till.withdraw(ZERO, sender=people.stranger)
    kept = chain.provider.make_request("eth_getStorageAt", [receiver, "0x0", "latest"])
    assert int(kept, 16) == 50_000 + 2_300 - 2


# ---- the market's part


@pytest.fixture(scope="module")
def plain(launch, people, market, bks):
    """A market's collection without royalty."""
    made = launch(eventRef=b"\x72".rjust(32, b"\0"), royaltyReceiver=ZERO, royaltyBps=0)
    made.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    bks.approve(market, 2**256 - 1, sender=people.cleo)
    return Desk(market, made, people, bks)


def test_nobody_is_paid_nothing(plain, people):
    plain.market.setFee(ZERO, 0, sender=people.admin)
    paid = [(log["from"], log["to"]) for log in events(plain.buy(), "Transfer") if "amount" in log]
    assert paid == [(people.cleo, plain.market), (plain.market, people.anna)]


def test_credits_add_up(native, people, project):
    refusing = people.stranger.deploy(project.TicketHolder)  # takes no native coin
    native.collection.setRoyalty(refusing, 500, sender=people.promoter)
    native.buy()
    again = native.listing(seller=people.cleo.address, epoch=1)
    native.buy(again, signing.listing(people.cleo, again, native.market.address), sender=people.ben)
    assert native.market.creditOf(refusing, ZERO) == 2 * shares(FACE)[1]
    receipt = refusing.execute(
        native.market, native.market.withdraw.encode_input(ZERO, people.ben), sender=people.stranger
    )
    credited = {"account": refusing, "currency": ZERO, "to": people.ben, "amount": 2 * shares(FACE)[1]}
    assert [dict(log.event_arguments) for log in native.market.CreditWithdrawn.from_receipt(receipt)] == [credited]
