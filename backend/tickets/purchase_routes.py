"""Purchases on chain for admins: those that are not as quoted, or nobody's."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, show_address
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.kit.units import Units
from backend.tickets import bought
from backend.tickets.errors import PurchaseNotOpen, PurchaseUnknown
from backend.tickets.models import Purchase
from backend.tickets.states import PurchaseStatus

router = APIRouter(prefix="/v1/admin/purchases", tags=["admin"])

Admin = Annotated[Principal, allow(Role.ADMIN)]
_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"


class CloseIn(BaseModel):
    """Why it is no business of ours."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "Signed by the key that was revoked on 2 March."}]}
    )

    reason: str = Field(min_length=10, max_length=500)


class PurchaseOut(BaseModel):
    """A quote that was paid on chain."""

    id: UUID = Field(examples=[_ID])
    collection_id: UUID = Field(examples=[_ID])
    payment_id: UUID | None = Field(description="null: it names no payment of ours", examples=[_ID])
    buyer: AddressText
    first_token_id: int = Field(examples=[4503599627370496])
    quantity: int = Field(examples=[2])
    price: Units
    status: PurchaseStatus = Field(examples=["MISMATCH"])
    problem: str | None = Field(description="What differs from the quote, or why it was closed", examples=["fee"])
    tx_hash: str = Field(examples=["0x" + "9c" * 32])
    settled_at: datetime = Field(examples=["2027-03-01T12:00:00Z"])

    @classmethod
    def of(cls, row: Purchase) -> "PurchaseOut":
        """Show a row."""
        return cls(
            id=row.id,
            collection_id=row.collection_id,
            payment_id=row.payment_id,
            buyer=show_address(row.buyer),
            first_token_id=row.first_token_id,
            quantity=row.quantity,
            price=row.price,
            status=PurchaseStatus(row.status),
            problem=row.problem,
            tx_hash="0x" + row.tx_hash.hex(),
            settled_at=row.settled_at,
        )


@router.get("", summary="Purchases on chain", responses=responses(Unauthenticated, Forbidden, BadCursor))
def list_purchases(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    state: Annotated[PurchaseStatus | None, Query(alias="status", description="Only those in this state")] = None,
) -> Page[PurchaseOut]:
    """Return them oldest first."""
    query = select(Purchase) if state is None else select(Purchase).where(Purchase.status == state)
    rows, next_cursor = paginate(session, query, [Purchase.settled_at, Purchase.id], page)
    return Page(items=[PurchaseOut.of(row) for row in rows], next_cursor=next_cursor)


@router.post(
    "/{purchase_id}/close",
    summary="Close a purchase that is nobody's",
    responses=responses(Unauthenticated, Forbidden, PurchaseUnknown, PurchaseNotOpen),
)
def close_purchase(purchase_id: UUID, body: CloseIn, _admin: Admin, session: SessionDep) -> PurchaseOut:
    """Note that you have looked. One that belongs to an order is decided with it."""
    return PurchaseOut.of(bought.close_unattributed(session, purchase_id, body.reason))
