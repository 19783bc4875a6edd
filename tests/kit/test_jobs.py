import threading
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.kit import clock, db, jobs, nudges
from backend.kit.ids import new_id
from backend.kit.notices import Notice, StoredReaction, announce, at_once, later, react, sweep_reactions


@dataclass(frozen=True)
class Rang(Notice):
    bell: str


heard: list[str] = []
failing: list[bool] = []


@later(Rang)
def _answer(session, notice, now):
    if failing:
        raise RuntimeError("nobody home")
    heard.append(notice.bell)


@pytest.fixture(autouse=True)
def _silence():
    heard.clear()
    failing.clear()


def _store(session):
    announce(session, Rang("front door"))
    session.flush()
    return session.scalars(select(StoredReaction.id).where(StoredReaction.notice == "Rang")).one()


def test_a_later_reaction_is_a_row_until_the_worker_runs_it(session):
    row_id = _store(session)
    assert heard == []
    react(row_id)
    assert heard == ["front door"]


def test_a_reaction_delivered_ten_times_runs_once(session):
    row_id = _store(session)
    for _ in range(10):
        react(row_id)
    assert heard == ["front door"]


def test_a_failing_reaction_waits_and_is_tried_again(session):
    row_id = _store(session)
    failing.append(True)
    react(row_id)
    row = session.get_one(StoredReaction, row_id, populate_existing=True)
    assert (row.status, row.attempts, row.lease_id) == ("WAITING", 1, None)
    assert "nobody home" in row.last_error
    failing.clear()
    react(row_id)
    assert heard == [], "it came back before its pause was over"
    with clock.frozen(row.run_after):
        sweep_reactions()
    assert heard == ["front door"]


def test_a_reaction_that_keeps_failing_becomes_stuck_by_name(session):
    row_id = _store(session)
    failing.append(True)
    for _ in range(12):
        row = session.get_one(StoredReaction, row_id, populate_existing=True)
        with clock.frozen(row.run_after or clock.now()):
            react(row_id)
    assert session.get_one(StoredReaction, row_id, populate_existing=True).status == "STUCK"


@dataclass(frozen=True)
class Fell(Notice):
    what: str


@at_once(Fell)
def _refuse(session, notice, now):
    raise RuntimeError("the promise is broken")


def test_a_reaction_at_once_that_fails_undoes_the_announcement(session):
    with pytest.raises(RuntimeError, match="promise"), db.unit_of_work() as inner:
        _store(inner)
        announce(inner, Fell("vase"))
    assert session.scalars(select(StoredReaction)).all() == []


def test_a_lease_that_ran_out_goes_to_the_next_worker_and_the_first_may_not_write(session, now):
    row_id = _store(session)
    first = jobs.claim(session, StoredReaction, row_id, now, 60)
    old_lease = first.lease_id
    assert jobs.claim(session, StoredReaction, row_id, now + timedelta(seconds=59), 60) is None
    second = jobs.claim(session, StoredReaction, row_id, now + timedelta(seconds=60), 60)
    assert second is not None
    with pytest.raises(jobs.LeaseLost):
        jobs.held(session, StoredReaction, row_id, old_lease)
    jobs.release(second)
    with pytest.raises(jobs.LeaseLost):
        jobs.held(session, StoredReaction, row_id, second.lease_id)


@pytest.mark.parametrize("careful", [True, False], ids=["with claim", "control: read, then write"])
def test_parallel_workers_lease_a_row_once(fresh_database, careful):
    with db.unit_of_work() as session:
        row_id = _store(session)
    barrier, winners = threading.Barrier(8), []

    def work():
        with db.unit_of_work() as session:
            session.connection()
            if careful:
                barrier.wait()
                row = jobs.claim(session, StoredReaction, row_id, clock.now(), 60)
            else:
                row = session.get(StoredReaction, row_id)
                row = row if row.lease_id is None else None
                barrier.wait()
                if row is not None:
                    row.lease_id = new_id()
            if row is not None:
                winners.append(row_id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1 if careful else len(winners) > 1


@pytest.fixture
def sent(monkeypatch):
    seen: list = []
    monkeypatch.setattr(nudges, "_send", lambda task, subject: seen.append((task, subject)))
    return seen


def test_a_nudge_leaves_after_the_commit_and_never_when_rolled_back(session, sent):
    kept, dropped = new_id(), new_id()
    with db.unit_of_work() as inner:
        nudges.nudge(inner, "kit.react", kept)
        assert sent == []
    with pytest.raises(ZeroDivisionError), db.unit_of_work() as inner:
        nudges.nudge(inner, "kit.react", dropped)
        1 / 0  # noqa: B018
    assert sent == [("kit.react", str(kept))]


def test_a_broker_that_is_down_loses_the_nudge_and_nothing_else(session, monkeypatch):
    def down(task, subject):
        raise ConnectionError("no route to Redis")

    monkeypatch.setattr(nudges, "_send", down)
    with db.unit_of_work() as inner:
        row_id = _store(inner)
    assert session.get(StoredReaction, row_id) is not None
    sweep_reactions()
    assert heard == ["front door"]


def test_rows_that_come_back_again_and_again_keep_no_younger_one_from_its_turn(session, now):
    for _ in range(4):
        announce(session, Rang("again"))
    session.flush()
    query = select(StoredReaction).where(StoredReaction.notice == "Rang").order_by(StoredReaction.id)
    rows = session.scalars(query).all()
    for row, seconds in zip(rows, (-1, -2, -30, None), strict=True):
        row.run_after = None if seconds is None else now + timedelta(seconds=seconds)
    session.flush()
    ringing = StoredReaction.notice == "Rang"
    assert jobs.due(session, StoredReaction, now, ringing, limit=2) == [rows[3].id, rows[2].id]
    assert jobs.due(session, StoredReaction, now, ringing) == [rows[index].id for index in (3, 2, 1, 0)]
