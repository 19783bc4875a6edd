"""From a draft to a signed market order: what is asked of the wallet, and checking its answer."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.proofs import verify
from backend.accounts.proofs.verify import Proof
from backend.chain import abi
from backend.chain.currencies import code_of
from backend.chain.port import ChainPort
from backend.resale import market, relisting, rules, standing, typed_data
from backend.resale.errors import BadExpiry, ListingUnknown, OfferUnknown, TermsChanged, WalletUndeployed
from backend.resale.models import MarketOrder
from backend.resale.states import Kind, Status
from backend.resale.subject import Subject
from backend.tickets.errors import NoWallet
from backend.tickets.models import Ticket

if TYPE_CHECKING:
    from backend.accounts.access import Principal

_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=180)
DEFAULT_LIFE = timedelta(days=30)
DRAFT_LIFE = timedelta(days=1)
UNKNOWN = {Kind.LISTING: ListingUnknown, Kind.OFFER: OfferUnknown, Kind.TURN: OfferUnknown}
_NONCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: the account and the wallet that signed in."""

    account_id: UUID
    wallet: bytes

    @classmethod
    def of(cls, principal: "Principal") -> "Person":
        """Return the caller. Raises NoWallet."""
        if principal.wallet is None:
            raise NoWallet
        return cls(principal.account_id, principal.wallet)


@dataclass(frozen=True, slots=True)
class Draft:
    """An order's words, apart from its row, so that the answer can be checked outside of transactions."""

    network: str
    signer: bytes
    words: dict[str, Any]
    is_signed: bool


def expiry(wanted: datetime | None, now: datetime) -> datetime:
    """Return until when the order is good, in whole seconds because that is what is signed. Raises BadExpiry."""
    until = (wanted or now + DEFAULT_LIFE).replace(microsecond=0)
    if not now + _SHORTEST <= until <= now + _LONGEST:
        raise BadExpiry
    return until


def draft(
    session: Session,
    kind: Kind,
    person: Person,
    subject: Subject,
    terms: rules.Terms,
    price: int,
    expires_at: datetime,
    now: datetime,
    *,
    next_wallet: bytes | None = None,
) -> MarketOrder:
    """Write down what is to be signed. Raises UnknownCurrency, OldListingLives."""
    holding = subject.holding
    order = MarketOrder(
        organisation_id=subject.organisation_id,
        event_id=subject.event_id,
        ticket_id=subject.ticket_id,
        account_id=person.account_id,
        kind=kind,
        network=holding.network,
        market=subject.market,
        collection=holding.collection,
        token_id=holding.token_id,
        epoch=holding.epoch,
        signer=person.wallet,
        next_wallet=next_wallet,
        currency=terms.currency,
        currency_code=code_of(holding.network, terms.currency),
        price=price,
        expires_at=expires_at,
        # What holds now is the most the seller agrees to: should either rise, the old listing dies.
        max_royalty_bps=terms.royalty_bps,
        max_fee_bps=terms.fee_bps,
        counter=terms.counter,
        nonce=secrets.token_bytes(_NONCE_BYTES),
        status=Status.DRAFT,
        created_at=now,
    )
    order.order_hash = typed_data.order_hash(order)
    # Before the wallet is asked, too: a signature that this house refuses is good on chain all the same.
    relisting.check(session, order, now)
    session.add(order)
    session.flush()
    return order


def find(session: Session, order_id: UUID, kind: Kind) -> MarketOrder:
    """Return the order. Raises ListingUnknown or OfferUnknown."""
    order = session.get(MarketOrder, order_id)
    if order is None or order.kind != kind:
        raise UNKNOWN[kind]
    return order


def of_person(session: Session, order_id: UUID, kind: Kind, person: Person) -> MarketOrder:
    """Return the caller's own order; another's is unknown to it. Raises ListingUnknown or OfferUnknown."""
    order = find(session, order_id, kind)
    if order.account_id != person.account_id or order.signer != person.wallet:
        raise UNKNOWN[kind]
    return order


def draft_of(order: MarketOrder) -> Draft:
    """Return what the order's signature is checked against."""
    return Draft(order.network, order.signer, typed_data.signed_document(order), is_signed=order.signature is not None)


def prove(asked: Draft, signature: bytes, port: ChainPort) -> bytes:
    """Check the signature as the market will; return it as the market takes it. Asks the network.

    Raises BadSignature, and WalletUndeployed for a wallet the market could not ask (ERC-6492).
    """
    if verify.verify_typed_data(asked.signer, asked.words, signature, port) is Proof.UNDEPLOYED:
        raise WalletUndeployed
    return verify.unwrapped(signature)


def sign(
    session: Session, order_ids: Sequence[UUID], signature: bytes, permit: dict[str, Any] | None, now: datetime
) -> list[MarketOrder]:
    """Take the checked signature into the orders it covers, or into none. Sent twice changes nothing.

    Raises AlreadyListed, OldListingLives, TermsChanged.
    """
    named = select(MarketOrder.ticket_id).where(MarketOrder.id.in_(order_ids))
    # The tickets first, so that two listings of one come one after the other.
    tickets = select(Ticket.id).where(Ticket.id.in_(named)).order_by(Ticket.id)
    session.execute(tickets.with_for_update(key_share=True)).all()
    orders = locked_orders(session, order_ids)
    for order in orders:
        if order.signature is None:
            relisting.replace(session, order, now)
            order.signature, order.permit = signature, permit
            standing.look_again(session, [order], now)
            if order.status != Status.LISTED:
                raise TermsChanged(status=order.status, reason=order.reason, ticket_id=str(order.ticket_id))
    return orders


def locked_orders(session: Session, order_ids: Sequence[UUID]) -> list[MarketOrder]:
    """Return these orders, freshly read and locked, sorted by id."""
    query = select(MarketOrder).where(MarketOrder.id.in_(order_ids)).order_by(MarketOrder.id)
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(session.scalars(query))


def withdraw(session: Session, order_ids: Sequence[UUID], now: datetime) -> list[MarketOrder]:
    """Take orders off this house. On chain they are good until their signer sends `cancel`, or they expire."""
    orders = locked_orders(session, order_ids)
    for order in orders:
        order.withdrawn_at = order.withdrawn_at or now
    standing.look_again(session, orders, now)
    return orders


def cancellation(order_hashes: Sequence[bytes], *, everything: bool) -> bytes:
    """Return the market call that withdraws these orders, or all that its sender ever signed."""
    if everything:
        return abi.encode_call(market.MARKET, "cancelAll")
    return abi.encode_call(market.MARKET, "cancel", [list(order_hashes)])
