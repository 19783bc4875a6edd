"""A purchase by quote against our real contracts: who pays what, once, in time, and what the index makes of it."""

from uuid import UUID

import pytest
from sqlalchemy import select

from backend.chain import abi
from backend.chain.port import CallReverted
from backend.ledger.service import balance
from backend.orders import tasks as order_tasks
from backend.payments.models import Payment
from backend.tickets import onchain, service
from backend.tickets.models import MintJob, Purchase
from tests.factories.accounts import address_of, make_key, signed_in
from tests.factories.tickets import NETWORK, tickets_of
from tests.tickets.purchases import BNB, ETHER, Buyer, deploy_on_sale, make_token_sale, stored


@pytest.fixture
def promoter():
    return make_key()


@pytest.fixture
def sale(session, promoter):
    return make_token_sale(session, promoter)


@pytest.fixture
def collection(client, chain, session, sale, promoter):
    return deploy_on_sale(client, chain, session, sale, promoter)


@pytest.fixture
def buyer(client, chain, session, sale, collection):
    return Buyer(client, chain, session, sale)


def books(session, sale, currency):
    accounts = ("provider:crypto:collection", "organisation:revenue", "platform:fee")
    return tuple(balance(session, sale.event.organisation_id, account, currency).amount for account in accounts)


def due(chain, collection, currency):
    answer = chain.port.call(collection.address, abi.encode_call("TicketCollection", "due", [currency]))
    return tuple(abi.decode_output("TicketCollection", "due", answer).values())


def refusal(chain, transaction, sender=None, **changes):
    """Return the contract's reason for refusing a transaction of ours, changed or sent by another."""
    fields = transaction | changes
    to, data = bytes.fromhex(fields["to"][2:]), bytes.fromhex(fields["data"][2:])
    with pytest.raises(CallReverted) as refused:
        chain.port.call(to, data, sender=sender or bytes.fromhex(fields["from"][2:]), value=int(fields["value"], 16))
    return abi.decode_revert(None, refused.value.data)[0]


