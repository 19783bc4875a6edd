"""What a final TicketsBought log means: ours, somebody else's, not as quoted, or too late."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from eth_abi.abi import encode
from sqlalchemy import select

from backend.accounts.addresses import show_address
from backend.accounts.models import Role
from backend.catalog.errors import SoldOut
from backend.catalog.models import TierPrice
from backend.chain.models import ChainBlock, ChainCursor, ChainLog
from backend.kit import clock
from backend.orders import reactions as order_reactions  # noqa: F401 - as those of tickets below
from backend.orders import resolve
from backend.orders import tasks as order_tasks
from backend.orders.errors import CannotHonour
from backend.orders.models import Resolution
from backend.orders.place import Buyer, Wish, place
from backend.payments import begin, registry
from backend.payments.models import Payment
from backend.payments.port import Seen
from backend.payments.providers.crypto import quote_id
from backend.payments.settle import apply
from backend.tickets import bought, holdings, quote, reactions  # noqa: F401 - the reactions are part of what happens
from backend.tickets import gauges as figures
from backend.tickets.models import Purchase
from backend.tickets.rules import ZERO_ADDRESS
from tests.factories.accounts import grant, make_account, signed_in
from tests.factories.orders import make_sale
from tests.factories.tickets import ALICE, BOB, CAROL, NETWORK, Chain, make_collection, tickets_of

PRICE, FIRST = 25 * 10**18, 2**52
TOKEN = b"\xb5" * 20


@pytest.fixture
def sale(session, now, settings, tmp_path):
    contracts = {"BKS": {"address": show_address(TOKEN), "block": 2}}
    written = {"network": NETWORK, "deployed_at_block": 1, "contracts": contracts}
    (tmp_path / "eip155-31337.json").write_text(json.dumps(written))
    settings(deployments_dir=tmp_path)
    sale = make_sale(session, quantities=(2,))
    sale.tier.prices.append(TierPrice(currency="BKS", amount=PRICE, organisation_id=sale.event.organisation_id))
    session.flush()
    return sale


@pytest.fixture
def collection(session, sale):
    return make_collection(session, sale.event)


@pytest.fixture
def order(session, sale, collection, now):
    buyer = Buyer.of(make_account(session, ALICE).id, ALICE, None)
    order, _ = place(session, buyer, sale.event.id, [Wish(sale.tier.id, 2)], "crypto", "a-key", now, "BKS")
    begin.begin(payment_of(session, order).id)
    session.expire_all()
    return order


def payment_of(session, order):
    query = select(Payment).where(Payment.reference_id == order.id).execution_options(populate_existing=True)
    return session.scalars(query).one()


def bought_log(session, order, collection, **changes):
    """The logs of `buy` as quoted, or with something changed."""
    asked = quote.quote_of(session, order, payment_of(session, order), collection)
    said = asked.message | changes
    chain = Chain()
    chain.emit("SinglesMinted", FIRST, data=encode(["uint16", "uint16"], [said["quantity"], said["tier"]]))
    for unit in range(said["quantity"]):
        chain.emit("Transfer", ZERO_ADDRESS, said["buyer"], FIRST + unit)
    kinds = ["uint16", "uint16", "address", "uint256", "uint256"]
    values = [said["tier"], said["quantity"], show_address(said["currency"]), said["price"], said["fee"]]
    chain.emit("TicketsBought", said["id"], said["buyer"], FIRST, data=encode(kinds, values))
    return chain.taken()


def settle(session, logs, now):
    holdings.apply(session, NETWORK, logs)
    bought.purchases_settled(session, NETWORK, logs[-1:], now)
    session.flush()
    session.expire_all()


def expire(session, order, sale, now):
    """The quote's time is over in final blocks: the seats go back."""
    payment, provider = payment_of(session, order), registry.get("crypto")
    seen = provider.fetch(str(payment.id))
    apply(session, payment.id, replace(seen, status=Seen.EXPIRED), now)
    session.flush()
    session.expire_all()
    assert (order.status, sale.tier.held) == ("EXPIRED", 0)


def test_what_was_quoted_fulfils_the_order(session, sale, collection, order, now):
    settle(session, bought_log(session, order, collection), now)
    assert (order.status, payment_of(session, order).status) == ("FULFILLED", "SUCCEEDED")
    assert [t.token_id for t in tickets_of(session, order.id)] == [FIRST, FIRST + 1]
    assert session.scalars(select(Purchase.status)).all() == ["SETTLED"]


