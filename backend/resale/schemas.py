"""What goes over the wire about listings, offers and buy-backs. Amounts are strings in the currency's smallest unit."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from backend.accounts.addresses import AddressText, show_address
from backend.kit.units import Units
from backend.resale import rules, typed_data
from backend.resale.models import LinePlace, MarketOrder
from backend.resale.payment import SignedPermit
from backend.resale.states import Status
from backend.resale.taking import Purchase
from backend.tickets.schemas import SignatureText

_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"
_PRICE = "150000000000000000000"
_SIGNATURE = "0x" + "5b" * 64 + "1b"
_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_TRANSACTION = {"type": "0x2", "to": _ADDRESS, "nonce": "0x0", "gas": "0x30d40", "value": "0x0", "data": "0x"}


class _Strict(BaseModel):
    """A request: what it does not name is refused."""

    model_config = ConfigDict(extra="forbid")


class OrderIn(_Strict):
    """A ticket and a price: of the seller who lists it, or of the buyer who offers."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ticket_id": _ID, "price": _PRICE, "expires_at": None}]}
    )

    ticket_id: UUID
    price: Annotated[Units, Field(gt=0, description="In the smallest unit of the collection's resale currency")]
    expires_at: AwareDatetime | None = Field(None, description="Null: in 30 days")


class PermitIn(_Strict):
    """An ERC-2612 permit as it was asked for."""

    deadline: Annotated[int, Field(gt=0, lt=2**40, description="As in the permit, Unix seconds")]
    signature: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{130}$", examples=[_SIGNATURE])]

    def signed(self) -> SignedPermit:
        """Return it as the house has it."""
        return SignedPermit(self.deadline, bytes.fromhex(self.signature[2:]))


class SignatureIn(_Strict):
    """What the wallet answered."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"signature": _SIGNATURE}]})

    signature: SignatureText


class OfferSignatureIn(SignatureIn):
    """What the buyer's wallet answered: over the offer, and over the permit if one was asked for."""

    permit: PermitIn | None = Field(None, description="Null: the market is allowed to take the price already")


class BuyIn(_Strict):
    """What the buyer agrees to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"max_price": _PRICE, "permit": None}]})

    max_price: Annotated[Units, Field(description="The most you pay; a listing above it is refused")]
    permit: PermitIn | None = Field(None, description="Signed after a first answer has asked for it")


class AcceptIn(_Strict):
    """What the holder agrees to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"min_proceeds": _PRICE}]})

    min_proceeds: Annotated[Units, Field(description="The least you get after royalty and fee")]


class CancelIn(_Strict):
    """How much is withdrawn."""

    everything: bool = Field(default=False, description="On chain: all listings and offers you ever signed")


class MarketOrderOut(BaseModel):
    """A listing or an offer and how it stands."""

    id: UUID = Field(examples=[_ID])
    event_id: UUID = Field(examples=[_ID])
    ticket_id: UUID = Field(examples=[_ID])
    network: str = Field(examples=["eip155:31337"])
    market: AddressText
    collection: AddressText
    token_id: int = Field(examples=[65536])
    epoch: int = Field(description="Once the ticket has moved on from it, the order is dead", examples=[0])
    signer: AddressText = Field(description="The seller of a listing, the buyer of an offer")
    currency: str = Field(examples=["BKS"])
    price: Units
    royalty: Units = Field(description="At most, in the currency's smallest unit")
    fee: Units = Field(description="At most, in the currency's smallest unit")
    proceeds: Units = Field(description="What the seller gets at least: price - royalty - fee")
    expires_at: datetime
    status: Status
    reason: str | None = Field(
        description="Why it is CANCELLED, EXPIRED or INVALID: withdrawn, cancelled_on_chain, expired, moved, "
        "ticket_used, ticket_locked, ticket_void, event_over, event_cancelled, resale_not_allowed, price_above_cap",
        examples=["moved"],
    )
    order_hash: str = Field(description="What the market's logs call it", examples=["0x" + "ab" * 32])
    signature: str | None = Field(description="Of a LISTED one, so that anybody may settle it", examples=[_SIGNATURE])

    @classmethod
    def of(cls, row: MarketOrder) -> "MarketOrderOut":
        """Show a row."""
        divided = rules.shares(row.price, row.max_royalty_bps, row.max_fee_bps)
        is_open = row.status == Status.LISTED and row.signature is not None
        return cls(
            id=row.id,
            event_id=row.event_id,
            ticket_id=row.ticket_id,
            network=row.network,
            market=show_address(row.market),
            collection=show_address(row.collection),
            token_id=row.token_id,
            epoch=row.epoch,
            signer=show_address(row.signer),
            currency=row.currency_code,
            price=row.price,
            royalty=divided.royalty,
            fee=divided.fee,
            proceeds=divided.proceeds,
            expires_at=row.expires_at,
            status=Status(row.status),
            reason=row.reason,
            order_hash="0x" + row.order_hash.hex(),
            signature="0x" + row.signature.hex() if is_open and row.signature else None,
        )


