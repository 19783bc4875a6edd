"""What goes over the wire about listings, trees and offers. Amounts are strings in the currency's smallest unit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.addresses import AddressText, show_address
from backend.kit.moments import IsoMoment
from backend.kit.units import Units
from backend.resale import rules, trees, typed_data
from backend.resale.models import MarketOrder
from backend.resale.payment import SignedPermit
from backend.resale.states import Status
from backend.resale.taking import Purchase
from backend.tickets.schemas import SignatureText

ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"
OTHER_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e02"
PRICE = "150000000000000000000"
SIGNATURE = "0x" + "5b" * 64 + "1b"
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
TRANSACTION = {"type": "0x2", "to": ADDRESS, "nonce": "0x0", "gas": "0x30d40", "value": "0x0", "data": "0x"}


def show_hex(value: bytes) -> str:
    """Return bytes as wallets write them."""
    return "0x" + value.hex()


class Strict(BaseModel):
    """A request: what it does not name is refused."""

    model_config = ConfigDict(extra="forbid")


class OrderIn(Strict):
    """A ticket and a price: of the seller who lists it, or of the buyer who offers."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ticket_id": ID, "price": PRICE, "expires_at": None}]}
    )

    ticket_id: UUID
    price: Annotated[Units, Field(gt=0, description="In the smallest unit of the collection's resale currency")]
    expires_at: IsoMoment | None = Field(None, description="Null: in 30 days")


class ListingIn(Strict):
    """One listing of a tree."""

    ticket_id: UUID
    price: Annotated[Units, Field(gt=0, description="In the smallest unit of the collection's resale currency")]


class TreeIn(Strict):
    """Tickets to be listed under one signature."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "listings": [{"ticket_id": ID, "price": PRICE}, {"ticket_id": OTHER_ID, "price": PRICE}],
                    "expires_at": None,
                }
            ]
        },
    )

    listings: Annotated[list[ListingIn], Field(min_length=trees.FEWEST, max_length=trees.MOST)]
    expires_at: IsoMoment | None = Field(None, description="Of all of them; null: in 30 days")


class PermitIn(Strict):
    """An ERC-2612 permit as it was asked for."""

    deadline: Annotated[int, Field(gt=0, lt=2**40, description="As in the permit, Unix seconds")]
    signature: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{130}$", examples=[SIGNATURE])]

    def signed(self) -> SignedPermit:
        """Return it as the house has it."""
        return SignedPermit(self.deadline, bytes.fromhex(self.signature[2:]))


class SignatureIn(Strict):
    """What the wallet answered."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"signature": SIGNATURE}]})

    signature: SignatureText


class OfferSignatureIn(SignatureIn):
    """What the buyer's wallet answered: over the offer, and over the permit if one was asked for."""

    permit: PermitIn | None = Field(None, description="Null: the market is allowed to take the price already")


class BuyIn(Strict):
    """What the buyer agrees to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"max_price": PRICE, "permit": None}]})

    max_price: Annotated[Units, Field(description="The most you pay; a listing above it is refused")]
    permit: PermitIn | None = Field(None, description="Signed after a first answer has asked for it")


class AcceptIn(Strict):
    """What the holder agrees to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"min_proceeds": PRICE}]})

    min_proceeds: Annotated[Units, Field(description="The least you get after royalty and fee")]


class CancelIn(Strict):
    """How much is withdrawn."""

    everything: bool = Field(default=False, description="On chain: all listings and offers you ever signed")


