"""The books over HTTP: what an organisation has, owes and earned, to the unit."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.errors import NotYourOrganisation
from backend.kit import db, errors, money
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.kit.units import SignedUnits
from backend.ledger.models import Journal, LedgerEntry

router = APIRouter(prefix="/v1/organisations/{organisation_id}/ledger", tags=["ledger"])

Bookkeeper = Annotated[Principal, allow(Role.PROMOTER, Role.ADMIN)]


class BalanceOut(BaseModel):
    """What one account holds in one currency."""

    account: str = Field(examples=["provider:stripe:receivable"])
    currency: str = Field(examples=["SEK"])
    exponent: int = Field(description="Decimal places of the currency's smallest unit", examples=[2])
    amount: SignedUnits = Field(description="Debits less credits, in the smallest unit", examples=["99000"])


class BalancesOut(BaseModel):
    """All accounts of an organisation; the amounts of one currency sum to zero."""

    organisation_id: UUID
    balances: list[BalanceOut]


class EntryOut(BaseModel):
    """One line: a positive amount is a debit, a negative one a credit."""

    account: str
    currency: str
    amount: SignedUnits


class JournalOut(BaseModel):
    """One thing that happened to money. Never changed, only answered by another."""

    journal_id: UUID
    kind: str = Field(examples=["order_paid"])
    reference: UUID = Field(description="The row it happened to")
    posted_at: datetime
    entries: list[EntryOut]


@router.get("", summary="Balances by account", responses=errors.responses(NotYourOrganisation))
def balances(organisation_id: UUID, principal: Bookkeeper, session: db.SessionDep) -> BalancesOut:
    """Sum the books of an organisation you manage."""
    principal.must_manage(organisation_id)
    db.act_for(session, organisation_id)
    rows = session.execute(
        select(LedgerEntry.account, LedgerEntry.currency, func.sum(LedgerEntry.amount))
        .where(LedgerEntry.organisation_id == organisation_id)
        .group_by(LedgerEntry.account, LedgerEntry.currency)
        .order_by(LedgerEntry.currency, LedgerEntry.account)
    )
    return BalancesOut(
        organisation_id=organisation_id,
        balances=[
            BalanceOut(account=account, currency=currency, exponent=money.exponent(currency), amount=int(amount))
            for account, currency, amount in rows
        ],
    )


@router.get("/journals", summary="Journals, newest first", responses=errors.responses(NotYourOrganisation, BadCursor))
def journals(
    organisation_id: UUID, principal: Bookkeeper, session: db.SessionDep, params: PageParams
) -> Page[JournalOut]:
    """List what happened to the money of an organisation you manage."""
    principal.must_manage(organisation_id)
    db.act_for(session, organisation_id)
    query = select(Journal).where(Journal.organisation_id == organisation_id)
    rows, cursor = paginate(session, query, [Journal.posted_at, Journal.id], params, descending=True)
    return Page(items=[_shown(row) for row in rows], next_cursor=cursor)


def _shown(row: Journal) -> JournalOut:
    return JournalOut(
        journal_id=row.id,
        kind=row.kind,
        reference=row.reference,
        posted_at=row.posted_at,
        entries=[EntryOut(account=e.account, currency=e.currency, amount=e.amount) for e in row.entries],
    )
