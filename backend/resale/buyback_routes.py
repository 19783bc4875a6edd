"""Selling back to the box office over HTTP: the holder's turn, and the promoter's prices, money and line."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, status
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import parse_address, show_address
from backend.accounts.errors import NotYourOrganisation
from backend.catalog import service as catalog
from backend.catalog.errors import UnknownEvent, UnknownTier
from backend.catalog.models import Tier
from backend.chain import abi, registry, unsigned
from backend.chain.currencies import UnknownCurrency, code_of
from backend.chain.deployments import NotDeployed, deployment
from backend.chain.permits import Permit
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.chain.unsigned import CallWouldRevert
from backend.kit.clock import NowDep
from backend.kit.db import unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.resale import line, market, sell_back, subject, taking, typed_data
from backend.resale.buyback_schemas import (
    BuybackOut,
    BuybackPriceIn,
    BuybackPriceOut,
    FundBackIn,
    FundIn,
    SellBackOut,
)
from backend.resale.errors import (
    SELLING,
    BadPermit,
    NobodyInLine,
    NoBuyback,
    NoFaceValue,
    NotEnoughTokens,
    NotYourTicket,
    PriceAboveCap,
    TurnOpen,
)
from backend.resale.models import LinePlace
from backend.resale.order_routes import Anyone, Fan
from backend.resale.payment import Payer
from backend.resale.schemas import PurchaseOut
from backend.resale.signing import Person
from backend.resale.states import Kind
from backend.tickets.errors import CollectionUnknown, NoWallet, TicketUnknown
from backend.tickets.models import Collection
from backend.tickets.schemas import TransactionOut

router = APIRouter(tags=["buy-back"])

Promoter = Annotated[Principal, allow(Role.PROMOTER)]
_MANAGING = (Unauthenticated, Forbidden, NotYourOrganisation, UnknownEvent)
_SENDING = (NoWallet, CollectionUnknown, NotDeployed, CallWouldRevert, InsufficientFunds, ChainUnreachable)


@router.post(
    "/v1/tickets/{ticket_id}/sell-back",
    status_code=status.HTTP_201_CREATED,
    summary="Sell a ticket back: the transaction for the holder's wallet",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NoWallet,
        TicketUnknown,
        NotYourTicket,
        NoBuyback,
        NobodyInLine,
        TurnOpen,
        *SELLING,
        NotDeployed,
        CallWouldRevert,
        InsufficientFunds,
        ChainUnreachable,
    ),
)
def sell_ticket_back(ticket_id: UUID, principal: Fan, now: NowDep) -> SellBackOut:
    """Keep the first place that has paid for you for fifteen minutes and return the market's `sellBack`, tried first.

    When nobody has paid, the first who waits is invited to; try again by `details.invited_until`.
    """
    holder = Person.of(principal)
    with unit_of_work() as session:
        found = subject.find(session, ticket_id, now)
        final = sell_back.final_block(session, found.network)
    if found.holding.owner != holder.wallet:
        raise NotYourTicket
    port = registry.port(found.network)
    terms = market.read_terms(port, Kind.TURN, *found.asked, holder.wallet)
    collection, tier = found.holding.collection, found.holding.tier
    price = market.read(port, market.MARKET, found.market, "buybackPrice", collection, tier)
    if price == 0:
        raise NoBuyback
    market.check(terms, Kind.TURN, price, now)
    block = port.block(final) if final is not None else None
    chain_time = block.timestamp if block is not None else None
    refused: set[bytes] = set()
    while True:
        with unit_of_work() as session:
            turn = sell_back.give_turn(session, holder, found, terms, price, chain_time, now, refused)
            # That there is a ticket to be had is what somebody who has not paid yet was waiting for.
            invited = None if turn else line.invite(session, found.tier_id, now)
            words = typed_data.document(turn) if turn else {}
        if turn is None:
            raise NobodyInLine(invited_until=invited.isoformat() if invited else None)
        signature = turn.signature or sell_back.vouch(words, registry.signer(found.network, "quote"))
        # Tried before the signature is kept: a turn that cannot be sent keeps nobody's place.
        try:
            transaction = sell_back.transaction(port, turn, signature)
        except CallWouldRevert as refusal:
            with unit_of_work() as session:
                sell_back.forget(session, turn.id)
            if not sell_back.is_receivers_fault(refusal) or turn.next_wallet is None:
                raise
            refused.add(turn.next_wallet)
            continue
        break
    with unit_of_work() as session:
        turn = sell_back.signed(session, turn.id, signature, now)
    return SellBackOut(
        turn_id=turn.id,
        next_wallet=show_address(turn.next_wallet or b""),
        currency=turn.currency_code,
        price=turn.price,
        expires_at=turn.expires_at,
        transaction=transaction,
    )


@router.get(
    "/v1/events/{event_id}/buyback",
    summary="What the box office pays for tickets, and what it has for them",
    responses=responses(UnknownEvent, CollectionUnknown, UnknownCurrency, NotDeployed, ChainUnreachable),
)
def get_buyback(event_id: UUID, _principal: Anyone) -> BuybackOut:
    """Return prices and fund as the chain has them."""
    with unit_of_work() as session:
        catalog.get_event(session, event_id)
        collection = sell_back.collection_of(session, event_id)
        waiting = select(LinePlace.tier_id, func.count()).where(
            LinePlace.event_id == event_id,
            LinePlace.served_at.is_(None),
            LinePlace.left_at.is_(None),
            LinePlace.lapsed_at.is_(None),
        )
        counts: dict[UUID, int] = {row[0]: row[1] for row in session.execute(waiting.group_by(LinePlace.tier_id))}
        tiers = session.scalars(select(Tier).where(Tier.event_id == event_id).order_by(Tier.number)).all()
    port, address = registry.port(collection.network), collection.address or b""
    at = deployment(collection.network).address(market.MARKET)
    prices = [
        BuybackPriceOut(
            tier_id=tier.id,
            number=tier.number,
            price=market.read(port, market.MARKET, at, "buybackPrice", address, tier.number),
            waiting=counts.get(tier.id, 0),
        )
        for tier in tiers
    ]
    currency = market.read(port, market.COLLECTION, address, "resaleCurrency")
    fund = market.read(port, market.MARKET, at, "buybackFund", address)
    return BuybackOut(currency=code_of(collection.network, currency), fund=fund, tiers=prices)


@router.post(
    "/v1/events/{event_id}/buyback/prices",
    summary="Set what is paid for a tier: the transaction for the promoter's wallet",
    responses=responses(*_MANAGING, UnknownTier, NoFaceValue, PriceAboveCap, *_SENDING),
)
def set_price(event_id: UUID, body: BuybackPriceIn, principal: Promoter) -> TransactionOut:
    """Return an unsigned setBuybackPrice, tried first: the sender must own the collection.

    A price above the tier's cap is refused: at that price the collection would let nobody sell back.
    """
    with unit_of_work() as session:
        number = _tier(session, event_id, body.tier_id, principal).number
        collection = sell_back.collection_of(session, event_id)
    market.check_buyback(registry.port(collection.network), collection.address or b"", number, body.price)
    return _transaction(principal, collection, "setBuybackPrice", [collection.address, number, body.price])


@router.post(
    "/v1/events/{event_id}/buyback/fund",
    summary="Put money in for buy-backs: the transaction for the promoter's wallet",
    responses=responses(*_MANAGING, NotEnoughTokens, BadPermit, *_SENDING),
)
def fund(event_id: UUID, body: FundIn, principal: Promoter, now: NowDep) -> PurchaseOut:
    """Return an unsigned fundBuyback, tried first; or the permit to sign before."""
    payer = Person.of(principal)
    with unit_of_work() as session:
        _manage(session, event_id, principal)
        collection = sell_back.collection_of(session, event_id)
    port, address = registry.port(collection.network), collection.address or b""
    currency = market.read(port, market.COLLECTION, address, "resaleCurrency")
    at = deployment(collection.network).address(market.MARKET)

    def call(permit: Permit) -> bytes:
        return abi.encode_call(market.MARKET, "fundBuyback", [address, body.amount, permit])

    paying = Payer(collection.network, payer.wallet, at, currency, body.amount)
    return PurchaseOut.of(taking.pay(port, paying, call, body.permit.signed() if body.permit else None, now))


@router.post(
    "/v1/events/{event_id}/buyback/withdrawals",
    summary="Take money out again: the transaction for the promoter's wallet",
    responses=responses(*_MANAGING, *_SENDING),
)
def withdraw(event_id: UUID, body: FundBackIn, principal: Promoter) -> TransactionOut:
    """Return an unsigned withdrawBuyback, tried first."""
    with unit_of_work() as session:
        _manage(session, event_id, principal)
        collection = sell_back.collection_of(session, event_id)
    arguments = [collection.address, body.amount, parse_address(body.to)]
    return _transaction(principal, collection, "withdrawBuyback", arguments)


def _manage(session: Session, event_id: UUID, principal: Principal) -> None:
    principal.must_manage(catalog.get_event(session, event_id).organisation_id)


def _tier(session: Session, event_id: UUID, tier_id: UUID, principal: Principal) -> Tier:
    _manage(session, event_id, principal)
    tier = session.get(Tier, tier_id)
    if tier is None or tier.event_id != event_id:
        raise UnknownTier
    return tier


def _transaction(principal: Principal, collection: Collection, function: str, arguments: list[Any]) -> TransactionOut:
    sender = Person.of(principal)
    at = deployment(collection.network).address(market.MARKET)
    data = abi.encode_call(market.MARKET, function, arguments)
    port = registry.port(collection.network)
    return TransactionOut(transaction=unsigned.transaction_for_wallet(port, sender.wallet, at, data))