class MarketOrderOut(BaseModel):
    """A listing or an offer and how it stands."""

    id: UUID = Field(examples=[ID])
    event_id: UUID = Field(examples=[ID])
    ticket_id: UUID = Field(examples=[ID])
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
    status: Status = Field(
        description="WITHDRAWN: off this house, but whoever kept the signature can fill it on chain until the signer "
        "sends `cancel`, it expires, or the ticket moves"
    )
    reason: str | None = Field(
        description="Why it is WITHDRAWN, CANCELLED, EXPIRED or INVALID: withdrawn, cancelled_on_chain, expired, "
        "moved, ticket_used, ticket_locked, ticket_void, ticket_pending, event_over, event_cancelled, no_market, "
        "resale_not_allowed, resale_paused, resale_held, tickets_frozen, price_above_cap, no_face_value, "
        "royalty_raised, royalty_unpayable, fee_raised, currency_paused, signature_refused (a contract wallet does "
        "not confirm it any more); of an offer also balance_too_low, allowance_too_low",
        examples=["moved"],
    )
    order_hash: str = Field(description="What the market's logs call it", examples=["0x" + "ab" * 32])
    proceeds_credited: bool = Field(
        description="The sale is there, but the seller's wallet did not take the money: it waits in the market, see "
        "`GET /v1/wallets/{address}/credits`",
        examples=[False],
    )
    signature: str | None = Field(description="Of a LISTED one, so that anybody may settle it", examples=[SIGNATURE])
    tree_id: UUID | None = Field(description="The tree it was signed in with others", examples=[None])
    proof: list[str] = Field(
        description="Of a leaf of a tree: the market's `proof`. The signature is over the root, a ListingTree; "
        "empty: it is over the listing itself",
        examples=[[]],
    )

    @classmethod
    def of(
        cls, row: MarketOrder, judged: tuple[Status, str | None] | None = None, *, is_credited: bool = False
    ) -> "MarketOrderOut":
        """Show a row; as judged this moment, where it was."""
        divided = rules.shares(row.price, row.max_royalty_bps, row.max_fee_bps)
        status, reason = judged or (Status(row.status), row.reason)
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
            status=status,
            reason=reason,
            order_hash=show_hex(row.order_hash),
            proceeds_credited=is_credited,
            signature=show_hex(row.signature) if status == Status.LISTED and row.signature else None,
            tree_id=row.tree_id,
            proof=[show_hex(sibling) for sibling in row.proof or ()],
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


class LeafOut(BaseModel):
    """One listing of a tree and exactly what it says."""

    order: MarketOrderOut
    message: dict[str, Any] = Field(
        description="The Listing: its struct hash is the leaf `order.order_hash`", examples=[{"tokenId": 65536}]
    )


class TreeOut(BaseModel):
    """What the seller signs once, and the listings that stand by it."""

    tree_id: UUID = Field(examples=[ID])
    root: str = Field(
        description="From each leaf, its siblings (`order.proof`) lead up to it: each pair sorted, hashed by keccak256",
        examples=["0x" + "ab" * 32],
    )
    typed_data: dict[str, Any] = Field(
        description="For eth_signTypedData_v4: a ListingTree over the root",
        examples=[{"primaryType": "ListingTree", "domain": {}, "types": {}, "message": {}}],
    )
    listings: list[LeafOut]

    @classmethod
    def of(cls, rows: Sequence[MarketOrder], judged: Sequence[tuple[Status, str | None]] | None = None) -> "TreeOut":
        """Show a tree; its listings as judged this moment, where they were."""
        words = typed_data.signed_document(rows[0])
        stand = judged or [(Status(row.status), row.reason) for row in rows]
        return cls(
            tree_id=rows[0].tree_id,
            root=words["message"]["root"],
            typed_data=words,
            listings=[
                LeafOut(order=MarketOrderOut.of(row, stands), message=typed_data.document(row)["message"])
                for row, stands in zip(rows, stand, strict=True)
            ],
        )


class CancelOut(BaseModel):
    """A withdrawn order, and what its signer sends to withdraw it on chain too."""

    order: MarketOrderOut
    transaction: dict[str, Any] = Field(
        description="EIP-1559, for the signer's wallet: until it is mined, whoever kept the signature can still use it",
        examples=[TRANSACTION],
    )


class TreeCancelOut(BaseModel):
    """The listings of a tree, withdrawn, and what their seller sends to withdraw them on chain too."""

    orders: list[MarketOrderOut]
    transaction: dict[str, Any] = Field(
        description="EIP-1559: one `cancel` of all that can still be sold", examples=[TRANSACTION]
    )


class PurchaseOut(BaseModel):
    """What the payer's wallet does next: send `transaction`; while it is null, one of the others is first."""

    transaction: dict[str, Any] | None = Field(description="EIP-1559, complete", examples=[TRANSACTION])
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
