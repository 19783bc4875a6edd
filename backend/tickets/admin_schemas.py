"""What goes over the wire to admins about minting and contracts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.addresses import AddressText, show_address
from backend.tickets.models import Batch, MintJob
from backend.tickets.states import BatchStatus, CollectionStatus, JobStatus

_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"
_MOMENT = "2026-06-19T18:00:00Z"


class PauseScope(StrEnum):
    """What can be paused. Never refunds, never the door."""

    SALE = "SALE"
    MINT = "MINT"
    RESALE = "RESALE"
    CLAIM = "CLAIM"


SCOPE_BITS = {PauseScope.SALE: 1, PauseScope.MINT: 2, PauseScope.RESALE: 4, PauseScope.CLAIM: 8}
"""The contract's bits, docs/contracts.md."""


class MintJobOut(BaseModel):
    """The promise of one token."""

    id: UUID = Field(examples=[_ID])
    ticket_id: UUID = Field(examples=[_ID])
    order_id: UUID = Field(examples=[_ID])
    order_line_id: UUID = Field(examples=[_ID])
    unit: int = Field(examples=[0])
    status: JobStatus
    recipient: AddressText | None = Field(
        description="Null: into escrow", examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]
    )
    escrow_reason: str | None = Field(examples=["no_wallet"])
    batch_id: UUID | None = Field(examples=[_ID])
    batch_index: int | None = Field(examples=[0])
    reason: str | None = Field(description="Why it is STUCK", examples=["the event has no live collection"])
    created_at: datetime = Field(examples=[_MOMENT])

    @classmethod
    def of(cls, row: MintJob) -> "MintJobOut":
        """Show a row."""
        return cls(
            id=row.id,
            ticket_id=row.ticket_id,
            order_id=row.order_id,
            order_line_id=row.order_line_id,
            unit=row.unit,
            status=JobStatus(row.status),
            recipient=show_address(row.recipient) if row.recipient else None,
            escrow_reason=row.escrow_reason,
            batch_id=row.batch_id,
            batch_index=row.batch_index,
            reason=row.last_error,
            created_at=row.created_at,
        )


class BatchOut(BaseModel):
    """Tickets minted together."""

    id: UUID = Field(examples=[_ID])
    collection_id: UUID = Field(examples=[_ID])
    number: int = Field(description="Consumed once on chain", examples=[1])
    status: BatchStatus
    count: int = Field(description="Tickets", examples=[2])
    contents_hash: str = Field(description="keccak256 of the entries", examples=["0x" + "cd" * 32])
    send_id: UUID | None = Field(examples=[_ID])
    tx_hash: str | None = Field(examples=["0x" + "ab" * 32])
    reason: str | None = Field(
        description="Why it waits, is stuck, or of unclear fate", examples=["ScopePaused(scope=2)"]
    )
    created_at: datetime = Field(examples=[_MOMENT])

    @classmethod
    def of(cls, row: Batch) -> "BatchOut":
        """Show a row."""
        return cls(
            id=row.id,
            collection_id=row.collection_id,
            number=row.number,
            status=BatchStatus(row.status),
            count=row.count,
            contents_hash="0x" + row.contents_hash.hex(),
            send_id=row.send_id,
            tx_hash="0x" + row.tx_hash.hex() if row.tx_hash else None,
            reason=row.last_error,
            created_at=row.created_at,
        )


class RoleOut(BaseModel):
    """One role of a contract: what was signed and what the chain says now."""

    role: str = Field(examples=["minter"])
    signed: str = Field(examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"])
    on_chain: str = Field(examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"])
    is_equal: bool


class ContractOut(BaseModel):
    """A deployed collection and its roles as they stand on chain now."""

    collection_id: UUID = Field(examples=[_ID])
    event_id: UUID = Field(examples=[_ID])
    network: str = Field(examples=["eip155:31337"])
    address: AddressText
    status: CollectionStatus
    paused: list[PauseScope] = Field(examples=[["MINT"]])
    minter_allowance: int = Field(description="Tickets the minter may still mint", examples=[500])
    roles: list[RoleOut]


class PauseIn(BaseModel):
    """Everything that shall be paused: the list replaces what is paused now, an empty one resumes all."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"scopes": ["MINT"]}]})

    scopes: Annotated[list[PauseScope], Field(max_length=len(PauseScope))]
