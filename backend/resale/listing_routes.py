"""Listings over HTTP: prepare, sign, read, withdraw, buy. The wallets sign; nothing here holds a fan's key."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, status
from sqlalchemy import select

from backend.catalog import service as catalog
from backend.catalog.errors import UnknownEvent
from backend.chain import registry
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import responses
from backend.kit.pages import BadCursor, Page, PageParams
from backend.resale import order_routes, signing, taking
from backend.resale.errors import (
    AlreadyListed,
    AlreadyYours,
    BadPermit,
    ListingUnknown,
    NotEnoughTokens,
    NotListed,
    NotYourTicket,
    OldListingLives,
    PriceAboveMax,
)
from backend.resale.models import MarketOrder
from backend.resale.order_routes import PERSON, PREPARING, SENDING, SIGNING, Anyone, Fan
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

router = APIRouter(tags=["resale"])

StatusQuery = Annotated[Status, Query(description="How they stand; drafts are nobody's business")]


@router.post(
    "/v1/listings",
    status_code=status.HTTP_201_CREATED,
    summary="Prepare a listing: what the seller signs",
    responses=responses(*PREPARING, NotYourTicket, OldListingLives),
)
def prepare_listing(body: OrderIn, principal: Fan, now: NowDep) -> DraftOut:
    """Return the typed data, or why the ticket cannot be sold at this price. Nothing is for sale until it is signed."""
    seller = Person.of(principal)
    expires_at = signing.expiry(body.expires_at, now)
    found, terms = order_routes.own_ticket(seller, body.ticket_id, body.price, now)
    with unit_of_work() as session:
        return DraftOut.of(signing.draft(session, Kind.LISTING, seller, found, terms, body.price, expires_at, now))


@router.put(
    "/v1/listings/{listing_id}/signature",
    summary="Hand in the seller's signature: the ticket is for sale",
    responses=responses(*SIGNING, ListingUnknown, AlreadyListed, OldListingLives),
)
def sign_listing(listing_id: UUID, body: SignatureIn, principal: Fan, now: NowDep) -> MarketOrderOut:
    """Check the signature as the market will, and list. Repeating it changes nothing."""
    seller = Person.of(principal)
    with unit_of_work() as session:
        row = signing.of_person(session, listing_id, Kind.LISTING, seller)
        asked = signing.draft_of(row)
        if asked.is_signed:
            return MarketOrderOut.of(row)
    signature = signing.prove(asked, bytes.fromhex(body.signature[2:]), registry.port(asked.network))
    with unit_of_work() as session:
        [row] = signing.sign(session, [listing_id], signature, None, now)
        return MarketOrderOut.of(row)


@router.get("/v1/listings/{listing_id}", summary="A listing and how it stands", responses=responses(ListingUnknown))
def get_listing(listing_id: UUID, principal: Anyone, session: SessionDep, now: NowDep) -> MarketOrderOut:
    """Return it, with the reason when it is not good any more. Drafts are shown to their seller only."""
    return order_routes.show(session, listing_id, Kind.LISTING, principal, now)


@router.get(
    "/v1/events/{event_id}/listings", summary="Listings of an event", responses=responses(UnknownEvent, BadCursor)
)
def listings_of_event(
    event_id: UUID,
    _principal: Anyone,
    session: SessionDep,
    page: PageParams,
    now: NowDep,
    standing: StatusQuery = Status.LISTED,
) -> Page[MarketOrderOut]:
    """Return its listings, the newest first."""
    catalog.get_event(session, event_id)
    query = select(MarketOrder).where(MarketOrder.event_id == event_id)
    return order_routes.page_of(session, query, Kind.LISTING, standing, page, now)


@router.get("/v1/collections/{address}/listings", summary="Listings of a collection", responses=responses(BadCursor))
def listings_of_collection(
    address: Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")],
    _principal: Anyone,
    session: SessionDep,
    page: PageParams,
    now: NowDep,
    standing: StatusQuery = Status.LISTED,
) -> Page[MarketOrderOut]:
    """Return its listings, the newest first."""
    query = select(MarketOrder).where(
        MarketOrder.network == get_settings().evm_network, MarketOrder.collection == bytes.fromhex(address[2:])
    )
    return order_routes.page_of(session, query, Kind.LISTING, standing, page, now)


@router.post(
    "/v1/listings/{listing_id}/cancel",
    summary="Withdraw a listing: here at once, on chain by the returned transaction",
    responses=responses(*PERSON, ListingUnknown, *SENDING),
)
def cancel_listing(listing_id: UUID, body: CancelIn, principal: Fan, now: NowDep) -> CancelOut:
    """Withdraw it. What was signed is good on chain until the seller's wallet sends the transaction."""
    seller, row = order_routes.withdraw(listing_id, Kind.LISTING, principal, now)
    transaction = order_routes.withdrawal(seller, [row], everything=body.everything)
    return CancelOut(order=MarketOrderOut.of(row), transaction=transaction)


@router.post(
    "/v1/listings/{listing_id}/buy",
    summary="Buy a listed ticket: the transaction for the buyer's wallet",
    responses=responses(
        *PERSON, ListingUnknown, NotListed, AlreadyYours, PriceAboveMax, NotEnoughTokens, BadPermit, *SENDING
    ),
)
def buy_listing(listing_id: UUID, body: BuyIn, principal: Fan, now: NowDep) -> PurchaseOut:
    """Return the market's `buy`, tried first; or the permit to sign before. The sale counts when the chain has it."""
    buyer = Person.of(principal)
    with unit_of_work() as session:
        row = order_routes.taken_up(session, listing_id, Kind.LISTING, now)
        if row.signer == buyer.wallet:
            raise AlreadyYours
        listing = taking.of(row)
    if listing.price > body.max_price:
        raise PriceAboveMax(price=str(listing.price), max_price=str(body.max_price))
    order_routes.check_on_chain(listing, now)
    permit = body.permit.signed() if body.permit else None
    port = registry.port(listing.network)
    return PurchaseOut.of(taking.buy(port, listing, buyer.wallet, body.max_price, permit, now))
