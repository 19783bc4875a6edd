"""Refunds of purchases on chain against each other, against the door and against a sale: real connections, at once.

Beside each race stands the same one with its guard taken away, so that it is known to be a race.
"""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from backend.accounts.addresses import show_address
from backend.catalog.models import TierPrice
from backend.checkin import challenge
from backend.checkin.models import Scan
from backend.kit import clock, db
from backend.kit.db import unit_of_work
from backend.kit.errors import BusinessError
from backend.orders import refund as order_refunds
from backend.orders.models import Order
from backend.orders.place import Buyer, Wish, place
from backend.payments import begin
from backend.payments import refund as payment_refunds
from backend.payments.models import Payment, Refund
from backend.tickets import bought, final, holdings, locks, payouts
from backend.tickets.models import Payout, Ticket
from tests.factories.accounts import NOON, address_of, make_account, make_key
from tests.factories.checkin import Door, answer
from tests.factories.orders import make_sale
from tests.factories.tickets import BOB, NETWORK, Chain, make_collection, tickets_of
from tests.tickets.test_bought import FIRST, PRICE, TOKEN, bought_log

AT_ONCE = 8


@dataclass
class Bought:
    """An order of one ticket, paid on chain, committed."""

    order_id: UUID
    ticket_id: UUID
    event_id: UUID
    holder: object


@pytest.fixture
def made(fresh_database, settings, tmp_path) -> Iterator[Bought]:
    contracts = {"BKS": {"address": show_address(TOKEN), "block": 2}}
    written = {"network": NETWORK, "deployed_at_block": 1, "contracts": contracts}
    (tmp_path / "eip155-31337.json").write_text(json.dumps(written))
    settings(deployments_dir=tmp_path)
    holder = make_key()
    with clock.frozen(NOON):
        with unit_of_work() as session:
            sale = make_sale(session, quantities=(2,))
            sale.tier.prices.append(TierPrice(currency="BKS", amount=PRICE, organisation_id=sale.event.organisation_id))
            session.flush()
            collection = make_collection(session, sale.event)
            wallet = address_of(holder)
            buyer = Buyer.of(make_account(session, wallet).id, wallet, None)
            order, _ = place(session, buyer, sale.event.id, [Wish(sale.tier.id, 1)], "crypto", "a-key", NOON, "BKS")
            payment = session.scalars(select(Payment)).one()
        begin.begin(payment.id)
        with unit_of_work() as session:
            order = session.get_one(Order, order.id)
            logs = bought_log(session, order, collection)
            holdings.apply(session, NETWORK, logs)
            bought.purchases_settled(session, NETWORK, logs[-1:], NOON)
            holdings.mark_final(session, NETWORK, {(collection.address, FIRST)}, 1_000)
            [ticket] = tickets_of(session, order.id)
            assert order.status == "FULFILLED"
        yield Bought(order.id, ticket.id, sale.event.id, holder)


def refund(made, reason="event_moved"):
    with unit_of_work() as session:
        order_refunds.refund(session, made.order_id, reason, NOON)
    return "refunding"


def all_at_once(works):
    together = threading.Barrier(len(works))

    def run(work):
        together.wait(10)
        try:
            return work()
        except (BusinessError, IntegrityError) as refused:
            return type(refused).__name__

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def counted():
    with unit_of_work() as session:
        return [session.scalar(select(func.count()).select_from(model)) for model in (Refund, Payout)]


def test_many_requests_at_once_are_one_refund(made):
    reasons = [f"reason_{number}" for number in range(AT_ONCE)]
    outcomes = all_at_once([lambda reason=reason: refund(made, reason) for reason in reasons])
    assert outcomes == ["refunding"] * AT_ONCE
    assert counted() == [1, 1]


