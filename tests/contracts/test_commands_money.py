"""`withdraw`: what is due goes to whom it is due, whoever sends the transaction."""

import pytest
import signing
from signing import NO_PERMIT
from world import FACE, ZERO

REVERTS = "0x60006000fd"
"""Code that refuses whatever is paid to it."""


@pytest.fixture
def sold(launch, people, bks, chain):
    """A collection that sold one ticket for coin and one for BKS."""
    made = launch(eventRef=b"\x51".rjust(32, b"\0"))
    bks.approve(made, 10**20, sender=people.anna)
    for number, currency in enumerate((ZERO, bks.address)):
        given = {
            "id": bytes([number + 1]).rjust(32, b"\0"),
            "buyer": people.anna.address,
            "tier": 1,
            "quantity": 1,
            "currency": currency,
            "price": 1000,
            "fee": 50,
            "deadline": chain.pending_timestamp + 3600,
        }
        signature = signing.quote(people.quote_signer, given, made.address)
        value = 1000 if currency == ZERO else 0
        made.buy(tuple(given.values()), signature, NO_PERMIT, sender=people.anna, value=value)
    return made


def test_the_treasury_gets_both_currencies_whoever_asks(console, sold, bks, people):
    before = people.treasury.balance, bks.balanceOf(people.treasury)
    said = console.try_out("withdraw", "--collection", sold.address)
    assert said.count("950 base units") == 2 and str(people.treasury.address) in said
    console.send("withdraw", "--collection", sold.address, signer=people.stranger)
    assert (people.treasury.balance, bks.balanceOf(people.treasury)) == (before[0] + 950, before[1] + 950)
    height = console.state()[0]
    assert "owes" in console.send("withdraw", "--collection", sold.address, signer=people.stranger)
    assert console.state()[0] == height, "nothing was due"


def test_fees_go_to_the_fee_receiver_in_the_currency_that_was_named(console, sold, bks, people):
    console.send("withdraw", "--collection", sold.address, "--fees", "--currency", "bks", signer=people.stranger)
    assert bks.balanceOf(people.fees) == 50
    assert sold.due(ZERO) == (950, 50)


def test_a_treasury_that_refuses_is_named_as_the_reason(console, sold, people, chain):
    chain.provider.make_request("anvil_setCode", [people.treasury.address, REVERTS])
    said = console.refuse("withdraw", "--collection", sold.address, "--currency", "coin", "--yes", signer=people.admin)
    assert f"account={people.treasury.address}, amount=950): the receiver refuses the payment" in said


def test_a_credit_of_the_market_is_paid_to_whom_its_owner_names(console, native, people, chain):
    chain.provider.make_request("anvil_setCode", [people.promoter.address, REVERTS])
    native.buy(native.listing())
    chain.provider.make_request("anvil_setCode", [people.promoter.address, "0x"])
    royalty = native.market.creditOf(people.promoter, ZERO)
    assert royalty == FACE * 5 // 100
    before = people.relayer.balance
    asked = ("withdraw", "--market", "--currency", "coin", "--to", people.relayer.address)
    assert str(royalty) in console.try_out(*asked, "--from", people.promoter.address)
    console.send(*asked, signer=people.stranger)
    assert people.relayer.balance == before, "a stranger has no credit"
    console.send(*asked, signer=people.promoter)
    assert people.relayer.balance == before + royalty


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "name --collection, or --all"),
        (("--market", "--fees"), "--market goes without"),
        (("--all", "--to", "0x" + "00" * 19 + "99"), "--to goes with --market"),
        (("--all", "--currency", "doubloon"), "is not an address"),
        (("--market", "--dry-run"), "whose credit?"),
    ],
)
def test_withdraw_refuses_what_makes_no_sense(console, arguments, word):
    assert word in console.refuse("withdraw", *arguments)
