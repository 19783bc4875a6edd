"""What goes over the wire about collections, tickets and claims."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.addresses import AddressText, show_address
from backend.tickets.models import Claim, Collection, Ticket
from backend.tickets.recoveries import Asked
from backend.tickets.service import TokenHolding
from backend.tickets.states import ClaimStatus, CollectionStatus, Custody, TicketStatus

_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"
_SIGNATURE = "0x" + "5b" * 64 + "1b"

SignatureText = Annotated[
    str,
    Field(
        pattern=r"^0x([0-9a-fA-F]{2})+$",
        max_length=2 + 2 * 16_384,
        description="What the wallet answered to eth_signTypedData_v4",
        examples=[_SIGNATURE],
    ),
]
CodeText = Annotated[str, Field(min_length=16, max_length=40, examples=["7H2K-9QXD-R4TM-0WBE"])]


class _Strict(BaseModel):
    """A request: what it does not name is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class ConsentOut(BaseModel):
    """What the promoter's wallet has to sign."""

    typed_data: dict[str, Any] = Field(
        description="For eth_signTypedData_v4: every parameter of the collection",
        examples=[{"primaryType": "CollectionConsent", "domain": {}, "types": {}, "message": {}}],
    )
    predicted_address: AddressText = Field(description="Where the collection will stand (CREATE2)")
    deadline: int = Field(description="Unix seconds; send it back with the signature", examples=[1_796_000_000])


class ConsentIn(_Strict):
    """The promoter's signature over the consent."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"signature": _SIGNATURE, "deadline": 1_796_000_000}]}
    )

    signature: SignatureText
    deadline: Annotated[int, Field(gt=0, lt=2**40, description="As in the consent, Unix seconds")]


class CollectionOut(BaseModel):
    """An event's collection."""

    id: UUID = Field(examples=[_ID])
    event_id: UUID = Field(examples=[_ID])
    network: str = Field(description="CAIP-2", examples=["eip155:31337"])
    address: AddressText | None
    status: CollectionStatus
    metadata_frozen: bool = Field(description="Whether the chain keeps the metadata as it is for good")
    metadata_changed: bool = Field(
        description="Whether the chain says another base URI than was signed; final logs only"
    )
    base_uri: str = Field(description="Where the chain says the metadata is", examples=["ipfs://bafybeiagwmrf6x4cq/"])
    metadata_cid: str = Field(
        description="Of what was signed", examples=["bafybeiagwmrf6x4cqcscybak4q2vvprtp5xl7twehhyty5mptara6krlaa"]
    )
    params: dict[str, Any] = Field(description="What was signed, as it was signed")
    mismatches: list[str] = Field(description="What differs from the signed parameters, when MISMATCH")
    reason: str | None = Field(description="Why it is STUCK or retried")
    live_at: datetime | None

    @classmethod
    def of(cls, row: Collection) -> "CollectionOut":
        """Show a row."""
        return cls(
            id=row.id,
            event_id=row.event_id,
            network=row.network,
            address=show_address(row.address) if row.address else None,
            status=CollectionStatus(row.status),
            metadata_frozen=row.metadata_frozen,
            metadata_changed=row.base_uri is not None,
            base_uri=row.base_uri or row.params["baseURI"],
            metadata_cid=row.metadata_cid,
            params=row.params,
            mismatches=[str(wrong) for wrong in row.mismatches or []],
            reason=row.last_error,
            live_at=row.live_at,
        )


class TicketOut(BaseModel):
    """A ticket and where it stands."""

    ticket_id: UUID = Field(examples=[_ID])
    event_id: UUID = Field(examples=[_ID])
    order_id: UUID = Field(examples=[_ID])
    tier_id: UUID = Field(examples=[_ID])
    status: TicketStatus
    custody: Custody = Field(description="ESCROW: the collection keeps it until it is claimed")
    network: str | None = Field(examples=["eip155:31337"])
    collection: AddressText | None
    token_id: int | None = Field(description="Below 2^53", examples=[65536])
    owner: AddressText | None = Field(description="As the index has it; the collection itself while in escrow")
    epoch: int | None = Field(description="Rises with each move", examples=[0])
    is_final: bool = Field(description="Nothing about its holder can be undone any more")
    tx_hash: str | None = Field(description="Of the mint", examples=["0x" + "ab" * 32])
    recovery: "RecoveryOut | None" = Field(
        description="A request to move it to another wallet, which its holder may refuse; null: none stands"
    )

    @classmethod
    def of(
        cls,
        row: Ticket,
        collection: Collection | None,
        held: TokenHolding | None,
        tx: bytes | None,
        asked: Asked | None = None,
    ) -> "TicketOut":
        """Show a row with what the index knows of it."""
        return cls(
            ticket_id=row.id,
            event_id=row.event_id,
            order_id=row.order_id,
            tier_id=row.tier_id,
            status=TicketStatus(row.status),
            custody=Custody(row.custody),
            network=collection.network if collection else None,
            collection=show_address(collection.address) if collection and collection.address else None,
            token_id=row.token_id,
            owner=show_address(held.owner) if held else None,
            epoch=held.epoch if held else None,
            is_final=held is not None and held.is_final,
            tx_hash="0x" + tx.hex() if tx else None,
            recovery=RecoveryOut.of(row.id, asked) if asked else None,
        )