def test_without_the_locks_only_constraints_are_left_so_the_race_is_real(made, monkeypatch):
    read = threading.Barrier(AT_ONCE)

    def unlocked(session, model, key):
        row = session.get(model, key)
        if model is Order:
            read.wait(10)
        return row

    monkeypatch.setattr(order_refunds.payments, "lock_all", lambda *_: [])
    monkeypatch.setattr(order_refunds, "locked", unlocked)
    monkeypatch.setattr(payment_refunds, "locked", db.Session.get)
    outcomes = all_at_once([lambda n=n: refund(made, f"reason_{n}") for n in range(AT_ONCE)])
    assert outcomes.count("IntegrityError") == AT_ONCE - 1, "all of them had found the order refundable"
    assert counted() == [1, 1]


@pytest.fixture
def door(made):
    """The ticket's challenge at an open door."""
    at = NOON + timedelta(hours=7)
    with unit_of_work() as session:
        ticket = session.get_one(Ticket, made.ticket_id)
        from backend.catalog.models import Event

        event = session.get_one(Event, made.event_id)
        event.doors_at, event.starts_at, event.ends_at = at, at, at + timedelta(hours=4)
        steward = make_account(session)
        opened = challenge.open_challenge(session, steward.id, event.id, ticket, "North", at)
    return Door(event, ticket, None, made.holder, made.holder, steward), opened.id, at


def admit(door):
    made, challenge_id, at = door
    with unit_of_work() as session:
        return answer(session, made, challenge_id, made.holder, at).result


def stands(made):
    with unit_of_work() as session:
        order, ticket = session.get_one(Order, made.order_id), session.get_one(Ticket, made.ticket_id)
        return order.status, ticket.status, session.scalars(select(Scan.result)).all()


@pytest.mark.parametrize("_round", range(3))
def test_a_ticket_is_admitted_or_refunded_never_both(made, door, _round):
    all_at_once([lambda: refund(made), lambda: admit(door)])
    assert stands(made) in {
        "refunded": ("REFUNDING", "LOCKED", ["REFUSED"]), "admitted": ("FULFILLED", "USED", ["ADMITTED"])
    }.values()  # fmt: skip


def test_without_the_tickets_lock_it_is_both_so_the_race_is_real(made, door, monkeypatch):
    judged, admitted = threading.Event(), threading.Event()
    check = payouts.check_given_back

    def slowly(session, rows, **more):
        check(session, rows, **more)
        judged.set()
        assert admitted.wait(10)

    def unlocked(session, *where):
        return [(ticket, None) for ticket in session.scalars(select(Ticket).where(*where))]

    monkeypatch.setattr(payouts, "check_given_back", slowly)
    monkeypatch.setattr(locks, "tickets", unlocked)

    def at_the_door():
        assert judged.wait(10)
        try:
            return admit(door)
        finally:
            admitted.set()

    all_at_once([lambda: refund(made), at_the_door])
    order, ticket, scans = stands(made)
    assert (order, scans) == ("REFUNDING", ["ADMITTED"]), "in, and its money on the way back"
    assert ticket == "LOCKED"


@pytest.mark.parametrize("_round", range(3))
def test_a_ticket_that_is_being_sold_is_never_owed_to_its_seller(made, _round):
    chain = Chain(number=50)
    chain.move(FIRST, address_of(made.holder), BOB, 1, kind=1)
    logs = chain.taken()

    def index():
        with unit_of_work() as session:
            holdings.apply(session, NETWORK, logs)
            final.tokens_settled(session, NETWORK, logs[:1], NOON)
        return "sold"

    outcomes = all_at_once([lambda: refund(made), index])
    assert outcomes in (["refunding", "sold"], ["TicketMoved", "sold"])
    if outcomes[0] == "TicketMoved":
        assert stands(made)[:2] == ("FULFILLED", "LIVE")
        return
    chain.block().status(FIRST, 1)
    locked = chain.taken()
    with unit_of_work() as session:
        holdings.apply(session, NETWORK, locked)
        final.tokens_settled(session, NETWORK, locked, NOON)
        payouts.look_at_lock(session, session.scalars(select(Payout)).one(), NOON)
    with unit_of_work() as session:
        payout = session.scalars(select(Payout)).one()
        assert (payout.status, payout.problem) == ("WITHDRAWN", "ticket_moved")
    assert stands(made)[:2] == ("FULFILLED", "LIVE")
