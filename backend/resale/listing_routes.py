"""Listings over HTTP: prepare, sign, read, withdraw, buy. The wallets sign; nothing here holds a fan's key."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, status
from sqlalchemy import Select, select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.errors import BadSignature
from backend.chain import registry, unsigned
from backend.chain.currencies import UnknownCurrency
from backend.chain.deployments import NotDeployed
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.chain.unsigned import CallWouldRevert
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.resale import market, signing, standing, subject, taking
from backend.resale.errors import (
    SELLING,
    AlreadyListed,
    AlreadyYours,
    BadExpiry,
    BadPermit,
    ListingUnknown,
    NotEnoughTokens,
    NotListed,
    NotYourTicket,
    PriceAboveMax,
    TermsChanged,
)
from backend.resale.models import MarketOrder
from backend.resale.schemas import (
    BuyIn,
    CancelIn,
    CancelOut,
    DraftOut,
    MarketOrderOut,
    OrderIn,
    PurchaseOut,
    SignatureIn,
)
from backend.resale.signing import Person
from backend.resale.states import Kind, Status
from backend.settings import get_settings
from backend.tickets.errors import NoWallet, TicketUnknown

router = APIRouter(tags=["resale"])

Fan = Annotated[Principal, allow(Role.FAN)]
Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]
StatusQuery = Annotated[Status, Query(description="How they stand; drafts are nobody's business")]


@router.post(
    "/v1/listings",
    status_code=status.HTTP_201_CREATED,
    summary="Prepare a listing: what the seller signs",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NoWallet,
        TicketUnknown,
        NotYourTicket,
        BadExpiry,
        UnknownCurrency,
        *SELLING,
        NotDeployed,
        ChainUnreachable,
    ),
)
def prepare_listing(body: OrderIn, principal: Fan, now: NowDep) -> DraftOut:
    """Return the typed data, or why the ticket cannot be sold at this price. Nothing is for sale until it is signed."""
    seller = Person.of(principal)
    expires_at = signing.expiry(body.expires_at, now)
    with unit_of_work() as session:
        found = subject.find(session, body.ticket_id, now)
    if found.holding.owner != seller.wallet:
        raise NotYourTicket
    # No transaction is open here: the chain says rules, cap and shares.
    terms = market.read_terms(registry.port(found.network), *found.asked, seller.wallet)
    market.check(terms, Kind.LISTING, body.price, now)
    with unit_of_work() as session:
        return DraftOut.of(signing.draft(session, Kind.LISTING, seller, found, terms, body.price, expires_at, now))


@router.put(
    "/v1/listings/{listing_id}/signature",
    summary="Hand in the seller's signature: the ticket is for sale",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NoWallet,
        ListingUnknown,
        BadSignature,
        AlreadyListed,
        TermsChanged,
        ChainUnreachable,
    ),
)
def sign_listing(listing_id: UUID, body: SignatureIn, principal: Fan, now: NowDep) -> MarketOrderOut:
    """Check the signature as the market will, and list. Repeating it changes nothing."""
    seller = Person.of(principal)
    with unit_of_work() as session:
        row = signing.of_person(session, listing_id, Kind.LISTING, seller)
        asked = signing.draft_of(row)
        if asked.is_signed:
            return MarketOrderOut.of(row)
    signature = bytes.fromhex(body.signature[2:])
    signing.prove(asked, signature, registry.port(asked.network))
    with unit_of_work() as session:
        return MarketOrderOut.of(signing.sign(session, listing_id, signature, None, now))


@router.get("/v1/listings/{listing_id}", summary="A listing and how it stands", responses=responses(ListingUnknown))
def get_listing(listing_id: UUID, principal: Anyone, session: SessionDep) -> MarketOrderOut:
    """Return it, with the reason when it is not good any more. Drafts are shown to their seller only."""
    row = signing.find(session, listing_id, Kind.LISTING)
    if row.status == Status.DRAFT and (principal is None or principal.account_id != row.account_id):
        raise ListingUnknown
    return MarketOrderOut.of(row)


@router.get("/v1/events/{event_id}/listings", summary="Listings of an event", responses=responses(BadCursor))
def listings_of_event(
    event_id: UUID, _principal: Anyone, session: SessionDep, page: PageParams, standing: StatusQuery = Status.LISTED
) -> Page[MarketOrderOut]:
    """Return its listings, the newest first."""
    return _page(session, select(MarketOrder).where(MarketOrder.event_id == event_id), page, standing)


@router.get("/v1/collections/{address}/listings", summary="Listings of a collection", responses=responses(BadCursor))
def listings_of_collection(
    address: Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")],
    _principal: Anyone,
    session: SessionDep,
    page: PageParams,
    standing: StatusQuery = Status.LISTED,
) -> Page[MarketOrderOut]:
    """Return its listings, the newest first."""
    query = select(MarketOrder).where(
        MarketOrder.network == get_settings().evm_network, MarketOrder.collection == bytes.fromhex(address[2:])
    )
    return _page(session, query, page, standing)


@router.post(
    "/v1/listings/{listing_id}/cancel",
    summary="Withdraw a listing: here at once, on chain by the returned transaction",
    responses=responses(
        Unauthenticated, Forbidden, NoWallet, ListingUnknown, CallWouldRevert, InsufficientFunds, ChainUnreachable
    ),
)
def cancel_listing(listing_id: UUID, body: CancelIn, principal: Fan, now: NowDep) -> CancelOut:
    """Withdraw it. What was signed is good on chain until the seller's wallet sends the transaction."""
    seller = Person.of(principal)
    with unit_of_work() as session:
        signing.of_person(session, listing_id, Kind.LISTING, seller)
        row = signing.withdraw(session, listing_id, now)
    return cancelled(row, seller, everything=body.everything)