def test_a_quote_of_nobodys_is_kept_and_pays_nothing(session, sale, collection, order, now):
    settle(session, bought_log(session, order, collection, id=b"\x07" * 32), now)
    settle(session, bought_log(session, order, collection, id=quote_id(order.id)), now)
    assert order.status == "AWAITING_PAYMENT"
    assert session.scalars(select(Purchase.status)).all() == ["UNATTRIBUTED"] * 2


def test_another_events_collection_cannot_pay_this_events_order(session, sale, collection, order, now):
    other = make_collection(session, make_sale(session).event, address=b"\xee" * 20)
    logs = bought_log(session, order, collection)
    settle(session, [replace(log, address=other.address) for log in logs], now)
    assert order.status == "AWAITING_PAYMENT"
    assert session.scalars(select(Purchase.status)).all() == ["UNATTRIBUTED"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("price", PRICE), ("price", PRICE * 3), ("fee", 0), ("buyer", BOB), ("tier", 9), ("currency", ZERO_ADDRESS)],
)
def test_what_differs_from_the_quote_is_stuck_and_says_how(session, sale, collection, order, now, field, value):
    settle(session, bought_log(session, order, collection, **{field: value}), now)
    assert (order.status, payment_of(session, order).status) == ("STUCK", "STUCK")
    found = session.scalars(select(Purchase)).one()
    assert (found.status, found.problem) == ("MISMATCH", field)
    assert tickets_of(session, order.id) == []


def test_a_late_purchase_is_honoured_because_its_tickets_exist(session, sale, collection, order, now):
    logs = bought_log(session, order, collection)
    with clock.frozen(now + timedelta(hours=1)):
        expire(session, order, sale, clock.now())
        sale.tier.on_sale = False
        settle(session, logs, clock.now())
        assert order.status == "PAID_LATE"
        order_tasks.resolve_late(order.id)
        session.expire_all()
    assert (order.status, sale.tier.paid) == ("FULFILLED", 2)
    assert [t.token_id for t in tickets_of(session, order.id)] == [FIRST, FIRST + 1]


def test_a_late_purchase_of_a_sold_out_tier_waits_for_a_person(session, sale, collection, order, now):
    logs = bought_log(session, order, collection)
    with clock.frozen(now + timedelta(hours=1)):
        expire(session, order, sale, clock.now())
        sale.tier.paid = 1
        settle(session, logs, clock.now())
        order_tasks.resolve_late(order.id)
        session.expire_all()
    assert (order.status, sale.tier.paid) == ("STUCK", 1)


class Node:
    """A chain whose blocks have one time."""

    def __init__(self, moment):
        self.moment = moment

    def block(self, _number):
        return type("Block", (), {"timestamp": self.moment})


@pytest.fixture
def final_at(session, monkeypatch):
    """Let the index have read up to block 100, final, of a chosen time."""

    def set_to(moment):
        session.merge(
            ChainCursor(
                network=NETWORK,
                name="facts",
                block_number=100,
                finalized_number=100,
                updated_at=moment,
                status="RUNNING",
            )
        )
        session.flush()
        monkeypatch.setattr("backend.payments.providers.crypto.registry.port", lambda _network: Node(moment))

    return set_to


def test_a_quote_is_over_only_when_final_blocks_are_past_its_deadline(session, order, now, final_at):
    provider, reference = registry.get("crypto"), str(payment_of(session, order).id)
    assert provider.fetch(reference).status is Seen.OPEN, "nothing is indexed yet"
    deadline = payment_of(session, order).expires_at
    assert deadline == order.expires_at.replace(microsecond=0)
    final_at(deadline)
    assert not provider.expire(reference), "the deadline itself still passes"
    final_at(deadline + timedelta(seconds=1))
    assert provider.expire(reference)


