"""What the routes of listings, trees and offers share: looking before a signature, showing, taking up, withdrawing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, select
from sqlalchemy.orm import Session

from backend.accounts.access import Principal, Role, allow
from backend.accounts.errors import BadSignature
from backend.catalog.models import Event
from backend.chain import registry, unsigned
from backend.chain.currencies import UnknownCurrency
from backend.chain.deployments import NotDeployed
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.chain.unsigned import CallWouldRevert
from backend.kit.db import unit_of_work
from backend.kit.errors import BusinessError, Forbidden, Unauthenticated
from backend.kit.pages import Page, PageParams, paginate
from backend.resale import credit, market, rules, signing, standing, subject, verdict
from backend.resale.errors import SELLING, BadExpiry, NotListed, NotYourTicket, TermsChanged, WalletUndeployed
from backend.resale.models import MarketOrder
from backend.resale.schemas import MarketOrderOut
from backend.resale.signing import Person
from backend.resale.states import Kind, Status
from backend.resale.subject import Subject
from backend.resale.taking import Taken
from backend.tickets.errors import NoWallet, TicketUnknown

Fan = Annotated[Principal, allow(Role.FAN)]
Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]

_Errors = tuple[type[BusinessError], ...]
PERSON: _Errors = (Unauthenticated, Forbidden, NoWallet)
SENDING: _Errors = (CallWouldRevert, InsufficientFunds, ChainUnreachable)
PREPARING: _Errors = (*PERSON, TicketUnknown, BadExpiry, UnknownCurrency, *SELLING, NotDeployed, ChainUnreachable)
SIGNING: _Errors = (*PERSON, BadSignature, WalletUndeployed, TermsChanged, ChainUnreachable)


def own_ticket(seller: Person, ticket_id: UUID, price: int, now: datetime) -> tuple[Subject, rules.Terms]:
    """Return the seller's ticket and what the chain says of its sale at this price.

    Opens a short transaction and asks the network after it. Raises NotYourTicket, NotForSale and what `subject.find`
    and `market.read_terms` raise.
    """
    with unit_of_work() as session:
        found = subject.find(session, ticket_id, now)
    if found.holding.owner != seller.wallet:
        raise NotYourTicket
    terms = market.read_terms(registry.port(found.network), Kind.LISTING, *found.asked, seller.wallet)
    market.check(terms, Kind.LISTING, price, now)
    return found, terms


def show(session: Session, order_id: UUID, kind: Kind, principal: Principal | None, now: datetime) -> MarketOrderOut:
    """Return an order as it stands this moment. Drafts are shown to who asked for them only."""
    row = signing.find(session, order_id, kind)
    if row.status == Status.DRAFT and (principal is None or principal.account_id != row.account_id):
        raise signing.UNKNOWN[kind]
    is_credited = (row.network, row.order_hash) in credit.credited_among(session, [row.order_hash])
    return MarketOrderOut.of(row, standing.judge(session, row, now), is_credited=is_credited)


def page_of(
    session: Session, query: Select[MarketOrder], kind: Kind, standing: Status, page: PageParams, now: datetime
) -> Page[MarketOrderOut]:
    """Return the query's orders of a kind that stand so now, the newest first. Drafts are nobody's business.

    What time alone has ended is left out at once, as when it is asked for by itself, not from the next sweep on.
    """
    query = query.join(Event, Event.id == MarketOrder.event_id).where(
        MarketOrder.kind == kind, _status_at(now) == standing, MarketOrder.status != Status.DRAFT
    )
    rows, cursor = paginate(session, query, [MarketOrder.created_at, MarketOrder.id], page, descending=True)
    events = select(Event.id, Event.ends_at).where(Event.id.in_({row.event_id for row in rows}))
    ends = {row.id: row.ends_at for row in session.execute(events)}
    kept = credit.credited_among(session, [row.order_hash for row in rows])
    shown = [
        MarketOrderOut.of(
            row,
            rules.as_of((row.status, row.reason), row.expires_at, ends[row.event_id], now),
            is_credited=(row.network, row.order_hash) in kept,
        )
        for row in rows
    ]
    return Page(items=shown, next_cursor=cursor)


def _status_at(now: datetime) -> ColumnElement[str]:
    """Say of a row what `rules.as_of` says of it."""
    status, expired = MarketOrder.status, MarketOrder.expires_at < now
    return case(
        (expired & (status == Status.WITHDRAWN), Status.CANCELLED.value),
        (expired & status.in_([Status.LISTED, Status.INVALID]), Status.EXPIRED.value),
        ((Event.ends_at <= now) & (status == Status.LISTED), Status.INVALID.value),
        else_=status,
    )


def taken_up(session: Session, order_id: UUID, kind: Kind, now: datetime) -> MarketOrder:
    """Return an order that is good by what this house knows. Raises ListingUnknown or OfferUnknown, NotListed."""
    row = signing.find(session, order_id, kind)
    if row.status == Status.DRAFT:
        raise signing.UNKNOWN[kind]
    standing.check_listed(session, row, now)
    return row


def check_on_chain(order: Taken, now: datetime) -> None:
    """Ask the chain too before anybody signs or pays, and keep what no log will tell. Raises NotListed."""
    port = registry.port(order.network)
    reason = verdict.ahead_of_index(port, order)
    if reason is None:
        reason = verdict.against(port, order, now)
        if reason is not None:
            with unit_of_work() as session:
                standing.refuse(session, order.order_id, reason, now)
    if reason is not None:
        raise NotListed(status=Status.INVALID, reason=reason)


def withdraw(order_id: UUID, kind: Kind, principal: Principal, now: datetime) -> tuple[Person, MarketOrder]:
    """Take the caller's own order off this house. Raises NoWallet, ListingUnknown or OfferUnknown."""
    person = Person.of(principal)
    with unit_of_work() as session:
        signing.of_person(session, order_id, kind, person)
        [row] = signing.withdraw(session, [order_id], now)
    return person, row


def withdrawal(person: Person, rows: Sequence[MarketOrder], *, everything: bool = False) -> dict[str, Any]:
    """Return the transaction that withdraws orders on chain too; tried first."""
    data = signing.cancellation([row.order_hash for row in rows], everything=everything)
    port = registry.port(rows[0].network)
    return unsigned.transaction_for_wallet(port, person.wallet, rows[0].market, data)