class DraftOut(BaseModel):
    """What the wallet has to sign."""

    order: MarketOrderOut
    typed_data: dict[str, Any] = Field(
        description="For eth_signTypedData_v4",
        examples=[{"primaryType": "Listing", "domain": {}, "types": {}, "message": {}}],
    )
    permit: dict[str, Any] | None = Field(
        None, description="Of an offer: sign this as well, so that the market may take the price", examples=[None]
    )

    @classmethod
    def of(cls, row: MarketOrder, permit: dict[str, Any] | None = None) -> "DraftOut":
        """Show a draft."""
        return cls(order=MarketOrderOut.of(row), typed_data=typed_data.document(row), permit=permit)


class CancelOut(BaseModel):
    """A withdrawn order, and what its signer sends to withdraw it on chain too."""

    order: MarketOrderOut
    transaction: dict[str, Any] = Field(
        description="EIP-1559, for the signer's wallet: until it is mined, whoever kept the signature can still use it",
        examples=[_TRANSACTION],
    )


class PurchaseOut(BaseModel):
    """What the payer's wallet does next: send `transaction`; while it is null, one of the others is first."""

    transaction: dict[str, Any] | None = Field(description="EIP-1559, complete", examples=[_TRANSACTION])
    permit: dict[str, Any] | None = Field(
        description="Typed data (ERC-2612): sign it and ask again with the signature and its deadline", examples=[None]
    )
    approval: dict[str, Any] | None = Field(
        description="Instead, for wallets that sign no permit: send this, then ask again", examples=[None]
    )

    @classmethod
    def of(cls, purchase: Purchase) -> "PurchaseOut":
        """Show it."""
        return cls(transaction=purchase.transaction, permit=purchase.permit, approval=purchase.approval)


class SellBackOut(BaseModel):
    """A turn: your ticket goes to the next in line and you get the price, in one transaction."""

    turn_id: UUID = Field(examples=[_ID])
    next_wallet: AddressText
    currency: str = Field(examples=["BKS"])
    price: Units
    expires_at: datetime
    transaction: dict[str, Any] = Field(description="EIP-1559, for the holder's wallet", examples=[_TRANSACTION])


class BuybackPriceOut(BaseModel):
    """What the box office pays for tickets of a tier."""

    tier_id: UUID = Field(examples=[_ID])
    number: int = Field(examples=[1])
    price: Units = Field(description="0: it buys none back")
    waiting: int = Field(description="Wallets in line", examples=[3])


class BuybackOut(BaseModel):
    """Prices and money for buy-backs, as the chain has them."""

    currency: str = Field(examples=["BKS"])
    fund: Units
    tiers: list[BuybackPriceOut]


class BuybackPriceIn(_Strict):
    """A price for a tier."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tier_id": _ID, "price": _PRICE}]})

    tier_id: UUID
    price: Annotated[Units, Field(description="0 stops")]


class FundIn(_Strict):
    """Money for buy-backs."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": _PRICE, "permit": None}]})

    amount: Annotated[Units, Field(gt=0)]
    permit: PermitIn | None = None


class FundBackIn(_Strict):
    """Money out of the fund again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": _PRICE, "to": _ADDRESS}]})

    amount: Annotated[Units, Field(gt=0)]
    to: AddressText


class PlaceIn(_Strict):
    """Who waits for a ticket of which tier; it has paid the box office."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tier_id": _ID, "wallet": _ADDRESS}]})

    tier_id: UUID
    wallet: AddressText


class PlaceOut(BaseModel):
    """A place in the line."""

    place_id: UUID = Field(examples=[_ID])
    tier_id: UUID = Field(examples=[_ID])
    wallet: AddressText
    joined_at: datetime
    served_at: datetime | None
    left_at: datetime | None

    @classmethod
    def of(cls, row: LinePlace) -> "PlaceOut":
        """Show a row."""
        return cls(
            place_id=row.id,
            tier_id=row.tier_id,
            wallet=show_address(row.wallet),
            joined_at=row.joined_at,
            served_at=row.served_at,
            left_at=row.left_at,
        )
