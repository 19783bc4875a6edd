"""Buying from the box office: a signed quote, exact money, limits, and the money until it is withdrawn."""

import ape
import pytest
import signing
from eth_utils import keccak
from signing import NO_PERMIT
from world import LIVE, PAUSE_CLAIM, PAUSE_MINT, PAUSE_RESALE, PAUSE_SALE, ZERO, entries, events, names, rules

ID = b"\x51".rjust(32, b"\0")
SINGLE = 1 << 52
PRICE, FEE = 3 * 10**18, 10**17
DAY = 86_400


@pytest.fixture(scope="module")
def office(launch):
    """A collection of ten tickets, none minted."""
    return launch(eventRef=b"\x0c".rjust(32, b"\0"), maxSupply=10, quotesPerDay=8)


@pytest.fixture
def quote(people, chain):
    def make(**changes):
        return {
            "id": ID,
            "buyer": people.anna.address,
            "tier": 1,
            "quantity": 2,
            "currency": ZERO,
            "price": PRICE,
            "fee": FEE,
            "deadline": chain.pending_timestamp + 3600,
        } | changes

    return make


@pytest.fixture
def buy(office, people, quote):
    """Anna buys two tickets with BNB; a test bends one thing."""

    def send(given=None, signature=None, permit=NO_PERMIT, sender=people.anna, value=None):
        given = given or quote()
        signature = signing.quote(people.quote_signer, given, office.address) if signature is None else signature
        if value is None:
            value = given["price"] if given["currency"] == ZERO else 0
        return office.buy(tuple(given.values()), signature, permit, sender=sender, value=value)

    return send


def test_a_quote_is_paid_and_its_tickets_are_minted_at_once(office, people, buy):
    receipt = buy()
    assert names(receipt) == ["SinglesMinted", "Transfer", "Transfer", "TicketsBought"]
    assert events(receipt, "SinglesMinted") == [{"firstTokenId": SINGLE, "quantity": 2, "tier": 1}]
    assert events(receipt, "TicketsBought") == [
        {
            "quoteId": ID,
            "buyer": people.anna,
            "firstTokenId": SINGLE,
            "tier": 1,
            "quantity": 2,
            "currency": ZERO,
            "price": PRICE,
            "fee": FEE,
        }
    ]
    for ticket in (SINGLE, SINGLE + 1):
        assert office.ticket(ticket) == (people.anna, 1, LIVE, 0)
        assert office.resaleHeldUntil(ticket) == 0
    assert (office.totalMinted(), office.takenBy(people.anna), office.isQuoteUsed(ID)) == (2, 2, True)
    assert tuple(office.due(ZERO)) == (PRICE - FEE, FEE)
    assert office.balance == PRICE


def test_ids_go_on_after_batches(office, people, buy):
    office.mintBatch(1, entries((people.ben, 1), (people.ben, 1)), sender=people.minter)
    receipt = buy()
    assert events(receipt, "SinglesMinted")[0]["firstTokenId"] == SINGLE + 2


def test_a_bought_ticket_has_no_resale_hold(office, people, buy):
    office.setRules(rules(resaleHold=30 * DAY), sender=people.promoter)
    buy()
    assert office.resaleHeldUntil(SINGLE) == 0


def test_bks_is_paid_by_allowance(office, people, bks, quote, buy):
    given = quote(currency=bks.address)
    with ape.reverts(office.PaymentFailed, currency=bks, account=people.anna, amount=PRICE):
        buy(given)
    bks.approve(office, PRICE, sender=people.anna)
    buy(given)
    assert bks.balanceOf(office) == PRICE
    assert tuple(office.due(bks)) == (PRICE - FEE, FEE)


def test_bks_is_paid_by_permit(office, people, bks, quote, buy, chain):
    deadline = chain.pending_timestamp + 3600
    buy(quote(currency=bks.address), permit=signing.permit(people.anna, bks, office, PRICE, deadline))
    assert bks.balanceOf(office) == PRICE


def test_a_permit_that_somebody_used_before_does_no_harm(office, people, bks, quote, buy, chain):
    deadline = chain.pending_timestamp + 3600
    value, _, v, r, s = permit = signing.permit(people.anna, bks, office, PRICE, deadline)
    bks.permit(people.anna, office, value, deadline, v, r, s, sender=people.stranger)
    buy(quote(currency=bks.address), permit=permit)
    assert bks.balanceOf(office) == PRICE


