"""Refunds of purchases on a real chain: lock, pay from a wallet, void. And everything that must not pay one."""

from uuid import UUID

import pytest
from sqlalchemy import select

from backend.accounts.models import Role
from backend.chain import abi
from backend.kit.clock import now as real_now
from backend.ledger.service import balance
from backend.orders.models import Order
from backend.payments.models import Refund
from backend.tickets import payout_check, service
from backend.tickets.models import Payout, StatusChange
from tests.factories.accounts import address_of, grant, make_key, signed_in
from tests.factories.tickets import tickets_of
from tests.tickets.purchases import BKS, BNB, ETHER, Buyer, deploy_on_sale, make_token_sale, send, stored


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


class Office:
    """The promoter's side: its wallet, its session, and the refund of one order."""

    def __init__(self, client, chain, session, promoter, collection, order) -> None:
        self.client, self.chain, self.session = client, chain, session
        self.key, self.collection, self.order = promoter, collection, order
        self.headers = signed_in(session, address_of(promoter), chain.now())
        chain.node.fund(promoter.address, ETHER)
        chain.call("BKS", chain.bks, "mint", [address_of(promoter), 100 * ETHER])

    def post(self, step="", headers=None, **body):
        url = f"/v1/orders/{self.order['order_id']}/refund{step}"
        return self.client.post(url, headers=headers or self.headers, json=body)

    def begin(self):
        return self.post(reason="event_moved")

    def row(self) -> Payout:
        query = select(Payout).where(Payout.order_id == UUID(self.order["order_id"]))
        return self.session.scalars(query.execution_options(populate_existing=True)).one()

    def lock(self):
        """Have the locks sent, mined and indexed; then the refund is looked at."""
        self.statuses()
        payout_check.check(self.row().id)
        return self.row()

    def statuses(self):
        """Send whatever statuses wait, until none does."""
        for change in self.session.scalars(select(StatusChange).order_by(StatusChange.sequence, StatusChange.id)):
            self.session.refresh(change)
            if change.status == "WAITING":
                change.run_after = None
                self.session.flush()
                from backend.tickets.tasks import send_status

                send_status(change.id)
                self.session.refresh(change)
            if change.status == "SENT":
                self.chain.work(change.id)
                self.chain.index(self.collection.address)

    def named(self, tx_hash):
        answer = self.post("/sent", tx_hash="0x" + tx_hash.hex())
        payout_check.check(self.row().id)
        return answer


def bought(buyer, chain, collection, currency, quantity):
    order = buyer.order(currency, quantity)
    buyer.send(buyer.transaction(order))
    chain.index(collection.address)
    return order


@pytest.fixture
def office(client, buyer, chain, session, promoter, collection):
    def open_for(currency="BKS", quantity=2):
        order = bought(buyer, chain, collection, currency, quantity)
        return Office(client, chain, session, promoter, collection, order)

    return open_for


def has(chain, wallet, currency):
    if currency == "BNB":
        return chain.port.balance(wallet)
    answer = chain.port.call(chain.bks, abi.encode_call("BKS", "balanceOf", [wallet]))
    return abi.decode_output("BKS", "balanceOf", answer)


@pytest.mark.parametrize(("currency", "quantity", "price"), [("BKS", 2, 2 * BKS), ("BNB", 1, BNB)])
def test_locked_paid_from_the_promoters_wallet_and_void(office, buyer, chain, session, sale, currency, quantity, price):
    made = office(currency, quantity)
    assert made.begin().json()["status"] == "LOCKING"
    assert made.begin().json()["id"] == str(made.row().id), "asked twice, it is one"
    assert {t.status for t in tickets_of(session, made.row().order_id)} == {"LOCKED"}
    assert made.post("/transaction").json()["error"]["code"] == "payout_not_ready", "not before the lock is final"
    assert made.lock().status == "OWED"
    before = has(chain, address_of(buyer.key), currency)
    prepared = made.post("/transaction").json()
    assert prepared["refund"]["status"] == "PREPARED" and prepared["refund"]["payer"] == made.key.address
    again = made.post("/transaction").json()["transaction"]
    assert (again["nonce"], again["data"]) == (prepared["transaction"]["nonce"], prepared["transaction"]["data"])
    tx_hash = send(chain, made.key, prepared["transaction"])
    assert has(chain, address_of(buyer.key), currency) - before == price
    assert stored(session, made.order).status == "REFUNDING", "a transfer alone is nobody's word"
    assert made.named(tx_hash).status_code == 202
    assert (made.row().status, stored(session, made.order).status) == ("PAID", "REFUNDED")
    assert session.scalars(select(Refund)).one().provider_ref == "0x" + tx_hash.hex()
    assert {t.status for t in tickets_of(session, made.row().order_id)} == {"VOID"}
    organisation = sale.event.organisation_id
    books = {
        account: balance(session, organisation, account, currency).amount
        for account in ("organisation:revenue", "platform:fee", "organisation:wallet", "provider:crypto:collection")
    }
    assert books == {
        "organisation:revenue": 0, "platform:fee": 0, "organisation:wallet": -price,
        "provider:crypto:collection": price,
    }  # fmt: skip
    made.statuses()
    ticket = tickets_of(session, made.row().order_id)[0]
    assert service.holding_of(session, ticket.id).status == "VOID"
    assert made.named(tx_hash).json()["status"] == "PAID", "told again, it is what it was"
    assert balance(session, organisation, "organisation:wallet", currency).amount == -price


