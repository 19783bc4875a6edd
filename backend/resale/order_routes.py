"""What the routes of listings, trees and offers share: looking before a signature, showing, taking up, withdrawing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from backend.accounts.access import Principal, Role, allow
from backend.accounts.errors import BadSignature
from backend.chain import registry, unsigned
from backend.chain.currencies import UnknownCurrency
from backend.chain.deployments import NotDeployed
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.chain.unsigned import CallWouldRevert
from backend.kit.db import unit_of_work
from backend.kit.errors import BusinessError, Forbidden, Unauthenticated
from backend.kit.pages import Page, PageParams, paginate
from backend.resale import market, rules, signing, standing, subject, verdict
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
    return MarketOrderOut.of(row, standing.judge(session, row, now))


def page_of(
    session: Session, query: Select[MarketOrder], kind: Kind, standing: Status, page: PageParams
) -> Page[MarketOrderOut]:
    """Return the query's orders of a kind that stand so, the newest first. Drafts are nobody's business."""
    query = query.where(MarketOrder.kind == kind, MarketOrder.status == standing, MarketOrder.status != Status.DRAFT)
    rows, cursor = paginate(session, query, [MarketOrder.created_at, MarketOrder.id], page, descending=True)
    return Page(items=[MarketOrderOut.of(row) for row in rows], next_cursor=cursor)


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
