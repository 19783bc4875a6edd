"""Units of work: whose rows they see, and what becomes of one that Postgres ends in favour of another."""

from datetime import timedelta

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from backend.kit import db, jobs
from backend.kit.ids import new_id
from backend.kit.notices import StoredReaction
from backend.worker import _carry
from scripts.machine import testbed

TENANT = text("SELECT current_setting('app.tenant')")


def _give_way(kind=psycopg.errors.DeadlockDetected):
    raise OperationalError("SELECT 1", {}, kind("deadlock detected"))


def test_a_unit_of_work_that_narrows_its_tenant_does_not_narrow_the_next(session):
    with db.unit_of_work() as narrowed:
        db.act_for(narrowed, new_id())
        assert narrowed.scalar(TENANT) != db.PLATFORM
    assert session.scalar(TENANT) == db.PLATFORM
    with db.unit_of_work() as other:
        assert other.scalar(TENANT) == db.PLATFORM


def test_one_that_fails_after_narrowing_does_not_either(session):
    with pytest.raises(LookupError), db.unit_of_work() as narrowed:
        db.act_for(narrowed, new_id())
        raise LookupError
    assert session.scalar(TENANT) == db.PLATFORM


@pytest.mark.parametrize("kind", [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure])
def test_a_transaction_that_gave_way_may_be_tried_again(session, kind):
    with pytest.raises(db.GaveWay), db.unit_of_work():
        _give_way(kind)


def test_any_other_trouble_of_the_database_is_not_taken_for_that(session):
    with pytest.raises(OperationalError), db.unit_of_work():
        _give_way(psycopg.errors.DiskFull)


@pytest.fixture
def job(session, now):
    row = StoredReaction(reaction="none", notice="None", payload={}, trace_id="", announced_at=now)
    session.add(row)
    session.flush()
    leased = jobs.claim(session, StoredReaction, row.id, now)
    session.flush()
    return leased


def test_a_job_that_gave_way_is_given_back_at_once(session, job, now):
    lease = job.lease_id
    with pytest.raises(db.GaveWay), jobs.given_back(StoredReaction, job.id, lease), db.unit_of_work():
        _give_way()
    session.refresh(job)
    assert (job.lease_id, job.attempts) == (None, 1)
    assert now < job.run_after <= now + timedelta(seconds=2)


def test_a_job_that_somebody_else_took_over_is_left_alone(session, job):
    with pytest.raises(db.GaveWay), jobs.given_back(StoredReaction, job.id, new_id()), db.unit_of_work():
        _give_way()
    session.refresh(job)
    assert (job.lease_id is not None, job.attempts) == (True, 0)


def test_a_job_that_failed_for_another_reason_keeps_its_lease(session, job):
    with pytest.raises(ValueError, match="ours"), jobs.given_back(StoredReaction, job.id, job.lease_id):
        raise ValueError("ours")
    session.refresh(job)
    assert job.lease_id is not None


class _Request:
    trace_id = None


class _Task:
    name = "tests.task"
    request = _Request()


def test_the_worker_puts_off_what_may_be_tried_again_and_lets_faults_be_seen():
    def gave_way(_subject):
        raise db.GaveWay

    def at_fault(_subject):
        raise ValueError("ours")

    subject = str(new_id())
    _carry(gave_way)(_Task(), subject)
    with pytest.raises(ValueError, match="ours"):
        _carry(at_fault)(_Task(), subject)


def test_a_request_that_gave_way_is_told_to_come_again(client, monkeypatch):
    monkeypatch.setattr("backend.kit.pages.paginate", lambda *_, **__: _give_way())
    response = client.get("/v1/events")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "gave_way")
    assert response.headers["Retry-After"] == "1"


def test_a_commit_that_fails_is_never_preceded_by_a_201(fresh_database):
    """The control of `scope="function"`: with FastAPI's default the answer has left before the commit is tried."""
    with psycopg.connect(fresh_database.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE promises (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    app = FastAPI()

    @app.post("/promises", status_code=201)
    def promise(session: db.SessionDep) -> dict[str, bool]:
        session.execute(text("INSERT INTO promises VALUES (1), (1)"))
        return {"made": True}

    response = TestClient(app, raise_server_exceptions=False).post("/promises")
    assert response.status_code == 500


def test_a_call_that_fails_after_the_commit_keeps_no_other_from_running(session):
    called = []
    with db.unit_of_work() as inner:
        db.after_commit(inner, lambda: 1 / 0)
        db.after_commit(inner, lambda: called.append("second"))
    assert called == ["second"]


def test_a_database_that_is_away_is_named_and_comes_back_by_itself():
    with testbed.postgres() as cluster:
        engine = db.configure(cluster.url("backstage_app"))
        with db.unit_of_work() as session:
            session.execute(text("SELECT 1"))
        cluster.kill()
        for _ in range(2):  # the pooled connection that broke, and a new one that is refused
            with pytest.raises(db.DatabaseAway), db.unit_of_work() as session:
                session.execute(text("SELECT 1"))
        cluster.start()
        with db.unit_of_work() as session:
            assert session.scalar(text("SELECT 1")) == 1
        engine.dispose()


def test_a_mistake_of_ours_is_no_absence(session):
    with pytest.raises(ProgrammingError), db.unit_of_work() as inner:
        inner.execute(text("SELECT nonsense"))
