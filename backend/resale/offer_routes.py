"""Offers over HTTP: a buyer names a price in a token, the holder may take it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status
from sqlalchemy import select

from backend.chain import permits, registry
from backend.chain.currencies import NATIVE_ADDRESS, UnknownCurrency
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import responses
from backend.kit.pages import BadCursor, Page, PageParams
from backend.resale import market, order_routes, payment, signing, subject, taking
from backend.resale.errors import AlreadyYours, BadPermit, NotEnoughTokens, NotListed, NotYourTicket, OfferUnknown
from backend.resale.models import MarketOrder
from backend.resale.order_routes import PERSON, PREPARING, SENDING, SIGNING, Anyone, Fan
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
from backend.tickets.errors import TicketUnknown
from backend.tickets.schemas import TransactionOut

router = APIRouter(tags=["resale"])


@router.post(
    "/v1/offers",
    status_code=status.HTTP_201_CREATED,
    summary="Prepare an offer: what the buyer signs",
    responses=responses(*PREPARING, AlreadyYours, NotEnoughTokens),
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
    terms = market.read_terms(port, Kind.OFFER, *found.asked, buyer.wallet)
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
    responses=responses(*SIGNING, OfferUnknown, BadPermit),
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
    port = registry.port(asked.network)
    signature = signing.prove(asked, bytes.fromhex(body.signature[2:]), port)
    permit = payment.permit_argument(port, payer, body.permit.signed() if body.permit else None, now)
    if permit is permits.NONE and not payment.is_allowed(port, payer):
        raise BadPermit
    with unit_of_work() as session:
        [row] = signing.sign(session, [offer_id], signature, taking.stored_permit(permit), now)
        return MarketOrderOut.of(row)


@router.get("/v1/offers/{offer_id}", summary="An offer and how it stands", responses=responses(OfferUnknown))
def get_offer(offer_id: UUID, principal: Anyone, session: SessionDep, now: NowDep) -> MarketOrderOut:
    """Return it, with the reason when it is not good any more. Drafts are shown to their buyer only."""
    return order_routes.show(session, offer_id, Kind.OFFER, principal, now)


@router.get(
    "/v1/tickets/{ticket_id}/offers", summary="Offers for a ticket", responses=responses(TicketUnknown, BadCursor)
)
def offers_for_ticket(
    ticket_id: UUID,
    _principal: Anyone,
    session: SessionDep,
    page: PageParams,
    now: NowDep,
    standing: Annotated[Status, Query(description="How they stand")] = Status.LISTED,
) -> Page[MarketOrderOut]:
    """Return the ticket's offers, the newest first."""
    tickets.get(session, ticket_id)
    query = select(MarketOrder).where(MarketOrder.ticket_id == ticket_id)
    return order_routes.page_of(session, query, Kind.OFFER, standing, page, now)


@router.post(
    "/v1/offers/{offer_id}/cancel",
    summary="Withdraw an offer: here at once, on chain by the returned transaction",
    responses=responses(*PERSON, OfferUnknown, *SENDING),
)
def cancel_offer(offer_id: UUID, body: CancelIn, principal: Fan, now: NowDep) -> CancelOut:
    """Withdraw it. What was signed is good on chain until the buyer's wallet sends the transaction."""
    buyer, row = order_routes.withdraw(offer_id, Kind.OFFER, principal, now)
    transaction = order_routes.withdrawal(buyer, [row], everything=body.everything)
    return CancelOut(order=MarketOrderOut.of(row), transaction=transaction)


@router.post(
    "/v1/offers/{offer_id}/accept",
    summary="Take an offer: the transaction for the holder's wallet",
    responses=responses(*PERSON, OfferUnknown, NotListed, NotYourTicket, *SENDING),
)
def accept_offer(offer_id: UUID, body: AcceptIn, principal: Fan, now: NowDep) -> TransactionOut:
    """Return the market's `acceptOffer`, tried first. The sale counts when the chain has it."""
    holder = Person.of(principal)
    with unit_of_work() as session:
        row = order_routes.taken_up(session, offer_id, Kind.OFFER, now)
        holding = tickets.holding_of(session, row.ticket_id)
        if holding is None or holding.owner != holder.wallet:
            raise NotYourTicket
        offer = taking.of(row)
    order_routes.check_on_chain(offer, now)
    port = registry.port(offer.network)
    return TransactionOut(transaction=taking.accept(port, offer, holder.wallet, body.min_proceeds))
