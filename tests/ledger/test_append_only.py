"""The rules the database itself keeps, tried with real commits as the application's role."""

from threading import Barrier, Thread
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from backend.accounts.models import Organisation
from backend.kit.db import unit_of_work
from backend.kit.money import Money
from backend.ledger.models import Journal, LedgerEntry
from backend.ledger.service import post
from tests.factories.ledger import RECEIVABLE, REVENUE, sale


@pytest.fixture
def organisation_id(fresh_database, now):
    with unit_of_work() as session:
        row = Organisation(name="Elektra", created_at=now)
        session.add(row)
    return row.id


def _journal(organisation_id, now, count):
    return Journal(
        organisation_id=organisation_id, kind="order_paid", reference=uuid4(), entry_count=count, posted_at=now
    )


def _entry(journal, amount, account=RECEIVABLE):
    return LedgerEntry(
        journal_id=journal.id,
        organisation_id=journal.organisation_id,
        account=account,
        currency="SEK",
        amount=amount,
    )


@pytest.mark.parametrize("table", ["journals", "ledger_entries"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_cannot_change_what_was_posted(organisation_id, now, table, statement):
    with unit_of_work() as session:
        post(session, organisation_id, "order_paid", uuid4(), sale(), now)

    with unit_of_work() as session:
        assert session.scalar(text("SELECT current_user")) == "backstage_app"
        with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
            session.execute(text(statement.format(table)))
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 3


def _commit(*rows):
    with unit_of_work() as session:
        for row in rows:
            session.add(row)
            session.flush()


def test_an_unbalanced_journal_fails_at_the_commit_and_not_before(organisation_id, now):
    journal = _journal(organisation_id, now, 2)
    reached_the_end = False
    with pytest.raises(IntegrityError, match="does not sum to zero: SEK 1"), unit_of_work() as session:
        session.add(journal)
        session.flush()
        session.add_all([_entry(journal, 100), _entry(journal, -99, REVENUE)])
        session.flush()
        reached_the_end = True
    assert reached_the_end


def test_a_journal_balanced_only_across_currencies_fails_at_the_commit(organisation_id, now):
    journal = _journal(organisation_id, now, 2)
    journal.id = uuid4()
    euros = _entry(journal, -100, REVENUE)
    euros.currency = "EUR"
    with pytest.raises(IntegrityError, match="does not sum to zero"):
        _commit(journal, _entry(journal, 100), euros)


def test_a_journal_without_entries_fails_at_the_commit(organisation_id, now):
    with pytest.raises(IntegrityError, match="posted with 2 entries but has 0"):
        _commit(_journal(organisation_id, now, 2))


def test_a_journal_cannot_promise_fewer_than_two_entries(organisation_id, now):
    with pytest.raises(IntegrityError, match="ck_journals_entry_count"):
        _commit(_journal(organisation_id, now, 0))


def test_entries_cannot_be_added_to_a_posted_journal_even_when_balanced(organisation_id, now):
    with unit_of_work() as session:
        journal = post(session, organisation_id, "order_paid", uuid4(), sale(), now)

    with pytest.raises(IntegrityError, match="posted with 3 entries but has 5"):
        _commit(_entry(journal, 7), _entry(journal, -7, REVENUE))


def test_an_entry_cannot_belong_to_another_organisation_than_its_journal(organisation_id, now):
    with unit_of_work() as session:
        other = Organisation(name="Other", created_at=now)
        session.add(other)
    journal = _journal(organisation_id, now, 2)
    journal.id = uuid4()
    foreign = _entry(journal, -100, REVENUE)
    foreign.organisation_id = other.id
    with pytest.raises(IntegrityError, match="fk_ledger_entries_journal_id"):
        _commit(journal, _entry(journal, 100), foreign)


def test_a_temporary_table_of_the_same_name_does_not_fool_the_trigger(organisation_id, now):
    journal = _journal(organisation_id, now, 2)
    with pytest.raises((IntegrityError, ProgrammingError)), unit_of_work() as session:
        session.add(journal)
        session.flush()
        session.execute(text("CREATE TEMPORARY TABLE ledger_entries (LIKE public.ledger_entries) ON COMMIT DROP"))
        session.execute(
            text(
                "INSERT INTO pg_temp.ledger_entries "
                "SELECT gen_random_uuid(), :j, :o, 'a:b', 'SEK', n FROM unnest(ARRAY[1, -1]) AS n"
            ),
            {"j": journal.id, "o": organisation_id},
        )


def test_ten_posts_of_the_same_thing_at_once_are_one_journal(organisation_id, now):
    reference, barrier, found = uuid4(), Barrier(10), []

    def run():
        barrier.wait()
        with unit_of_work() as session:
            found.append(post(session, organisation_id, "order_paid", reference, sale(), now).id)

    threads = [Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 10
    assert len(set(found)) == 1
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Journal)) == 1
        assert session.scalar(select(func.sum(LedgerEntry.amount))) == 0
        assert (
            session.scalar(select(func.sum(LedgerEntry.amount)).where(LedgerEntry.amount > 0))
            == Money(10_000, "SEK").amount
        )
