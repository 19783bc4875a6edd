"""Taking an order up: the transactions that a buyer's or a holder's own wallet signs and sends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.chain import abi, permits, unsigned
from backend.chain.permits import Permit
from backend.chain.port import ChainPort
from backend.resale import payment, typed_data
from backend.resale.market import MARKET
from backend.resale.models import MarketOrder
from backend.resale.payment import Payer, SignedPermit
from backend.resale.states import Kind


@dataclass(frozen=True, slots=True)
class Taken:
    """A signed order, apart from its row."""

    order_id: UUID
    kind: Kind
    network: str
    market: bytes
    collection: bytes
    token_id: int
    epoch: int
    signer: bytes
    currency: bytes
    price: int
    max_royalty_bps: int
    max_fee_bps: int
    counter: int
    order_hash: bytes
    message: dict[str, Any]
    words: dict[str, Any]
    """What the signature is over: its own words, or the root of its tree."""
    signature: bytes
    proof: tuple[bytes, ...]
    permit: Permit


@dataclass(frozen=True, slots=True)
class Purchase:
    """What the payer's wallet does next: send `transaction`; or, while that is None, sign or send one of the others."""

    transaction: dict[str, str] | None
    permit: dict[str, Any] | None
    approval: dict[str, str] | None


def of(order: MarketOrder) -> Taken:
    """Take what is needed out of the row."""
    return Taken(
        order_id=order.id,
        kind=Kind(order.kind),
        network=order.network,
        market=order.market,
        collection=order.collection,
        token_id=order.token_id,
        epoch=order.epoch,
        signer=order.signer,
        currency=order.currency,
        price=order.price,
        max_royalty_bps=order.max_royalty_bps,
        max_fee_bps=order.max_fee_bps,
        counter=order.counter,
        order_hash=order.order_hash,
        message=typed_data.message(order),
        words=typed_data.signed_document(order),
        signature=order.signature or b"",
        proof=tuple(order.proof or ()),
        permit=permit_of(order.permit),
    )


def buy(
    port: ChainPort, listing: Taken, wallet: bytes, max_price: int, signed: SignedPermit | None, now: datetime
) -> Purchase:
    """Return the transaction that buys; tried against the chain first. Asks the network.

    Raises NotEnoughTokens, BadPermit, CallWouldRevert, InsufficientFunds.
    """

    def call(permit: Permit) -> bytes:
        return abi.encode_call(
            MARKET, "buy", [listing.message, listing.signature, list(listing.proof), max_price, permit]
        )

    payer = Payer(listing.network, wallet, listing.market, listing.currency, listing.price)
    return pay(port, payer, call, signed, now)


def pay(
    port: ChainPort, payer: Payer, call: Callable[[Permit], bytes], signed: SignedPermit | None, now: datetime
) -> Purchase:
    """Return the paying call as a transaction, or what must be signed or sent before the market may take the money."""
    payment.check_balance(port, payer)
    permit = payment.permit_argument(port, payer, signed, now)
    if permit is permits.NONE and not payment.is_allowed(port, payer):
        words = payment.permit_words(port, payer, payment.permit_deadline(now))
        approval = unsigned.transaction_for_wallet(port, payer.wallet, payer.currency, payment.approval(payer))
        return Purchase(None, words, approval)
    data = call(permit)
    return Purchase(unsigned.transaction_for_wallet(port, payer.wallet, payer.market, data, payer.value), None, None)


def accept(port: ChainPort, offer: Taken, wallet: bytes, min_proceeds: int) -> dict[str, str]:
    """Return the transaction by which the holder takes an offer; tried against the chain first. Asks the network."""
    data = abi.encode_call(MARKET, "acceptOffer", [offer.message, offer.signature, min_proceeds, offer.permit])
    return unsigned.transaction_for_wallet(port, wallet, offer.market, data)


def stored_permit(permit: Permit) -> dict[str, Any] | None:
    """Return a permit as a row keeps it; None for none."""
    if permit is permits.NONE:
        return None
    return {**permit, "value": str(permit["value"]), "r": permit["r"].hex(), "s": permit["s"].hex()}


def permit_of(stored: dict[str, Any] | None) -> Permit:
    """Return a kept permit as the market takes it."""
    if stored is None:
        return permits.NONE
    return {
        "value": int(stored["value"]),
        "deadline": stored["deadline"],
        "v": stored["v"],
        "r": bytes.fromhex(stored["r"]),
        "s": bytes.fromhex(stored["s"]),
    }
