from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from backend.accounts.models import Organisation
from backend.kit import db
from backend.kit.ids import new_id
from backend.kit.money import Money, allocate
from backend.ledger import rules
from backend.ledger.models import Journal, LedgerEntry
from backend.ledger.rules import NotAJournal, credit, debit
from backend.ledger.service import PostedDifferently, balance, post
from tests.factories.ledger import FEE, RECEIVABLE, REVENUE, sale


@pytest.fixture
def organisation_id(session, now):
    row = Organisation(name="Elektra", created_at=now)
    session.add(row)
    session.flush()
    return row.id


def _check_deferred(session):
    """Run the checks of the commit now: the test's transaction never gets there."""
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


def test_a_posted_journal_has_its_entries_and_moves_the_balances(session, organisation_id, now):
    journal = post(session, organisation_id, "order_paid", uuid4(), sale(10_000, 500), now)

    assert [(entry.account, entry.money) for entry in journal.entries] == sale(10_000, 500)
    assert balance(session, organisation_id, RECEIVABLE, "SEK") == Money(10_000, "SEK")
    assert balance(session, organisation_id, REVENUE, "SEK") == Money(-9_500, "SEK")
    assert balance(session, organisation_id, FEE, "SEK") == Money(-500, "SEK")
    assert balance(session, organisation_id, FEE, "EUR") == Money(0, "EUR")
    _check_deferred(session)


def test_posting_the_same_twice_posts_once(session, organisation_id, now):
    order = uuid4()
    first = post(session, organisation_id, "order_paid", order, sale(), now)
    again = post(session, organisation_id, "order_paid", order, list(reversed(sale())), now)

    assert again.id == first.id
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 3


def test_posting_other_entries_under_the_same_reference_is_refused(session, organisation_id, now):
    order = uuid4()
    post(session, organisation_id, "order_paid", order, sale(10_000), now)

    with pytest.raises(PostedDifferently):
        post(session, organisation_id, "order_paid", order, sale(10_001), now)


def test_another_kind_for_the_same_reference_is_another_journal(session, organisation_id, now):
    order = uuid4()
    post(session, organisation_id, "order_paid", order, sale(), now)
    post(session, organisation_id, "order_refunded", order, [(a, -m) for a, m in sale()], now)

    assert balance(session, organisation_id, RECEIVABLE, "SEK") == Money(0, "SEK")


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [debit(RECEIVABLE, Money(1, "SEK"))],
        [debit(RECEIVABLE, Money(2, "SEK")), credit(REVENUE, Money(1, "SEK"))],
        [debit(RECEIVABLE, Money(1, "SEK")), credit(REVENUE, Money(1, "EUR"))],
        [debit(RECEIVABLE, Money(0, "SEK")), credit(REVENUE, Money(0, "SEK"))],
        [debit("Receivable", Money(1, "SEK")), credit(REVENUE, Money(1, "SEK"))],
    ],
    ids=["none", "one", "unbalanced", "two currencies", "zero", "no account"],
)
def test_what_is_no_journal_is_refused_before_the_database_is_asked(session, organisation_id, now, entries):
    with pytest.raises(NotAJournal):
        post(session, organisation_id, "order_paid", uuid4(), entries, now)


_amounts = st.integers(min_value=1, max_value=10**40)
_accounts = st.sampled_from([REVENUE, FEE, "artist:share", "platform:tax"])


@given(
    amount=_amounts,
    shares=st.lists(st.tuples(_accounts, st.integers(min_value=1, max_value=1_000)), min_size=1, max_size=6),
    currency=st.sampled_from(["SEK", "VND", "BKS"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_amount_shared_out_by_any_weights_keeps_the_books_at_zero(
    session, organisation_id, now, amount, shares, currency
):
    price = Money(amount, currency)
    parts = allocate(price, [weight for _, weight in shares])
    paid_out = [credit(account, part) for (account, _), part in zip(shares, parts, strict=True) if part.amount]
    before = balance(session, organisation_id, RECEIVABLE, currency)

    post(session, organisation_id, "sale", new_id(), [debit(RECEIVABLE, price), *paid_out], now)

    _check_deferred(session)
    assert balance(session, organisation_id, RECEIVABLE, currency) == before + price
    total = session.scalar(select(func.sum(LedgerEntry.amount)).where(LedgerEntry.currency == currency))
    assert total == 0


@given(
    st.lists(
        st.tuples(_accounts, st.integers(-5, 5), st.sampled_from(["SEK", "EUR"])),
        max_size=6,
    )
)
def test_the_rule_accepts_exactly_what_sums_to_zero_in_each_currency(lines):
    entries = [(account, Money(amount, currency)) for account, amount, currency in lines]
    sums = {c: sum(a for _, a, k in lines if k == c) for c in ("SEK", "EUR")}
    is_journal = len(lines) >= 2 and all(a for _, a, _ in lines) and not any(sums.values())

    if is_journal:
        rules.check_journal(entries)
    else:
        with pytest.raises(NotAJournal):
            rules.check_journal(entries)


def test_another_organisations_books_are_invisible(session, organisation_id, now):
    post(session, organisation_id, "order_paid", uuid4(), sale(), now)
    other = Organisation(name="Other", created_at=now)
    session.add(other)
    session.flush()

    db.act_for(session, other.id)

    assert session.scalar(select(func.count()).select_from(Journal)) == 0
    assert balance(session, organisation_id, RECEIVABLE, "SEK") == Money(0, "SEK")
