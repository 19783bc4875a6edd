"""Taking an order up: the transactions that a buyer's or a holder's own wallet signs and sends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.chain import abi, permits, unsigned
from backend.chain.permits import Permit
from backend.chain.port import ChainPort
from backend.resale import payment, typed_data
from backend.resale.errors import PriceAboveMax
from backend.resale.market import MARKET
from backend.resale.models import MarketOrder
from backend.resale.payment import Payer, SignedPermit


@dataclass(frozen=True, slots=True)
class Taken:
    """A signed order, apart from its row."""

    network: str
    market: bytes
    currency: bytes
    price: int
    message: dict[str, Any]
    signature: bytes
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
        order.network,
        order.market,
        order.currency,
        order.price,
        typed_data.message(order),
        order.signature or b"",
        permit_of(order.permit),
    )


def buy(
    port: ChainPort, listing: Taken, wallet: bytes, max_price: int, signed: SignedPermit | None, now: datetime
) -> Purchase:
    """Return the transaction that buys; tried against the chain first. Asks the network.

    Raises PriceAboveMax, NotEnoughTokens, BadPermit, CallWouldRevert, InsufficientFunds.
    """
    if listing.price > max_price:
        raise PriceAboveMax(price=str(listing.price), max_price=str(max_price))

    def call(permit: Permit) -> bytes:
        return abi.encode_call(MARKET, "buy", [listing.message, listing.signature, [], max_price, permit])

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
