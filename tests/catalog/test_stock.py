"""Held, paid and free always make the whole, whoever comes at once."""

import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from backend.catalog import service
from backend.catalog.errors import NotHeld, SaleNotOpen, SoldOut, UnknownTier
from backend.catalog.models import EventStatus, Tier
from backend.kit import db
from backend.kit.errors import BusinessError
from backend.kit.ids import new_id
from tests.factories.accounts import NOON
from tests.factories.catalog import make_event, make_tier


def test_a_hold_keeps_seats_and_a_sale_turns_them_into_paid_ones(session):
    tier = make_tier(session, quantity=10)
    service.hold(session, tier.id, 4, NOON)
    assert (tier.held, tier.paid, tier.free) == (4, 0, 6)
    service.sell(session, tier.id, 3)
    service.release(session, tier.id, 1)
    assert (tier.held, tier.paid, tier.free) == (0, 3, 7)


def test_a_hold_of_more_than_is_free_is_refused_and_says_how_many_are_left(session):
    tier = make_tier(session, quantity=10, held=3, paid=4)
    with pytest.raises(SoldOut) as refused:
        service.hold(session, tier.id, 4, NOON)
    assert refused.value.details["left"] == 3
    service.hold(session, tier.id, 3, NOON)
    assert tier.free == 0


def test_what_is_not_held_is_neither_sold_nor_released(session):
    tier = make_tier(session, quantity=10, held=2)
    for move in (service.sell, service.release):
        with pytest.raises(NotHeld):
            move(session, tier.id, 3)
    assert (tier.held, tier.paid) == (2, 0)


def test_a_move_of_no_seat_or_fewer_is_a_mistake_of_the_caller(session):
    tier = make_tier(session)
    for quantity in (0, -1):
        with pytest.raises(ValueError):
            service.hold(session, tier.id, quantity, NOON)


@pytest.mark.parametrize("status", ["DRAFT", "READY", "CLOSED", "CANCELLED"])
def test_an_event_that_is_not_on_sale_sells_nothing(session, status):
    tier = make_tier(session, make_event(session, status=status))
    with pytest.raises(SaleNotOpen):
        service.hold(session, tier.id, 1, NOON)


def test_the_sale_window_of_a_tier_opens_and_closes_to_the_second(session):
    opens, ends = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    tier = make_tier(session, sale_starts_at=opens, sale_ends_at=ends)
    second = timedelta(seconds=1)
    for moment, reason in ((opens - second, "not_started"), (ends, "ended")):
        with pytest.raises(SaleNotOpen) as refused:
            service.hold(session, tier.id, 1, moment)
        assert refused.value.details["reason"] == reason
    for moment in (opens, ends - second):
        service.hold(session, tier.id, 1, moment)
    assert tier.held == 2


def test_nothing_is_sold_once_the_event_has_ended(session):
    event = make_event(session)
    tier = make_tier(session, event)
    with pytest.raises(SaleNotOpen):
        service.hold(session, tier.id, 1, event.ends_at)


def test_an_unknown_tier_is_named_so(session):
    with pytest.raises(UnknownTier):
        service.hold(session, new_id(), 1, NOON)


def test_a_move_sees_what_other_code_wrote_and_not_what_this_session_remembers(session):
    tier = make_tier(session, quantity=10)
    assert tier.held == 0
    session.execute(text("UPDATE tiers SET held = 5 WHERE id = :id"), {"id": tier.id})
    service.hold(session, tier.id, 1, NOON)
    assert tier.held == 6


def test_the_table_itself_refuses_to_oversell(session):
    tier = make_tier(session, quantity=10)
    for change in ({"held": 11}, {"paid": 11}, {"held": 6, "paid": 5}, {"held": -1}):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(update(Tier).where(Tier.id == tier.id).values(**change))


def test_tiers_are_locked_in_one_order_whatever_the_order_they_are_named_in(session):
    event = make_event(session)
    ids = [make_tier(session, event).id for _ in range(4)]
    assert [tier.id for tier in service.lock_tiers(session, list(reversed(ids)))] == sorted(ids)
    assert service.lock_tiers(session, [new_id()]) == []


