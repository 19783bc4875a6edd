import threading

import pytest

from backend.kit import db, idempotency
from backend.kit.ids import new_id


def _make(session, key="the-key-1", body=None):
    body = {"a": 1} if body is None else body
    made = idempotency.begin(session, "me:thing", key, body)
    if made is None:
        made = new_id()
        idempotency.finish(session, "me:thing", key, made)
        session.flush()
    return made


def test_the_same_request_twice_makes_one_thing(session):
    assert _make(session) == _make(session)


def test_a_key_used_for_another_body_is_refused(session):
    _make(session)
    with pytest.raises(idempotency.IdempotencyMismatch):
        _make(session, body={"a": 2})


def test_two_callers_may_choose_the_same_key(session):
    _make(session)
    assert idempotency.begin(session, "you:thing", "the-key-1", {"a": 1}) is None


def test_parallel_requests_with_one_key_make_one_thing(fresh_database):
    barrier, made = threading.Barrier(8), []

    def request():
        with db.unit_of_work() as session:
            session.connection()
            barrier.wait()
            made.append(_make(session))

    threads = [threading.Thread(target=request) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_a_request_that_failed_leaves_its_key_free(session):
    with pytest.raises(ZeroDivisionError), db.unit_of_work() as inner:
        idempotency.begin(inner, "me:thing", "the-key-1", {"a": 1})
        1 / 0  # noqa: B018
    assert idempotency.begin(session, "me:thing", "the-key-1", {"a": 2}) is None
