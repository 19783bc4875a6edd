"""Posting to the books and reading balances."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.kit.ids import new_id
from backend.kit.money import Money
from backend.ledger import rules
from backend.ledger.models import Journal, LedgerEntry


class PostedDifferently(RuntimeError):
    """The same kind and reference was posted before with other entries: a fault of the caller, for a person."""


def post(
    session: Session, organisation_id: UUID, kind: str, reference: UUID, entries: Sequence[rules.Entry], now: datetime
) -> Journal:
    """Write one journal, once for each `kind` and `reference`; posting the same again returns what stands.

    Debits are positive, credits negative. Raises NotAJournal when the entries cannot be a journal, PostedDifferently
    when the same reference was posted with others.
    """
    rules.check_journal(entries)
    fresh: Journal | None = session.scalar(
        insert(Journal)
        .values(
            id=new_id(),
            organisation_id=organisation_id,
            kind=kind,
            reference=reference,
            entry_count=len(entries),
            posted_at=now,
        )
        # Waits for a rival's transaction, so that what is found afterwards is whole.
        .on_conflict_do_nothing(index_elements=["kind", "reference"])
        .returning(Journal)
    )
    if fresh is None:
        return _already_posted(session, organisation_id, kind, reference, entries)
    session.add_all(
        LedgerEntry(
            journal_id=fresh.id,
            organisation_id=organisation_id,
            account=account,
            currency=money.currency,
            amount=money.amount,
        )
        for account, money in entries
    )
    session.flush()
    return fresh


def _already_posted(
    session: Session, organisation_id: UUID, kind: str, reference: UUID, entries: Sequence[rules.Entry]
) -> Journal:
    found = session.scalars(select(Journal).where(Journal.kind == kind, Journal.reference == reference)).one()
    stands = Counter((entry.account, entry.money) for entry in found.entries)
    if found.organisation_id != organisation_id or stands != Counter(entries):
        raise PostedDifferently(f"{kind} {reference} was posted with other entries")
    return found


def balance(session: Session, organisation_id: UUID, account: str, currency: str) -> Money:
    """Return the sum of the account's entries in `currency`: positive when debits weigh more."""
    total = session.scalar(
        select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(
            LedgerEntry.organisation_id == organisation_id,
            LedgerEntry.account == account,
            LedgerEntry.currency == currency,
        )
    )
    return Money(int(total or 0), currency)