@pytest.mark.parametrize(("told_up_to", "status"), [(None, Seen.OPEN), (9, Seen.OPEN), (10, Seen.EXPIRED)])
def test_a_quote_that_a_log_names_is_not_over_until_all_who_read_final_logs_have_been_told_of_it(
    session, order, collection, now, final_at, told_up_to, status
):
    final_at(now + timedelta(days=1))
    for name, number in (("final:one", told_up_to), ("final:another", 50)):
        if told_up_to is not None:
            row = {"network": NETWORK, "name": name, "block_number": number, "finalized_number": 0}
            session.add(ChainCursor(**row, updated_at=now, status="RUNNING"))
    [*_, log] = bought_log(session, order, collection)
    session.add(ChainBlock(network=NETWORK, hash=log.block_hash, number=10, timestamp=now, canonical=True))
    session.add(
        ChainLog(
            network=NETWORK, block_hash=log.block_hash, log_index=3, block_number=10, tx_hash=log.tx_hash, tx_index=0,
            address=log.address, topics=list(log.topics), data=log.data,
        )
    )  # fmt: skip
    session.flush()
    assert registry.get("crypto").fetch(str(payment_of(session, order).id)).status is status


ADMIN_REASON = "The signing key's old fee, looked at on 3 March."


def decide(session, order, resolution, now):
    admin = make_account(session)
    found = resolve.resolve(session, order.id, admin.id, Resolution(resolution), ADMIN_REASON, now)
    session.expire_all()
    return found.status


def test_a_purchase_with_another_fee_can_be_honoured(session, sale, collection, order, now):
    settle(session, bought_log(session, order, collection, fee=0), now)
    assert decide(session, order, "honour", now) == "FULFILLED"
    assert session.scalars(select(Purchase.status)).all() == ["HONOURED"]
    assert [t.status for t in tickets_of(session, order.id)] == ["LIVE", "LIVE"]
    assert figures.oldest_purchase(session) == {}


@pytest.mark.parametrize(("field", "value"), [("price", PRICE), ("quantity", 1), ("tier", 9)])
def test_one_that_brought_something_else_cannot_but_is_voided_on_chain(
    session, sale, collection, order, now, field, value
):
    settle(session, bought_log(session, order, collection, **{field: value}), now)
    with pytest.raises(CannotHonour), session.begin_nested():
        decide(session, order, "honour", now)
    session.expire_all()
    assert decide(session, order, "void", now) == "CANCELLED"
    assert {t.status for t in tickets_of(session, order.id)} == {"VOID"}
    assert session.scalars(select(Purchase.status)).all() == ["CLOSED"]
    assert (sale.tier.held, payment_of(session, order).status) == (0, "FAILED")


def test_late_and_sold_out_is_honoured_once_the_tier_has_room_or_refunded(session, sale, collection, order, now):
    logs = bought_log(session, order, collection)
    with clock.frozen(now + timedelta(hours=1)):
        expire(session, order, sale, clock.now())
        sale.tier.paid = 1
        settle(session, logs, clock.now())
        order_tasks.resolve_late(order.id)
        session.expire_all()
        with pytest.raises(SoldOut), session.begin_nested():
            decide(session, order, "honour", clock.now())
        session.expire_all()
        sale.tier.paid = 0
        session.flush()
        assert decide(session, order, "honour", clock.now()) == "FULFILLED"


def test_nobodys_purchase_is_closed_by_an_admin_and_an_orders_is_not(client, session, sale, collection, order, now):
    settle(session, bought_log(session, order, collection, id=b"\x07" * 32), now)
    purchase = session.scalars(select(Purchase)).one()
    url, body = f"/v1/admin/purchases/{purchase.id}/close", {"reason": ADMIN_REASON}
    assert client.post(url, headers=signed_in(session, BOB), json=body).json()["error"]["code"] == "forbidden"
    grant(session, CAROL, Role.ADMIN)
    admin = signed_in(session, CAROL)
    assert figures.oldest_purchase(session) != {}
    for _ in range(2):
        assert client.post(url, headers=admin, json=body).json()["status"] == "CLOSED"
    session.expire_all()
    assert figures.oldest_purchase(session) == {}
    settle(session, bought_log(session, order, collection, fee=0), now)
    other = session.scalars(select(Purchase).where(Purchase.status == "MISMATCH")).one()
    refused = client.post(f"/v1/admin/purchases/{other.id}/close", headers=admin, json=body).json()
    assert refused["error"]["code"] == "purchase_not_open"
    shown = client.get("/v1/admin/purchases?status=MISMATCH", headers=admin).json()["items"]
    assert [item["id"] for item in shown] == [str(other.id)]
