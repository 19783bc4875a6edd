"""A quote: the price of an order, signed for its buyer's wallet, that the collection's `buy` takes once.

What is quoted follows from the order and its payment alone: nothing is stored, and asked again it is the same. The
contract keeps the rest of the promise: this buyer, exactly this amount, not after the hold, not twice.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalog.models import Tier
from backend.chain import abi, currencies, permits, typed_data, unsigned
from backend.chain.networks import network as known_network
from backend.chain.port import ChainPort, InsufficientFunds, Signer
from backend.kit.money import Money
from backend.orders import fees, pay
from backend.orders import rules as order_rules
from backend.orders.models import Order
from backend.payments.models import Payment, PaymentStatus
from backend.payments.providers.crypto import quote_id
from backend.payments.rules import ON_CHAIN
from backend.tickets.errors import CollectionUnknown, NoQuote, WalletLimitReached
from backend.tickets.models import Collection
from backend.tickets.states import CollectionStatus

SIGNER = "quote"
_LEAST_GAS = 100_000
"""No purchase takes less: so much a wallet must be able to pay before it is asked to sign a permit."""
_QUOTE: typed_data.Fields = (
    ("id", "bytes32"),
    ("buyer", "address"),
    ("tier", "uint16"),
    ("quantity", "uint16"),
    ("currency", "address"),
    ("price", "uint256"),
    ("fee", "uint256"),
    ("deadline", "uint64"),
)


@dataclass(frozen=True, slots=True)
class Quote:
    """The contract's `Quote` and where it counts. Amounts in base units, of all tickets together."""

    network: str
    collection: bytes
    id: bytes
    buyer: bytes
    tier: int
    quantity: int
    currency: bytes
    """The token's address; zero is the network's own coin."""
    price: int
    fee: int
    deadline: int
    """Unix seconds; good up to and including this moment."""

    @property
    def message(self) -> dict[str, Any]:
        """The struct's fields."""
        return {name: getattr(self, name) for name, _ in _QUOTE}

    @property
    def typed_data(self) -> dict[str, Any]:
        """What the quote signer signs (EIP-712)."""
        return typed_data.document(
            name="Backstage Tickets",
            version="1",
            chain_id=known_network(self.network).chain_id,
            verifying_contract=self.collection,
            types={"TicketQuote": _QUOTE},
            primary_type="TicketQuote",
            message=self.message,
        )

    @property
    def is_in_coin(self) -> bool:
        """Paid in the network's own coin, along with the call."""
        return self.currency == currencies.NATIVE_ADDRESS

    def differences(self, said: dict[str, Any]) -> list[str]:
        """Name the fields in which a TicketsBought log differs from this quote. The log does not say the deadline."""
        names = ("buyer", "tier", "quantity", "currency", "price", "fee")
        return [name for name in names if said[name] != getattr(self, name)]


def open_quote(session: Session, order: Order, now: datetime) -> Quote:
    """Return the quote for an order that waits for it.

    Raises NoQuote, CollectionUnknown, NotDeployed, OrderClosed, PaymentWindowOver.
    """
    order_rules.check_payable(order.status, order.expires_at, order.cancel_asked_at, now)
    payment = pay.latest(session, order.id)
    if payment is None or payment.provider != ON_CHAIN or payment.status != PaymentStatus.PENDING:
        raise NoQuote
    query = select(Collection).where(Collection.event_id == order.event_id, Collection.status == CollectionStatus.LIVE)
    collection = session.scalars(query).one_or_none()
    if collection is None:
        raise CollectionUnknown
    return quote_of(session, order, payment, collection)


def quote_of(session: Session, order: Order, payment: Payment, collection: Collection) -> Quote:
    """Return what was, or is, quoted for a payment of the order. Raises NoQuote, NotDeployed."""
    if order.recipient is None or collection.address is None or len(order.lines) != 1:
        raise NoQuote
    [line] = order.lines
    _, fee = fees.split(Money(order.total_minor, order.currency), order.fee_bps)
    return Quote(
        network=collection.network,
        collection=collection.address,
        id=quote_id(payment.id),
        buyer=order.recipient,
        tier=session.get_one(Tier, line.tier_id).number,
        quantity=line.quantity,
        currency=currencies.address_of(collection.network, order.currency),
        price=order.total_minor,
        fee=fee.amount,
        deadline=int(payment.expires_at.timestamp()),
    )


def check_wallet(quote: Quote, port: ChainPort) -> None:
    """Refuse before anything is signed what the contract or every node would refuse. Asks the network.

    Raises WalletLimitReached, InsufficientFunds.
    """
    limit = _read(port, quote.collection, "rules")["maxPerWallet"]
    if limit:
        taken = _read(port, quote.collection, "takenBy", quote.buyer)
        if taken + quote.quantity > limit:
            raise WalletLimitReached(limit=limit, taken=taken)
    value = quote.price if quote.is_in_coin else 0
    _check_coin(port, quote.buyer, value + _LEAST_GAS * port.fees().max_fee)


def _check_coin(port: ChainPort, wallet: bytes, needed: int) -> None:
    balance = port.balance(wallet)
    if balance < needed:
        raise InsufficientFunds(balance=str(balance), needed=str(needed))


def _read(port: ChainPort, collection: bytes, function: str, *arguments: Any) -> Any:
    call = abi.encode_call("TicketCollection", function, arguments)
    return abi.decode_output("TicketCollection", function, port.call(collection, call))


def sign(quote: Quote, key: Signer) -> bytes:
    """Return the platform's signature; the key may live on another machine, so outside of transactions."""
    return key.sign_typed_data(quote.typed_data)


def permit_to_sign(quote: Quote, port: ChainPort) -> dict[str, Any] | None:
    """Return the permit the buyer's wallet has to sign first; None when none is needed. Asks the network."""
    if quote.is_in_coin or permits.allowance(port, quote.currency, quote.buyer, quote.collection) >= quote.price:
        return None
    return permits.document(port, quote.currency, quote.buyer, quote.collection, quote.price, quote.deadline)


def transaction(quote: Quote, signature: bytes, permit: bytes | None, port: ChainPort) -> dict[str, str]:
    """Return the unsigned `buy` for the buyer's wallet, tried first. `permit` is its signature. Asks the network.

    Raises CallWouldRevert with the contract's reason, and InsufficientFunds with what the wallet has and would need.
    """
    allowed = permits.NONE if permit is None else permits.signed(quote.price, quote.deadline, permit)
    data = abi.encode_call("TicketCollection", "buy", [quote.message, signature, allowed])
    value = quote.price if quote.is_in_coin else 0
    made = unsigned.transaction_for_wallet(port, quote.buyer, quote.collection, data, value)
    _check_coin(port, quote.buyer, value + int(made["gas"], 16) * int(made["maxFeePerGas"], 16))
    return made
