"""Two gates, one ticket, the same moment: one ADMITTED. And what happens without each of the two guards."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import select

from backend.checkin import admit
from backend.checkin.models import Entry, Scan
from backend.kit import clock
from backend.kit.db import unit_of_work
from tests.factories.accounts import NOON
from tests.factories.checkin import DOORS_OPEN, answer, make_door, open_challenge
from tests.factories.orders import Till

NOW = DOORS_OPEN + timedelta(minutes=10)
GATES = 8


@pytest.fixture
def doors(fresh_database):
    """One ticket, and a challenge for it open at each of many gates."""
    with Till(), clock.frozen(NOON):
        with unit_of_work() as session:
            door = make_door(session)
            challenges = [open_challenge(session, door, NOW, f"Gate {gate}").id for gate in range(GATES)]
        yield door, challenges


def scan_everywhere(door, challenges):
    """Answer every challenge at once; return (results of the scans that came through, scans, open entries)."""
    together = threading.Barrier(len(challenges))

    def at_gate(challenge_id):
        together.wait(60)
        with unit_of_work() as session:
            return answer(session, door, challenge_id, door.holder, NOW).result

    with ThreadPoolExecutor(len(challenges)) as pool:
        results = list(pool.map(at_gate, challenges))
    with unit_of_work() as session:
        scans = session.scalars(select(Scan.reason)).all()
        entries = session.scalars(select(Entry.id).where(Entry.closed_at.is_(None))).all()
    return results, scans, entries


def without_lock(monkeypatch):
    """Read the rows without locking, and have all gates decide before any of them writes.

    Marking the ticket as used locks it as well, so that is left out too.
    """
    decided = threading.Barrier(GATES)
    unguarded = admit._refusal

    def refusal(*facts):
        reason = unguarded(*facts)
        decided.wait(60)
        return reason

    monkeypatch.setattr(admit, "locked", lambda session, model, key: session.get(model, key))
    monkeypatch.setattr(admit, "_refusal", refusal)
    monkeypatch.setattr(admit.tickets, "mark_used", lambda *_: None)


def without_index(fresh_database):
    with psycopg.connect(fresh_database.owner_url, autocommit=True) as connection:
        connection.execute("DROP INDEX uq_entries_ticket_id_open")


def test_many_gates_and_one_ticket_admit_one_person(doors):
    results, scans, entries = scan_everywhere(*doors)
    assert sorted(results) == ["ADMITTED", *["REFUSED"] * (GATES - 1)]
    assert sorted(reason or "" for reason in scans) == ["", *["already_admitted"] * (GATES - 1)]
    assert len(entries) == 1


def test_without_the_lock_the_unique_open_entry_still_admits_one(doors, monkeypatch):
    without_lock(monkeypatch)
    results, scans, entries = scan_everywhere(*doors)
    assert (results.count("ADMITTED"), len(scans), len(entries)) == (1, GATES, 1)


def test_without_the_index_the_lock_still_admits_one(doors, fresh_database):
    without_index(fresh_database)
    results, _, entries = scan_everywhere(*doors)
    assert (results.count("ADMITTED"), len(entries)) == (1, 1)


def test_without_both_several_people_come_in_so_the_race_is_real(doors, fresh_database, monkeypatch):
    without_lock(monkeypatch)
    without_index(fresh_database)
    results, _, entries = scan_everywhere(*doors)
    assert results.count("ADMITTED") > 1
    assert len(entries) > 1


def test_one_scan_sent_by_a_nervous_device_many_times_at_once_is_one_row(doors):
    door, challenges = doors
    together = threading.Barrier(GATES)

    def send(_number):
        together.wait(60)
        with unit_of_work() as session:
            return answer(session, door, challenges[0], door.holder, NOW, "scanner-7-000001").id

    with ThreadPoolExecutor(GATES) as pool:
        assert len(set(pool.map(send, range(GATES)))) == 1
    with unit_of_work() as session:
        assert session.scalars(select(Scan.result)).all() == ["ADMITTED"]
