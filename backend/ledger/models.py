"""Journals and their entries.

The database keeps the two rules of the books, whoever writes: the roles that work here hold no UPDATE, DELETE or
TRUNCATE, and a deferred trigger refuses to commit a journal that does not sum to zero in each currency.
"""

from datetime import datetime
from typing import NewType
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.kit.money import Money

JournalId = NewType("JournalId", UUID)


class Journal(Base):
    """One thing that happened to money: all its entries were written together, and sum to zero."""

    __tablename__ = "journals"
    __table_args__ = (
        UniqueConstraint("kind", "reference"),
        # What entries refer to: an entry cannot belong to another organisation than its journal.
        UniqueConstraint("id", "organisation_id"),
        CheckConstraint("entry_count >= 2", name="entry_count"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    kind: Mapped[str]
    """What happened: `order_paid`, `refund`."""
    reference: Mapped[UUID]
    """The row it happened to. One journal a kind and reference, so posting twice posts once."""
    entry_count: Mapped[int] = mapped_column(SmallInteger)
    """How many entries it was posted with: checked at commit, so that a journal is closed for good."""
    posted_at: Mapped[datetime]

    entries: Mapped[list["LedgerEntry"]] = relationship(order_by="LedgerEntry.id", viewonly=True)


class LedgerEntry(Base):
    """One line of a journal: a positive amount is a debit, a negative one a credit."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        ForeignKeyConstraint(["journal_id", "organisation_id"], ["journals.id", "journals.organisation_id"]),
        CheckConstraint("amount <> 0", name="amount"),
        Index(None, "organisation_id", "account", "currency"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    journal_id: Mapped[UUID] = mapped_column(index=True)
    organisation_id: Mapped[UUID]
    account: Mapped[str]
    """`provider:stripe:receivable`, `platform:fee`: owner first, then what it is."""
    currency: Mapped[str]
    amount: Mapped[Wei]
    """In the smallest unit of `currency`."""

    @property
    def money(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount, self.currency)