class RecoveryOut(BaseModel):
    """Somebody asked that the ticket go to another wallet: who did not ask for it refuses, and soon."""

    to: AddressText
    ready_at: datetime = Field(description="From then on the promoter can carry it out; unless it is refused before")
    tx_hash: str = Field(description="Of the request", examples=["0x" + "ab" * 32])
    refuse_by: str = Field(
        description="Where the holder gets the transaction that refuses it",
        examples=[f"POST /v1/tickets/{_ID}/recovery/refusal"],
    )

    @classmethod
    def of(cls, ticket_id: UUID, asked: Asked) -> "RecoveryOut":
        """Show it."""
        return cls(
            to=show_address(asked.to),
            ready_at=asked.ready_at,
            tx_hash="0x" + asked.tx_hash.hex(),
            refuse_by=f"POST /v1/tickets/{ticket_id}/recovery/refusal",
        )


class TokenOut(BaseModel):
    """A token as the index has it."""

    network: str = Field(examples=["eip155:31337"])
    collection: AddressText
    token_id: int = Field(examples=[65536])
    owner: AddressText
    tier: int = Field(examples=[1])
    status: TicketStatus
    epoch: int = Field(examples=[0])
    is_final: bool

    @classmethod
    def of(cls, held: TokenHolding) -> "TokenOut":
        """Show what the index knows."""
        return cls(
            network=held.network,
            collection=show_address(held.collection),
            token_id=held.token_id,
            owner=show_address(held.owner),
            tier=held.tier,
            status=held.status,
            epoch=held.epoch,
            is_final=held.is_final,
        )


class ClaimCodeOut(BaseModel):
    """A fresh claim code. It is shown this once."""

    code: CodeText
    expires_at: datetime


class ClaimPrepareIn(_Strict):
    """Which wallet the ticket shall go to."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"code": "7H2K-9QXD-R4TM-0WBE", "recipient": _ADDRESS}]}
    )

    code: CodeText
    recipient: AddressText


class ClaimPrepareOut(BaseModel):
    """What the recipient's wallet has to sign."""

    typed_data: dict[str, Any] = Field(
        description="For eth_signTypedData_v4",
        examples=[{"primaryType": "ClaimAcceptance", "domain": {}, "types": {}, "message": {}}],
    )


class ClaimIn(ClaimPrepareIn):
    """The code, the wallet and its signature."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"code": "7H2K-9QXD-R4TM-0WBE", "recipient": _ADDRESS, "signature": _SIGNATURE}]
        },
    )

    signature: SignatureText


class ClaimOut(BaseModel):
    """A claim and where it stands."""

    claim_id: UUID = Field(examples=[_ID])
    ticket_id: UUID = Field(examples=[_ID])
    recipient: AddressText
    status: ClaimStatus
    reason: str | None = Field(description="Why it FAILED; the code may be used again", examples=["ClaimLimitExceeded"])
    tx_hash: str | None = Field(examples=["0x" + "ab" * 32])

    @classmethod
    def of(cls, row: Claim) -> "ClaimOut":
        """Show a row."""
        return cls(
            claim_id=row.id,
            ticket_id=row.ticket_id,
            recipient=show_address(row.recipient),
            status=ClaimStatus(row.status),
            reason=row.reason,
            tx_hash="0x" + row.tx_hash.hex() if row.tx_hash else None,
        )


class TransferIn(_Strict):
    """Who shall have the ticket."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": _ADDRESS}]})

    to: AddressText


class TransactionOut(BaseModel):
    """A complete transaction for a wallet to sign and send."""

    transaction: dict[str, Any] = Field(
        description="EIP-1559, quantities in hex, as eth_sendTransaction takes it",
        examples=[{"type": "0x2", "to": _ADDRESS, "nonce": "0x0", "gas": "0x186a0", "data": "0x42842e0e"}],
    )