_MOVES = st.lists(st.tuples(st.sampled_from(["hold", "sell", "release"]), st.integers(1, 8)), max_size=40)


@given(moves=_MOVES, quantity=st.integers(1, 20))
@settings(max_examples=40, database=None, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_held_paid_and_free_always_make_the_whole(session, moves, quantity):
    tier = make_tier(session, quantity=quantity)
    held = paid = 0
    for move, count in moves:
        try:
            if move == "hold":
                service.hold(session, tier.id, count, NOON)
                held += count
            elif move == "sell":
                service.sell(session, tier.id, count)
                held, paid = held - count, paid + count
            else:
                service.release(session, tier.id, count)
                held -= count
        except (SoldOut, NotHeld):
            # A refusal is right only when the move would have broken the sum.
            assert held + paid + count > quantity if move == "hold" else count > held
        row = session.execute(select(Tier.quantity, Tier.held, Tier.paid).where(Tier.id == tier.id)).one()
        assert row == (quantity, held, paid)
        assert held >= 0
        assert paid >= 0
        assert tier.free == quantity - held - paid >= 0


def _race(buyers, attempt):
    """Let `buyers` threads attempt at once, each in its own transaction; return how many got through."""
    barrier, won, unexpected = threading.Barrier(min(buyers, 40)), [], []
    queue = iter(range(buyers))
    guard = threading.Lock()

    def work():
        barrier.wait()
        while True:
            with guard:
                number = next(queue, None)
            if number is None:
                return
            try:
                with db.unit_of_work() as session:
                    attempt(session)
                won.append(number)
            except BusinessError:
                continue
            except Exception as error:  # noqa: BLE001 - told by the thread that started this one
                unexpected.append(error)
                return

    threads = [threading.Thread(target=work) for _ in range(min(buyers, 40))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert unexpected == []
    return len(won)


def _fifty(fresh_database):
    with db.unit_of_work() as session:
        return make_tier(session, quantity=50).id


def _counters(tier_id):
    with db.unit_of_work() as session:
        tier = session.get_one(Tier, tier_id)
        return tier.held, tier.paid


def test_two_hundred_buyers_at_once_get_exactly_fifty_seats(fresh_database):
    tier_id = _fifty(fresh_database)
    assert _race(200, lambda session: service.hold(session, tier_id, 1, NOON)) == 50
    assert _counters(tier_id) == (50, 0)
    assert _race(80, lambda session: service.sell(session, tier_id, 1)) == 50
    assert _counters(tier_id) == (0, 50)


def test_control_reading_first_and_writing_after_gives_more_seats_than_there_are(fresh_database):
    """The same race against the same table without the deciding statement: it must fail, or the race proves nothing."""
    tier_id = _fifty(fresh_database)

    def naive(session):
        held = session.scalars(select(Tier.held).where(Tier.id == tier_id)).one()
        session.execute(text("SELECT pg_sleep(0.002)"))
        if held >= 50:
            raise SoldOut
        session.execute(update(Tier).where(Tier.id == tier_id).values(held=held + 1))

    assert _race(200, naive) > 50


def test_a_hold_that_waits_for_the_end_of_the_sale_comes_too_late(fresh_database):
    tier_id = _fifty(fresh_database)
    with db.unit_of_work() as session:
        event_id = session.get_one(Tier, tier_id).event_id
    outcome = []

    def buy():
        try:
            with db.unit_of_work() as session:
                service.hold(session, tier_id, 1, NOON)
            outcome.append("held")
        except SaleNotOpen:
            outcome.append("refused")

    with db.unit_of_work() as session:
        event = service.cancel(session, event_id)
        assert event.status == EventStatus.CANCELLED
        buyer = threading.Thread(target=buy)
        buyer.start()
        _wait_for_a_waiter(session)
    buyer.join()
    assert outcome == ["refused"]
    assert _counters(tier_id) == (0, 0)


def _wait_for_a_waiter(session):
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(500):
        if session.execute(waiting).scalar_one():
            return
        session.execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waits")