@router.post(
    "/v1/listings/{listing_id}/buy",
    summary="Buy a listed ticket: the transaction for the buyer's wallet",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NoWallet,
        ListingUnknown,
        NotListed,
        AlreadyYours,
        PriceAboveMax,
        NotEnoughTokens,
        BadPermit,
        CallWouldRevert,
        InsufficientFunds,
        ChainUnreachable,
    ),
)
def buy_listing(listing_id: UUID, body: BuyIn, principal: Fan, now: NowDep) -> PurchaseOut:
    """Return the market's `buy`, tried first; or the permit to sign before. The sale counts when the chain has it."""
    buyer = Person.of(principal)
    with unit_of_work() as session:
        row = signing.find(session, listing_id, Kind.LISTING)
        if row.status == Status.DRAFT:
            raise ListingUnknown
        standing.check_listed(session, row, now)
        if row.signer == buyer.wallet:
            raise AlreadyYours
        listing = taking.of(row)
    permit = body.permit.signed() if body.permit else None
    port = registry.port(listing.network)
    return PurchaseOut.of(taking.buy(port, listing, buyer.wallet, body.max_price, permit, now))


def cancelled(row: MarketOrder, person: Person, *, everything: bool) -> CancelOut:
    """Show a withdrawn order with the transaction that withdraws it on chain."""
    data = signing.cancellation(row.order_hash, everything=everything)
    port = registry.port(row.network)
    transaction = unsigned.transaction_for_wallet(port, person.wallet, row.market, data)
    return CancelOut(order=MarketOrderOut.of(row), transaction=transaction)


def _page(session: SessionDep, query: Select[MarketOrder], page: PageParams, standing: Status) -> Page[MarketOrderOut]:
    if standing == Status.DRAFT:
        return Page(items=[], next_cursor=None)
    query = query.where(MarketOrder.kind == Kind.LISTING, MarketOrder.status == standing)
    rows, cursor = paginate(session, query, [MarketOrder.created_at, MarketOrder.id], page, descending=True)
    return Page(items=[MarketOrderOut.of(row) for row in rows], next_cursor=cursor)