def test_a_bad_permit_pays_nothing(office, people, bks, quote, buy, chain):
    deadline = chain.pending_timestamp + 3600
    with ape.reverts(office.PaymentFailed):
        buy(quote(currency=bks.address), permit=signing.permit(people.ben, bks, office, PRICE, deadline))


@pytest.mark.parametrize("value", [0, PRICE - 1, PRICE + 1])
def test_bnb_is_exact(office, buy, value):
    with ape.reverts(office.WrongValue, expected=PRICE, given=value):
        buy(value=value)


def test_bnb_with_a_price_in_bks_is_refused(office, people, bks, quote, buy):
    bks.approve(office, PRICE, sender=people.anna)
    with ape.reverts(office.WrongValue, expected=0, given=1):
        buy(quote(currency=bks.address), value=1)


@pytest.mark.parametrize("kept", [1, 10**18])
def test_a_token_that_keeps_a_part_is_refused(office, people, project, quote, buy, kept):
    odd = people.stranger.deploy(project.OddToken)
    odd.give(people.anna, 2 * PRICE, sender=people.stranger)
    odd.approve(office, 2 * PRICE, sender=people.anna)
    odd.keep(kept, sender=people.stranger)
    with ape.reverts(office.WrongAmountReceived, expected=PRICE, received=PRICE - kept):
        buy(quote(currency=odd.address))


def test_a_token_that_lies_about_moving_is_refused(office, people, project, quote, buy):
    odd = people.stranger.deploy(project.OddToken)
    odd.keep(2**256 - 1, sender=people.stranger)  # answers true and moves nothing
    with ape.reverts(office.WrongAmountReceived, expected=PRICE, received=0):
        buy(quote(currency=odd.address))


def test_a_currency_that_is_no_contract_pays_nothing(office, people, quote, buy):
    with ape.reverts(office.PaymentFailed):
        buy(quote(currency=people.stranger.address))


def test_a_quote_is_good_once(office, people, quote, buy):
    buy()
    for again in (quote(), quote(tier=2, price=1, fee=0)):
        with ape.reverts(office.QuoteUsed, id=ID):
            buy(again)
    buy(quote(id=b"\x52" * 32))


