"""Offers over HTTP: a buyer names a price in a token, the holder may take it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status
from sqlalchemy import select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.errors import BadSignature
from backend.chain import permits, registry
from backend.chain.currencies import NATIVE_ADDRESS, UnknownCurrency
from backend.chain.deployments import NotDeployed
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.chain.unsigned import CallWouldRevert
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.resale import market, payment, signing, standing, subject, taking
from backend.resale.errors import (
    SELLING,
    AlreadyYours,
    BadExpiry,
    BadPermit,
    NotEnoughTokens,
    NotListed,
    NotYourTicket,
    OfferUnknown,
    TermsChanged,
)
from backend.resale.listing_routes import cancelled
from backend.resale.models import MarketOrder
from backend.resale.payment import Payer
from backend.resale.schemas import (
    AcceptIn,
    CancelIn,
    CancelOut,
    DraftOut,
    MarketOrderOut,
    OfferSignatureIn,
    OrderIn,
)
from backend.resale.signing import Person
from backend.resale.states import Kind, Status
from backend.tickets import service as tickets
from backend.tickets.errors import NoWallet, TicketUnknown
from backend.tickets.schemas import TransactionOut

router = APIRouter(tags=["resale"])

Fan = Annotated[Principal, allow(Role.FAN)]
Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]


@router.post(
    "/v1/offers",
    status_code=status.HTTP_201_CREATED,
    summary="Prepare an offer: what the buyer signs",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NoWallet,
        TicketUnknown,
        AlreadyYours,
        BadExpiry,
        UnknownCurrency,
        NotEnoughTokens,
        *SELLING,
        NotDeployed,
        ChainUnreachable,
    ),
)
def prepare_offer(body: OrderIn, principal: Fan, now: NowDep) -> DraftOut:
    """Return the typed data of the offer and, unless the market may take the price already, of a permit."""
    buyer = Person.of(principal)
    expires_at = signing.expiry(body.expires_at, now)
    with unit_of_work() as session:
        found = subject.find(session, body.ticket_id, now)
    if found.holding.owner == buyer.wallet:
        raise AlreadyYours
    port = registry.port(found.network)
    terms = market.read_terms(port, *found.asked, buyer.wallet)
    market.check(terms, Kind.OFFER, body.price, now)
    if terms.currency == NATIVE_ADDRESS:
        raise UnknownCurrency("Offers are in tokens: nobody can take the native coin out of a wallet.")
    payer = Payer(found.network, buyer.wallet, found.market, terms.currency, body.price)
    payment.check_balance(port, payer)
    words = None
    if not payment.is_allowed(port, payer):
        words = payment.permit_words(port, payer, int(expires_at.timestamp()))
    with unit_of_work() as session:
        row = signing.draft(session, Kind.OFFER, buyer, found, terms, body.price, expires_at, now)
        return DraftOut.of(row, words)


@router.put(
    "/v1/offers/{offer_id}/signature",
    summary="Hand in the buyer's signature: the offer stands",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NoWallet,
        OfferUnknown,
        BadSignature,
        BadPermit,
        TermsChanged,
        ChainUnreachable,
    ),
)
def sign_offer(offer_id: UUID, body: OfferSignatureIn, principal: Fan, now: NowDep) -> MarketOrderOut:
    """Check both signatures and let the offer stand. Repeating it changes nothing."""
    buyer = Person.of(principal)
    with unit_of_work() as session:
        row = signing.of_person(session, offer_id, Kind.OFFER, buyer)
        asked = signing.draft_of(row)
        payer = Payer(row.network, buyer.wallet, row.market, row.currency, row.price)
        if asked.is_signed:
            return MarketOrderOut.of(row)
    signature = bytes.fromhex(body.signature[2:])
    port = registry.port(asked.network)
    signing.prove(asked, signature, port)
    permit = payment.permit_argument(port, payer, body.permit.signed() if body.permit else None, now)
    if permit is permits.NONE and not payment.is_allowed(port, payer):
        raise BadPermit
    with unit_of_work() as session:
        return MarketOrderOut.of(signing.sign(session, offer_id, signature, taking.stored_permit(permit), now))


@router.get("/v1/offers/{offer_id}", summary="An offer and how it stands", responses=responses(OfferUnknown))
def get_offer(offer_id: UUID, principal: Anyone, session: SessionDep) -> MarketOrderOut:
    """Return it, with the reason when it is not good any more. Drafts are shown to their buyer only."""
    row = signing.find(session, offer_id, Kind.OFFER)
    if row.status == Status.DRAFT and (principal is None or principal.account_id != row.account_id):
        raise OfferUnknown
    return MarketOrderOut.of(row)


@router.get("/v1/tickets/{ticket_id}/offers", summary="Offers for a ticket", responses=responses(BadCursor))
def offers_for_ticket(
    ticket_id: UUID,
    _principal: Anyone,
    session: SessionDep,
    page: PageParams,
    standing: Annotated[Status, Query(description="How they stand")] = Status.LISTED,
) -> Page[MarketOrderOut]:
    """Return the ticket's offers, the newest first."""
    query = select(MarketOrder).where(
        MarketOrder.ticket_id == ticket_id,
        MarketOrder.kind == Kind.OFFER,
        MarketOrder.status == standing,
        MarketOrder.status != Status.DRAFT,
    )
    rows, cursor = paginate(session, query, [MarketOrder.created_at, MarketOrder.id], page, descending=True)
    return Page(items=[MarketOrderOut.of(row) for row in rows], next_cursor=cursor)


@router.post(
    "/v1/offers/{offer_id}/cancel",
    summary="Withdraw an offer: here at once, on chain by the returned transaction",
    responses=responses(
        Unauthenticated, Forbidden, NoWallet, OfferUnknown, CallWouldRevert, InsufficientFunds, ChainUnreachable
    ),
)
def cancel_offer(offer_id: UUID, body: CancelIn, principal: Fan, now: NowDep) -> CancelOut:
    """Withdraw it. What was signed is good on chain until the buyer's wallet sends the transaction."""
    buyer = Person.of(principal)
    with unit_of_work() as session:
        signing.of_person(session, offer_id, Kind.OFFER, buyer)
        row = signing.withdraw(session, offer_id, now)
    return cancelled(row, buyer, everything=body.everything)


@router.post(
    "/v1/offers/{offer_id}/accept",
    summary="Take an offer: the transaction for the holder's wallet",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NoWallet,
        OfferUnknown,
        NotListed,
        NotYourTicket,
        CallWouldRevert,
        InsufficientFunds,
        ChainUnreachable,
    ),
)
def accept_offer(offer_id: UUID, body: AcceptIn, principal: Fan, now: NowDep) -> TransactionOut:
    """Return the market's `acceptOffer`, tried first. The sale counts when the chain has it."""
    holder = Person.of(principal)
    with unit_of_work() as session:
        row = signing.find(session, offer_id, Kind.OFFER)
        if row.status == Status.DRAFT:
            raise OfferUnknown
        standing.check_listed(session, row, now)
        holding = tickets.holding_of(session, row.ticket_id)
        if holding is None or holding.owner != holder.wallet:
            raise NotYourTicket
        offer = taking.of(row)
    port = registry.port(offer.network)
    return TransactionOut(transaction=taking.accept(port, offer, holder.wallet, body.min_proceeds))