def test_nobody_elses_transfer_pays_it_and_nothing_less(office, buyer, chain, session):
    made = office("BNB", 1)
    made.begin()
    made.lock()
    transaction = made.post("/transaction").json()["transaction"]
    less = transaction | {"value": hex(BNB - 1)}
    used_up = send(chain, made.key, less)
    made.named(used_up)
    assert (made.row().status, made.row().problem) == ("OWED", "not_this_payment")
    fresh = made.post("/transaction").json()["transaction"]
    assert int(fresh["nonce"], 16) == int(transaction["nonce"], 16) + 1, "what took the number is known: another one"
    stranger = make_key()
    chain.node.fund(stranger.address, ETHER)
    foreign = send(chain, stranger, fresh | {"nonce": "0x0", "from": stranger.address})
    made.named(foreign)
    assert (made.row().status, made.row().problem) == ("PREPARED", "not_this_payment")
    without_reference = send(chain, made.key, fresh | {"data": "0x"})
    made.named(without_reference)
    assert (made.row().status, made.row().problem) == ("OWED", "not_this_payment")
    assert stored(session, made.order).status == "REFUNDING"


def test_a_number_used_for_something_unknown_stops_the_second_payment(office, buyer, chain, session):
    made = office("BKS", 1)
    made.begin()
    made.lock()
    transaction = made.post("/transaction").json()["transaction"]
    tx_hash = send(chain, made.key, transaction)
    refused = made.post("/transaction").json()["error"]
    assert (refused["code"], refused["details"]["nonce"]) == ("payout_unclear", int(transaction["nonce"], 16))
    made.named(tx_hash)
    assert made.row().status == "PAID"


def test_a_reverted_payment_is_not_one(office, buyer, chain, session):
    made = office("BKS", 1)
    made.begin()
    made.lock()
    transaction = made.post("/transaction").json()["transaction"]
    chain.call("BKS", chain.bks, "pause", [])
    failed = send(chain, made.key, transaction)
    made.named(failed)
    assert (made.row().status, made.row().problem) == ("OWED", "payment_failed")
    assert made.post("/transaction").json()["error"]["code"] == "call_would_revert"


def test_a_transaction_is_believed_only_when_final(office, buyer, chain, session):
    made = office("BKS", 1)
    made.begin()
    made.lock()
    transaction = made.post("/transaction").json()["transaction"]
    tx_hash = send(chain, made.key, transaction, blocks=0)
    chain.ask("anvil_mine", "0x1")
    made.named(tx_hash)
    assert made.row().status == "SENT"
    chain.node.mine(70)
    made.row().run_after = None
    session.flush()
    payout_check.check(made.row().id)
    assert made.row().status == "PAID"


def test_what_never_was_sent_stays_owed_and_can_be_named_anew(office, chain, session):
    made = office("BKS", 1)
    made.begin()
    made.lock()
    transaction = made.post("/transaction").json()["transaction"]
    made.named(b"\x77" * 32)
    assert made.row().status == "SENT"
    made.named(send(chain, made.key, transaction))
    made.row().run_after = None
    session.flush()
    payout_check.check(made.row().id)
    assert made.row().status == "PAID"


def test_a_withdrawn_refund_unlocks_and_the_order_is_what_it_was(office, buyer, chain, session):
    made = office("BKS", 1)
    made.begin()
    made.lock()
    assert made.post("/withdraw").json()["status"] == "WITHDRAWN"
    assert made.post("/withdraw").json()["status"] == "WITHDRAWN"
    assert (stored(session, made.order).status, stored(session, made.order).former_status) == ("FULFILLED", None)
    made.statuses()
    [ticket] = tickets_of(session, made.row().order_id)
    assert (ticket.status, service.holding_of(session, ticket.id).status) == ("LIVE", "LIVE")
    assert made.begin().json()["error"]["code"] == "refund_failed_before", "another refund has another reason"
    assert made.post(reason="asked_again").json()["status"] == "LOCKING"
    made.statuses()
    assert service.holding_of(session, ticket.id).status == "LOCKED", "locked, unlocked and locked again"


def test_a_refund_that_a_wallet_was_given_cannot_be_withdrawn(office, session):
    made = office("BKS", 1)
    made.begin()
    made.lock()
    made.post("/transaction")
    refused = made.post("/withdraw").json()["error"]
    assert (refused["code"], refused["details"]) == ("payout_not_ready", {"status": "PREPARED"})