@pytest.mark.parametrize(
    "change",
    [
        {"id": b"\1" * 32},
        {"tier": 2},
        {"quantity": 3},
        {"price": PRICE - 1},
        {"fee": 0},
        {"deadline": 2**63},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_quote_covers_every_term(office, people, quote, buy, change):
    signature = signing.quote(people.quote_signer, quote(), office.address)
    with ape.reverts(office.BadQuoteSignature):
        buy(quote(**change), signature)


def test_a_quote_covers_the_currency(office, people, bks, quote, buy):
    signature = signing.quote(people.quote_signer, quote(), office.address)
    bks.approve(office, PRICE, sender=people.anna)
    with ape.reverts(office.BadQuoteSignature):
        buy(quote(currency=bks.address), signature)


def test_a_quote_is_the_quote_signers(office, people, quote, buy):
    for other in (people.promoter, people.minter, people.claim_signer, people.admin, people.anna):
        with ape.reverts(office.BadQuoteSignature):
            buy(signature=signing.quote(other, quote(), office.address))


def test_a_quote_for_another_chain_or_collection_is_refused(office, people, quote, buy):
    for elsewhere in ({"chain_id": 56}, {"contract": people.stranger.address}):
        domain = {"contract": office.address} | elsewhere
        with ape.reverts(office.BadQuoteSignature):
            buy(signature=signing.quote(people.quote_signer, quote(), **domain))


def test_a_bent_quote_is_refused(office, people, quote, buy):
    for how, bent in signing.spoiled(signing.quote(people.quote_signer, quote(), office.address)).items():
        with ape.reverts(office.BadQuoteSignature):
            buy(signature=bent)
            pytest.fail(f"accepted: {how}")


def test_without_a_quote_signer_nothing_is_sold(office, people, quote, buy):
    office.rotateQuoteSigner(ZERO, sender=people.guardian)
    with ape.reverts(office.BadQuoteSignature):
        buy()
    with ape.reverts(office.BadQuoteSignature):
        buy(signature=bytes(64) + b"\x1b")


def test_a_quote_is_for_its_buyer(office, people, quote, buy):
    with ape.reverts(office.NotTheBuyer, buyer=people.anna):
        buy(sender=people.ben)


def test_a_quote_ends_with_its_deadline(office, quote, buy, chain):
    given = quote()
    chain.pending_timestamp = given["deadline"] + 1
    with ape.reverts(office.Expired):
        buy(given)


def test_a_quote_passes_at_its_very_deadline(quote, buy, chain):
    given = quote()
    chain.pending_timestamp = given["deadline"]
    buy(given)


@pytest.mark.parametrize("change", [{"quantity": 0}, {"fee": PRICE + 1}], ids=["no tickets", "a fee above the price"])
def test_an_absurd_quote_is_refused_even_signed(office, quote, buy, change):
    with ape.reverts(office.BadQuote):
        buy(quote(**change))


def test_a_fee_needs_a_receiver(launch, people, quote):
    made = launch(eventRef=b"\x0d".rjust(32, b"\0"), feeReceiver=ZERO)
    given = quote()
    with ape.reverts(made.BadQuote):
        made.buy(
            tuple(given.values()),
            signing.quote(people.quote_signer, given, made.address),
            NO_PERMIT,
            sender=people.anna,
            value=PRICE,
        )
    given = quote(fee=0)
    signature = signing.quote(people.quote_signer, given, made.address)
    made.buy(tuple(given.values()), signature, NO_PERMIT, sender=people.anna, value=PRICE)
    assert tuple(made.due(ZERO)) == (PRICE, 0)


def test_a_free_quote_costs_nothing(office, quote, buy):
    buy(quote(price=0, fee=0))
    assert office.totalMinted() == 2


def test_a_paused_sale_stops_buying_and_nothing_else_does(office, people, buy):
    office.setPaused(PAUSE_SALE, sender=people.guardian)
    with ape.reverts(office.ScopePaused, scope=PAUSE_SALE):
        buy()
    office.setPaused(PAUSE_MINT | PAUSE_RESALE | PAUSE_CLAIM, sender=people.guardian)
    buy()


def test_quotes_are_limited_by_the_day(office, people, quote, buy, chain):
    chain.pending_timestamp = (chain.pending_timestamp // DAY + 1) * DAY + 5
    buy(quote(quantity=6))
    with ape.reverts(office.QuoteLimitExceeded):
        buy(quote(id=b"\1" * 32, quantity=3))
    # A rotated key finds the same count.
    office.rotateQuoteSigner(people.stranger, sender=people.guardian)
    given = quote(id=b"\1" * 32, quantity=3)
    signature = signing.quote(people.stranger, given, office.address)
    with ape.reverts(office.QuoteLimitExceeded):
        buy(given, signature)
    chain.pending_timestamp += DAY
    given = quote(id=b"\1" * 32, quantity=3)
    buy(given, signing.quote(people.stranger, given, office.address))


def test_the_supply_holds_for_buyers(office, people, quote, buy):
    office.mintBatch(1, entries(*[(people.ben, 1)] * 9), sender=people.minter)
    with ape.reverts(office.SupplyExceeded):
        buy()
    buy(quote(quantity=1))
    with ape.reverts(office.SupplyExceeded):
        office.mintBatch(2, entries((people.ben, 1)), sender=people.minter)
    with ape.reverts(office.SupplyExceeded):
        office.safeMint(people.ben, b"", sender=people.minter)


def test_a_wallet_buys_as_many_as_the_rules_say_even_if_it_gives_them_away(office, people, quote, buy):
    office.setRules(rules(maxPerWallet=3), sender=people.promoter)
    buy()
    for ticket in (SINGLE, SINGLE + 1):
        office.transferFrom(people.anna, people.ben, ticket, sender=people.anna)
    with ape.reverts(office.WalletLimitExceeded, limit=3):
        buy(quote(id=b"\1" * 32))
    buy(quote(id=b"\1" * 32, quantity=1))
    assert (office.takenBy(people.anna), office.takenBy(people.ben)) == (3, 0)


def test_a_contract_buys_only_if_its_code_is_allowed(office, people, project, quote):
    holder = people.stranger.deploy(project.TicketHolder)
    given = quote(buyer=holder.address, price=0, fee=0)
    call = office.buy.encode_input(
        tuple(given.values()), signing.quote(people.quote_signer, given, office.address), NO_PERMIT
    )
    with pytest.raises(ape.exceptions.ContractLogicError):
        holder.execute(office, call, sender=people.stranger)
    assert office.totalMinted() == 0
    office.setReceiverCodeHash(keccak(ape.chain.provider.get_code(holder.address)), True, sender=people.promoter)
    holder.execute(office, call, sender=people.stranger)
    assert office.balanceOf(holder) == 2


# ---- the money


def test_each_share_goes_its_own_way(office, people, bks, quote, buy):
    buy()
    given = quote(id=b"\1" * 32, currency=bks.address)
    bks.approve(office, PRICE, sender=people.anna)
    buy(given)
    for currency in (ZERO, bks.address):
        before = [_balance(bks, currency, who) for who in (people.treasury, people.fees)]
        receipt = office.withdraw(currency, sender=people.stranger)
        assert events(receipt, "Withdrawn") == [
            {"currency": currency, "to": people.treasury, "amount": PRICE - FEE, "isFee": False}
        ]
        receipt = office.withdrawFees(currency, sender=people.stranger)
        assert events(receipt, "Withdrawn") == [{"currency": currency, "to": people.fees, "amount": FEE, "isFee": True}]
        after = [_balance(bks, currency, who) for who in (people.treasury, people.fees)]
        assert [a - b for a, b in zip(after, before, strict=True)] == [PRICE - FEE, FEE]
        for call in (office.withdraw, office.withdrawFees):
            with ape.reverts(office.NothingDue):
                call(currency, sender=people.promoter)
    assert (office.balance, bks.balanceOf(office)) == (0, 0)


def _balance(bks, currency, account):
    return account.balance if currency == ZERO else bks.balanceOf(account)


def test_a_treasury_that_refuses_blocks_only_itself(office, people, project, buy):
    buy()
    refusing = people.stranger.deploy(project.Stranger)
    office.setTreasury(refusing, sender=people.promoter)
    with ape.reverts(office.PaymentFailed):
        office.withdraw(ZERO, sender=people.promoter)
    office.withdrawFees(ZERO, sender=people.stranger)
    office.setTreasury(ZERO, sender=people.promoter)
    assert office.treasury() == people.promoter
    office.withdraw(ZERO, sender=people.stranger)
    assert office.balance == 0


def test_who_names_treasury_and_fee_receiver(office, people):
    for other in (people.treasury, people.guardian, people.stranger):
        with ape.reverts(office.Unauthorized):
            office.setTreasury(other, sender=other)
    receipt = office.setTreasury(people.cleo, sender=people.promoter)
    assert events(receipt, "TreasuryChanged") == [{"treasury": people.cleo}]
    for other in (people.promoter, people.guardian, people.stranger):
        with ape.reverts(office.NotFeeReceiver):
            office.setFeeReceiver(other, sender=other)
    with ape.reverts(office.ReceiverIsZero):
        office.setFeeReceiver(ZERO, sender=people.fees)
    receipt = office.setFeeReceiver(people.cleo, sender=people.fees)
    assert events(receipt, "FeeReceiverChanged") == [{"receiver": people.cleo}]
    assert office.feeReceiver() == people.cleo


def test_who_names_the_quote_signer(office, people):
    for other in (people.quote_signer, people.guardian, people.minter):
        with ape.reverts(office.Unauthorized):
            office.setQuoteSigner(other, 9, sender=other)
    receipt = office.setQuoteSigner(people.cleo, 9, sender=people.promoter)
    assert events(receipt, "QuoteSignerChanged") == [{"signer": people.cleo, "perDay": 9}]
    for other in (people.quote_signer, people.operator):
        with ape.reverts(office.NotOwnerOrGuardian):
            office.rotateQuoteSigner(other, sender=other)
    office.rotateQuoteSigner(people.ben, sender=people.guardian)
    assert (office.quoteSigner(), office.quotesPerDay()) == (people.ben, 9)


def test_a_hostile_token_cannot_enter_again(office, people, project, bks, quote, buy):
    odd = people.stranger.deploy(project.OddToken)
    odd.give(people.anna, 2 * PRICE, sender=people.stranger)
    odd.approve(office, 2 * PRICE, sender=people.anna)
    calls = [
        office.withdraw.encode_input(ZERO),
        office.withdrawFees.encode_input(ZERO),
        office.buy.encode_input(tuple(quote().values()), b"", NO_PERMIT),
    ]
    reentered = keccak(text=office.Reentered.abi.selector)[:4]
    for number, call in enumerate(calls):
        odd.onMoveCall(office, call, sender=people.stranger)
        buy(quote(id=bytes([number]) * 32, currency=odd.address, price=1, fee=0))
        assert not odd.succeeded()
        assert bytes(odd.answer()) == reentered
