"""Seats of refunded orders: sold again when no ticket for them can exist, and only then."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from backend.catalog import service as catalog
from backend.catalog.errors import NotPaid
from backend.catalog.models import Tier
from backend.kit.notices import announce
from backend.orders import pay
from backend.orders.models import OrderStatus
from backend.orders.notices import OrderRefunded
from backend.orders.refund import money_went_back, refund_failed
from backend.orders.service import refund
from backend.payments.models import Refund
from backend.tickets import batches, cancel, final
from backend.tickets.models import Batch, StatusChange
from tests.factories.orders import Till
from tests.factories.tickets import ALICE, NETWORK, Chain, jobs_of, make_minting, tickets_of


@pytest.fixture
def minting(session):
    """Three paid seats of fifty."""
    with Till():
        made = make_minting(session, quantity=3)
        payment = _payment(session, made)
        payment.status, made.order.payment_id = "SUCCEEDED", payment.id
        catalog.sell(session, made.sale.tier.id, 3)
        yield made


def _payment(session, made):
    return pay.latest(session, made.order.id)


def counters(session, made):
    tier = session.get_one(Tier, made.sale.tier.id, populate_existing=True)
    assert tier.held + tier.paid + tier.free == tier.quantity == 50
    return tier.held, tier.paid, tier.free


def close(session, made, jobs, now):
    return batches.close(session, made.collection.id, [job.id for job in jobs], frozenset(), now)


def money_back(session, made, now):
    asked = session.scalars(select(Refund)).one()
    money_went_back(session, made.order.id, asked.payment_id, asked.id, now)


@pytest.fixture(autouse=True)
def _no_books(monkeypatch):
    # The ledger has tests of its own; these orders were paid without it.
    monkeypatch.setattr("backend.orders.books.refunded", lambda *_: None)


def test_seats_that_were_never_minted_are_free_once_the_money_is_back(session, minting, now):
    refund(session, minting.order.id, "asked", now)
    assert counters(session, minting) == (0, 3, 47)
    money_back(session, minting, now)
    assert counters(session, minting) == (0, 0, 50)


def test_told_again_no_seat_is_freed_twice(session, minting, now):
    catalog.hold(session, minting.sale.tier.id, 2, now)
    catalog.sell(session, minting.sale.tier.id, 2)
    refund(session, minting.order.id, "asked", now)
    money_back(session, minting, now)
    announce(session, OrderRefunded(minting.order.id))
    # A bank returns the refund, and a person makes it again.
    asked = session.scalars(select(Refund)).one()
    refund_failed(session, minting.order.id, asked.payment_id, asked.id, now)
    minting.order.status = OrderStatus.REFUNDED
    announce(session, OrderRefunded(minting.order.id))
    assert counters(session, minting) == (0, 2, 48)


def test_a_seat_whose_ticket_is_minted_is_not_sold_again(session, minting, now):
    chain = Chain()
    first, *_ = jobs_of(session, minting.order.id)
    close(session, minting, [first], now)
    (token,) = chain.mint(1, [(ALICE, 1)])
    final.batches_settled(session, NETWORK, chain.taken()[:1], now)
    final.tokens_settled(session, NETWORK, _transfers(chain), now)
    refund(session, minting.order.id, "asked", now)
    money_back(session, minting, now)
    # The two others were still in the queue.
    assert counters(session, minting) == (0, 1, 49)
    chain.block().status(token, 3)
    final.tokens_settled(session, NETWORK, chain.taken(), now)
    assert counters(session, minting) == (0, 1, 49)


def _transfers(chain):
    again = Chain(number=chain.number)
    again.mint(1, [(ALICE, 1)])
    return again.taken()[2:]


def test_a_seat_on_its_way_is_not_sold_again_unless_its_batch_is_cancelled(session, minting, now):
    closed = close(session, minting, jobs_of(session, minting.order.id), now)
    refund(session, minting.order.id, "asked", now)
    money_back(session, minting, now)
    assert counters(session, minting) == (0, 3, 47)
    cancel.ask(session, closed.id, now)
    chain = Chain()
    chain.emit("BatchCancelled", 1)
    final.batches_settled(session, NETWORK, chain.taken(), now)
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"REFUNDING"}
    assert {change.status for change in session.scalars(select(StatusChange))} == {"DONE"}
    assert counters(session, minting) == (0, 0, 50)
    assert session.get_one(Batch, closed.id).status == "CANCELLED"


def test_a_cancelled_batch_of_a_good_order_frees_nothing(session, minting, now):
    closed = close(session, minting, jobs_of(session, minting.order.id), now)
    cancel.ask(session, closed.id, now)
    chain = Chain()
    chain.emit("BatchCancelled", 1)
    final.batches_settled(session, NETWORK, chain.taken(), now)
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"QUEUED"}
    assert {ticket.status for ticket in tickets_of(session, minting.order.id)} == {"PENDING"}
    assert counters(session, minting) == (0, 3, 47)


def test_money_that_is_still_on_its_way_back_frees_nothing(session, minting, now):
    refund(session, minting.order.id, "asked", now)
    announce(session, OrderRefunded(minting.order.id))
    assert counters(session, minting) == (0, 3, 47)


def test_what_was_not_paid_cannot_be_taken_back(session, minting):
    with pytest.raises(NotPaid):
        catalog.take_back(session, minting.sale.tier.id, 4)
    with pytest.raises(NotPaid):
        catalog.take_back(session, uuid4(), 1)
    assert counters(session, minting) == (0, 3, 47)