def test_a_ticket_given_away_or_used_is_not_refunded(office, buyer, chain, session, collection):
    made = office("BKS", 2)
    first, second = tickets_of(session, UUID(made.order["order_id"]))
    given = buyer.client.post(
        f"/v1/tickets/{first.id}/transfer", headers=buyer.headers, json={"to": make_key().address}
    )
    buyer.send(given.json()["transaction"])
    chain.index(collection.address)
    assert made.begin().json()["error"]["code"] == "ticket_moved"
    service.mark_used(session, second.id, chain.now())
    assert made.begin().json()["error"]["code"] in {"ticket_moved", "ticket_used"}
    assert stored(session, made.order).status == "FULFILLED"
    assert session.scalars(select(Refund)).all() == []


def test_who_gives_a_ticket_away_before_the_lock_is_on_chain_gets_nothing(office, buyer, chain, session, collection):
    made = office("BKS", 1)
    [ticket] = tickets_of(session, UUID(made.order["order_id"]))
    url = f"/v1/tickets/{ticket.id}/transfer"
    transaction = buyer.client.post(url, headers=buyer.headers, json={"to": make_key().address}).json()["transaction"]
    made.begin()
    buyer.send(transaction)
    chain.index(collection.address)
    assert made.lock().status == "WITHDRAWN" and made.row().problem == "ticket_moved"
    assert stored(session, made.order).status == "FULFILLED"
    made.statuses()
    assert service.holding_of(session, ticket.id).status == "LIVE", "the new holder's, untouched"


def test_only_who_runs_the_event_or_the_platform_may(client, office, buyer, chain, session, sale):
    made = office("BKS", 1)
    other = make_sale_of_another(session)
    rival = make_key()
    grant(session, address_of(rival), Role.PROMOTER, other)
    strangers = signed_in(session, address_of(rival), chain.now())
    for step in ("", "/transaction", "/sent", "/withdraw"):
        body = {"": {"reason": "mine_now"}, "/sent": {"tx_hash": "0x" + "00" * 32}}.get(step, {})
        assert made.post(step, headers=strangers, **body).json()["error"]["code"] == "order_unknown", step
        assert made.post(step, headers=buyer.headers, **body).json()["error"]["code"] == "forbidden", step
    url = f"/v1/orders/{made.order['order_id']}/refund"
    assert client.get(url, headers=buyer.headers).json()["error"]["code"] == "payout_unknown"
    made.begin()
    assert client.get(url, headers=buyer.headers).json()["status"] == "LOCKING"
    assert client.get(url, headers=signed_in(session, address_of(make_key()))).json()["error"]["code"]


def make_sale_of_another(session):
    from tests.factories.orders import make_sale

    return make_sale(session).event.organisation_id


def test_an_admin_closes_what_a_multisig_has_paid(client, office, chain, session):
    made = office("BKS", 1)
    made.begin()
    made.lock()
    admin = make_key()
    grant(session, address_of(admin), Role.ADMIN)
    headers = signed_in(session, address_of(admin), chain.now())
    url = f"/v1/admin/orders/{made.order['order_id']}/refund/paid-otherwise"
    body = {"reason": "paid_by_multisig", "by": "organisation"}
    assert client.post(url, headers=made.headers, json=body).json()["error"]["code"] == "forbidden"
    for _ in range(2):
        assert client.post(url, headers=headers, json=body).json()["status"] == "PAID"
    assert "paid_by_multisig" in made.row().problem
    assert session.get_one(Order, made.row().order_id).status == "REFUNDED"
    listed = client.get("/v1/admin/refund-payouts?status=PAID", headers=headers).json()["items"]
    assert [one["id"] for one in listed] == [str(made.row().id)]


def test_a_second_wallet_does_not_get_a_refund_that_the_first_was_given(client, office, chain, session, sale):
    made = office("BKS", 1)
    made.begin()
    made.lock()
    made.post("/transaction")
    colleague = make_key()
    chain.node.fund(colleague.address, ETHER)
    grant(session, address_of(colleague), Role.PROMOTER, sale.event.organisation_id)
    headers = signed_in(session, address_of(colleague), real_now())
    assert made.post("/transaction", headers=headers).json()["error"]["code"] == "payout_with_another_wallet"


def test_one_transaction_pays_one_refund(client, office, buyer, chain, session, promoter, collection):
    made = office("BKS", 1)
    order = buyer.order("BKS", 1, key="another-order-of-mine")
    buyer.send(buyer.transaction(order))
    chain.index(collection.address)
    other = Office(client, chain, session, promoter, collection, order)
    for refund in (made, other):
        refund.begin()
        refund.lock()
    one, two = (refund.post("/transaction").json()["transaction"] for refund in (made, other))
    assert one["nonce"] == two["nonce"] and one["data"] != two["data"]
    tx_hash = send(chain, promoter, one)
    made.named(tx_hash)
    assert other.post("/sent", tx_hash="0x" + tx_hash.hex()).json()["error"]["code"] == "payment_named_before"
    fresh = other.post("/transaction").json()["transaction"]
    assert int(fresh["nonce"], 16) == int(one["nonce"], 16) + 1, "what took the number was the other refund"
    other.named(send(chain, promoter, fresh))
    assert (made.row().status, other.row().status) == ("PAID", "PAID")
