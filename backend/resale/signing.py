"""From a draft to a signed market order: what is asked of the wallet, and checking its answer."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.access import Principal
from backend.accounts.errors import BadSignature
from backend.accounts.proofs import verify
from backend.accounts.proofs.verify import Proof
from backend.chain import abi
from backend.chain.currencies import code_of
from backend.chain.port import ChainPort
from backend.kit.db import locked
from backend.resale import market, rules, standing, typed_data
from backend.resale.errors import AlreadyListed, BadExpiry, ListingUnknown, OfferUnknown, TermsChanged
from backend.resale.models import MarketOrder
from backend.resale.states import Kind, Status
from backend.resale.subject import Subject
from backend.tickets.errors import NoWallet
from backend.tickets.models import Ticket

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
    def of(cls, principal: Principal) -> "Person":
        """Return the caller. Raises NoWallet."""
        if principal.wallet is None:
            raise NoWallet
        return cls(principal.account_id, principal.wallet)


@dataclass(frozen=True, slots=True)
class Draft:
    """An order's words, apart from its row, so that the answer can be checked outside of transactions."""

    order_id: UUID
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
    """Write down what is to be signed. Raises UnknownCurrency."""
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
    return Draft(
        order.id, order.network, order.signer, typed_data.document(order), is_signed=order.signature is not None
    )


def prove(asked: Draft, signature: bytes, port: ChainPort) -> None:
    """Check the signature as the market will. Asks the network. Raises BadSignature."""
    proof = verify.verify_typed_data(asked.signer, asked.words, signature, port)
    if proof is Proof.UNDEPLOYED:
        # The market asks the wallet itself, and there is none to ask yet.
        raise BadSignature(reason="undeployed")


def sign(
    session: Session, order_id: UUID, signature: bytes, permit: dict[str, Any] | None, now: datetime
) -> MarketOrder:
    """Take the checked signature into the order. Sent twice changes nothing. Raises AlreadyListed, TermsChanged."""
    found = session.get_one(MarketOrder, order_id)
    # The ticket first, so that two listings of it come one after the other.
    locked(session, Ticket, found.ticket_id)
    order = locked(session, MarketOrder, order_id)
    if order is None or order.signature is not None:
        return found
    others = standing_listings(session, order) if order.kind == Kind.LISTING else []
    if others:
        raise AlreadyListed(listing_id=str(others[0].id))
    order.signature, order.permit = signature, permit
    standing.look_again(session, [order], now)
    if order.status != Status.LISTED:
        raise TermsChanged(status=order.status, reason=order.reason)
    return order


def standing_listings(session: Session, order: MarketOrder) -> Sequence[MarketOrder]:
    """Return good listings of the same ticket by the same wallet."""
    return session.scalars(
        select(MarketOrder).where(
            MarketOrder.network == order.network,
            MarketOrder.collection == order.collection,
            MarketOrder.token_id == order.token_id,
            MarketOrder.kind == Kind.LISTING,
            MarketOrder.signer == order.signer,
            MarketOrder.status.in_([Status.LISTED, Status.SETTLING]),
            MarketOrder.epoch == order.epoch,
            MarketOrder.id != order.id,
        )
    ).all()


def withdraw(session: Session, order_id: UUID, now: datetime) -> MarketOrder:
    """Take the order off this house. On chain it is good until its signer sends `cancel`, or it expires."""
    order = locked(session, MarketOrder, order_id)
    if order is None:
        raise ListingUnknown
    if order.withdrawn_at is None:
        order.withdrawn_at = now
    standing.look_again(session, [order], now)
    return order


def cancellation(order_hash: bytes, *, everything: bool) -> bytes:
    """Return the market call that withdraws this order, or all that its sender ever signed."""
    if everything:
        return abi.encode_call(market.MARKET, "cancelAll")
    return abi.encode_call(market.MARKET, "cancel", [[order_hash]])
