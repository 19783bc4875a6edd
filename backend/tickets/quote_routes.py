"""Paying an order on chain: the quote, and the transaction the buyer's wallet signs and sends."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, show_address
from backend.chain import currencies, registry, unsigned
from backend.chain.deployments import NotDeployed
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.kit.clock import NowDep
from backend.kit.db import unit_of_work
from backend.kit.errors import Unauthenticated, responses
from backend.kit.units import Units
from backend.orders.access import own_order
from backend.orders.errors import OrderClosed, OrderUnknown, PaymentWindowOver
from backend.tickets import quote
from backend.tickets.errors import CollectionUnknown, NoQuote, WalletLimitReached

router = APIRouter(tags=["orders"])

Fan = Annotated[Principal, allow(Role.FAN)]


class QuoteIn(BaseModel):
    """The permit, once the wallet has signed it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"permit": "0x" + "5b" * 64 + "1b"}]})

    permit: str | None = Field(
        None,
        pattern=r"^0x[0-9a-fA-F]{130}$",
        description="What the wallet answered to eth_signTypedData_v4 of `permit` (ERC-2612)",
    )


class QuoteOut(BaseModel):
    """A price for one wallet, good once and until the hold ends."""

    quote_id: str = Field(description="The payment's id, as the collection's log will name it")
    collection: AddressText
    currency: str = Field(examples=["BKS"])
    price: Units = Field(description="Of all tickets, in base units")
    fee: Units = Field(description="The platform's part of the price")
    deadline: int = Field(description="Unix seconds; the contract refuses it afterwards")
    signature: str = Field(description="The platform's, over the quote (EIP-712)")
    permit: dict[str, Any] | None = Field(
        description="Sign this first (eth_signTypedData_v4) and send it here; null: nothing to sign"
    )
    transaction: dict[str, str] | None = Field(
        description="For eth_sendTransaction; null until the permit is signed",
        examples=[{"type": "0x2", "value": "0x0"}],
    )


@router.post(
    "/v1/orders/{order_id}/quote",
    summary="The quote of an order that is paid on chain, and the transaction to pay it",
    responses=responses(
        Unauthenticated, OrderUnknown, OrderClosed, PaymentWindowOver, NoQuote, WalletLimitReached, CollectionUnknown,
        NotDeployed, unsigned.CallWouldRevert, InsufficientFunds, ChainUnreachable,
    ),
)  # fmt: skip
def give_quote(order_id: UUID, body: QuoteIn, principal: Fan, now: NowDep) -> QuoteOut:
    """Return what your wallet signs and sends. Nothing you report is believed: the index sees the purchase.

    A wallet that cannot pay for gas, or has taken as many tickets as the event allows one, is told so before it signs.
    In BKS it takes two calls: one for the permit to sign, one with its signature for the transaction.
    """
    with unit_of_work() as session:
        asked = quote.open_quote(session, own_order(session, order_id, principal, None), now)
    # No transaction is open here: the key and the node may be elsewhere.
    port = registry.port(asked.network)
    quote.check_wallet(asked, port)
    signature = quote.sign(asked, registry.signer(asked.network, quote.SIGNER))
    to_sign = quote.permit_to_sign(asked, port)
    permit = bytes.fromhex(body.permit[2:]) if body.permit else None
    is_ready = to_sign is None or permit is not None
    return QuoteOut(
        quote_id="0x" + asked.id.hex(),
        collection=show_address(asked.collection),
        currency=currencies.code_of(asked.network, asked.currency),
        price=asked.price,
        fee=asked.fee,
        deadline=asked.deadline,
        signature="0x" + signature.hex(),
        permit=None if is_ready else to_sign,
        transaction=quote.transaction(asked, signature, permit, port) if is_ready else None,
    )