def test_two_tickets_for_bks_with_a_permit_in_one_transaction(buyer, chain, session, sale, collection):
    order = buyer.order("BKS")
    buyer.send(buyer.transaction(order))
    chain.index(collection.address)
    paid = stored(session, order)
    assert paid.status == "FULFILLED" and paid.paid_at is not None
    tickets = tickets_of(session, paid.id)
    assert [(t.status, t.custody, t.token_id) for t in tickets] == [
        ("LIVE", "WALLET", 2**52),
        ("LIVE", "WALLET", 2**52 + 1),
    ]
    assert session.scalars(select(MintJob)).all() == []
    holding = service.holding_of(session, tickets[0].id)
    assert (holding.owner, holding.tier, holding.is_final) == (address_of(buyer.key), 1, True)
    assert books(session, sale, "BKS") == (50 * ETHER, -(50 * ETHER * 95 // 100), -(50 * ETHER * 5 // 100))
    assert due(chain, collection, chain.bks) == (50 * ETHER * 95 // 100, 50 * ETHER * 5 // 100)
    assert (sale.tier.held, sale.tier.paid) == (0, 2)
    mine = buyer.client.get("/v1/tickets", headers=buyer.headers).json()["items"]
    assert {item["tx_hash"] for item in mine} == {"0x" + session.scalars(select(Purchase)).one().tx_hash.hex()}


def test_one_ticket_for_bnb(buyer, chain, session, sale, collection):
    order = buyer.order("BNB", quantity=1)
    transaction = buyer.transaction(order)
    assert int(transaction["value"], 16) == BNB
    buyer.send(transaction)
    chain.index(collection.address)
    assert stored(session, order).status == "FULFILLED"
    assert books(session, sale, "BNB")[0] == BNB == sum(due(chain, collection, bytes(20)))


def test_the_same_final_logs_again_change_nothing(buyer, chain, session, sale, collection):
    order = buyer.order("BKS")
    buyer.send(buyer.transaction(order))
    chain.index(collection.address)
    before = books(session, sale, "BKS"), [t.id for t in tickets_of(session, UUID(order["order_id"]))]
    logs = chain._logs(collection.address, 1, chain.port.finalized().number)
    chain._hand(onchain.settle_purchases, "TicketCollection", ("TicketsBought",), logs)
    assert before == (books(session, sale, "BKS"), [t.id for t in tickets_of(session, UUID(order["order_id"]))])


def test_nothing_a_client_says_pays_an_order(buyer, chain, session, collection):
    order = buyer.order("BKS")
    buyer.transaction(order)
    chain.node.mine(5)
    chain.index(collection.address)
    assert stored(session, order).status == "AWAITING_PAYMENT"
    assert session.scalars(select(Purchase)).all() == []


def test_another_buyer_gets_neither_the_quote_nor_the_tickets(client, buyer, chain, session, sale, collection):
    order = buyer.order("BNB", quantity=1)
    other = Buyer(client, chain, session, sale)
    assert other.quote(order).json()["error"]["code"] == "order_unknown"
    assert refusal(chain, buyer.transaction(order), sender=address_of(other.key)) == "NotTheBuyer"


def test_a_quote_is_paid_once(buyer, chain, session, collection):
    order = buyer.order("BNB", quantity=1)
    transaction = buyer.transaction(order)
    buyer.send(transaction)
    assert refusal(chain, transaction) == "QuoteUsed"
    again = buyer.quote(order).json()["error"]
    assert (again["code"], again["details"]["reason"]) == ("call_would_revert", "QuoteUsed")


def test_another_price_or_another_amount_is_refused(buyer, chain, collection):
    order = buyer.order("BNB", quantity=1)
    transaction = buyer.transaction(order)
    assert refusal(chain, transaction, value=hex(BNB - 1)) == "WrongValue"
    assert refusal(chain, transaction, value=hex(BNB + 1)) == "WrongValue"
    cheaper = transaction["data"].replace(f"{BNB:064x}", f"{BNB - 1:064x}")
    assert refusal(chain, transaction, data=cheaper, value=hex(BNB - 1)) == "BadQuoteSignature"


def test_a_quote_of_another_chain_is_refused(buyer, chain, collection, monkeypatch):
    from backend.chain import networks
    from backend.tickets import quote

    order = buyer.order("BNB", quantity=1)
    monkeypatch.setattr(quote, "known_network", lambda _network: networks.network("eip155:56"))
    assert buyer.quote(order).json()["error"]["details"]["reason"] == "BadQuoteSignature"


def test_an_expired_quote_is_refused_by_us_and_by_the_contract(buyer, chain, collection):
    order = buyer.order("BNB", quantity=1)
    transaction = buyer.transaction(order)
    chain.ask("evm_increaseTime", 100_000)
    chain.node.mine(1)
    assert refusal(chain, transaction) == "Expired"
    chain.late += chain.now() - chain.now().replace(year=chain.now().year - 1)
    headers = signed_in(chain.session, address_of(buyer.key), chain.now())
    answer = buyer.client.post(f"/v1/orders/{order['order_id']}/quote", headers=headers, json={})
    assert answer.json()["error"]["code"] == "payment_window_over"


def test_a_purchase_that_a_reorg_undoes_before_it_is_final_pays_nothing(buyer, chain, session, collection):
    order = buyer.order("BKS")
    buyer.send(buyer.transaction(order), blocks=0)
    chain.index(collection.address)
    assert stored(session, order).status == "AWAITING_PAYMENT", "not final yet"
    chain.ask("anvil_reorg", 1, [])
    chain.ask("anvil_dropAllTransactions")
    chain.node.mine(10)
    onchain.forget(session, NETWORK, chain._indexed[collection.address], set())
    chain.index(collection.address)
    assert stored(session, order).status == "AWAITING_PAYMENT"
    assert tickets_of(session, UUID(order["order_id"])) == []


def test_a_ticket_bought_on_chain_is_given_away_and_used_like_any_other(buyer, chain, session, collection):
    order = buyer.order("BNB", quantity=1)
    buyer.send(buyer.transaction(order))
    chain.index(collection.address)
    [ticket] = tickets_of(session, UUID(order["order_id"]))
    friend = make_key()
    url = f"/v1/tickets/{ticket.id}/transfer"
    given = buyer.client.post(url, headers=buyer.headers, json={"to": friend.address})
    buyer.send(given.json()["transaction"])
    chain.index(collection.address)
    assert service.holding_of(session, ticket.id).owner == address_of(friend)
    service.mark_used(session, ticket.id, chain.now())
    from backend.tickets.models import StatusChange

    change = session.scalars(select(StatusChange)).one()
    chain.work(change.id)
    chain.index(collection.address)
    assert service.holding_of(session, ticket.id).status == "USED"


def test_an_order_that_was_cancelled_keeps_its_seats_while_its_quote_can_be_paid(
    buyer, chain, session, sale, collection
):
    order = buyer.order("BKS")
    transaction = buyer.transaction(order)
    buyer.client.post(f"/v1/orders/{order['order_id']}/cancel", headers=buyer.headers)
    order_tasks.expire(UUID(order["order_id"]))
    session.refresh(sale.tier)
    assert (stored(session, order).status, sale.tier.held) == ("AWAITING_PAYMENT", 2)
    buyer.send(transaction)
    chain.index(collection.address)
    assert stored(session, order).status == "FULFILLED", "money that arrives before that wins"
    assert session.scalars(select(Payment.status)).all() == ["SUCCEEDED"]


@pytest.mark.parametrize("currency", ["BKS", "BNB"])
def test_a_wallet_without_money_for_gas_is_told_so_before_it_signs(buyer, chain, collection, currency):
    order = buyer.order(currency, quantity=1)
    for coins in (0, BNB if currency == "BNB" else 1):
        chain.node.fund(buyer.key.address, coins)
        refused = buyer.quote(order)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (409, "insufficient_funds")
        assert int(error["details"]["balance"]) == coins < int(error["details"]["needed"])
    chain.node.fund(buyer.key.address, ETHER)
    assert buyer.quote(order).status_code == 200


def test_a_wallet_that_has_taken_as_many_as_it_may_is_told_so_before_it_signs(buyer, chain, collection, promoter):
    names = ("resale", "capBps", "giftLimit", "giftCoolOff", "freezeAt", "resaleHold")
    answer = chain.port.call(collection.address, abi.encode_call("TicketCollection", "rules", []))
    rules = abi.decode_output("TicketCollection", "rules", answer)
    chain.node.fund(promoter.address, ETHER)
    limited = {name: rules[name] for name in names} | {"maxPerWallet": 2}
    chain.call("TicketCollection", collection.address, "setRules", [limited], sender=address_of(promoter))
    first = buyer.order("BNB", quantity=2)
    buyer.send(buyer.transaction(first))
    refused = buyer.quote(buyer.order("BKS", quantity=1, key="one-more")).json()["error"]
    assert (refused["code"], refused["details"]) == ("wallet_limit_reached", {"limit": 2, "taken": 2})
