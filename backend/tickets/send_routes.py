"""What this house has sent to a chain and how it is doing there, for admins."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts import audit
from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, show_address
from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend, SendStatus
from backend.chain.outbox import NoSuchSend
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.tickets import sends, status_changes
from backend.tickets.errors import StatusChangeNotStuck, StatusChangeUnknown
from backend.tickets.states import StatusChangeStatus, TicketStatus

router = APIRouter(prefix="/v1/admin", tags=["admin"])

Admin = Annotated[Principal, allow(Role.ADMIN)]
_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"


class AttemptOut(BaseModel):
    """One nonce and one set of bytes."""

    id: UUID = Field(examples=[_ID])
    status: AttemptStatus
    signer: AddressText
    nonce: int = Field(examples=[17])
    tx_hash: str | None = Field(description="Null until it is signed", examples=["0x" + "ab" * 32])
    gas_limit: int = Field(examples=[252_000])
    max_fee: str = Field(description="Offered at most, wei a unit of gas", examples=["3000000000"])
    priority_fee: str = Field(description="Of it for the block's maker", examples=["1000000000"])
    gas_used: int | None = Field(description="Null until it is in a block", examples=[190_000])
    block_number: int | None = Field(examples=[4711])
    created_at: datetime
    broadcast_at: datetime | None = Field(description="When a node first took it")

    @classmethod
    def of(cls, row: ChainAttempt) -> "AttemptOut":
        """Show a row."""
        receipt: dict[str, Any] = row.receipt or {}
        return cls(
            id=row.id,
            status=AttemptStatus(row.status),
            signer=show_address(row.signer),
            nonce=row.nonce,
            tx_hash="0x" + row.tx_hash.hex() if row.tx_hash else None,
            gas_limit=row.gas_limit,
            max_fee=str(row.max_fee),
            priority_fee=str(row.priority_fee),
            gas_used=receipt.get("gas_used"),
            block_number=row.block_number,
            created_at=row.created_at,
            broadcast_at=row.broadcast_at,
        )


class SendOut(BaseModel):
    """One call that shall happen exactly once, and every attempt at it, oldest first."""

    id: UUID = Field(examples=[_ID])
    network: str = Field(examples=["eip155:56"])
    purpose: str = Field(examples=["mint_batch"])
    subject_id: UUID = Field(description="What it is about: a batch's id for `mint_batch`", examples=[_ID])
    generation: int = Field(description="How often it was asked for anew", examples=[0])
    signer_role: str = Field(examples=["minter"])
    signer: AddressText | None = Field(description="The key that has to sign it; null: the first one of its role")
    to: AddressText
    status: SendStatus
    status_since: datetime
    reason: str | None = Field(examples=["ScopePaused(scope=2)"])
    error: str | None = Field(description="What the last run stumbled over")
    next_look_at: datetime | None = Field(description="Null: at once")
    created_at: datetime
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, row: ChainSend, attempts: list[ChainAttempt]) -> "SendOut":
        """Show a row with its attempts."""
        return cls(
            id=row.id,
            network=row.network,
            purpose=row.purpose,
            subject_id=row.subject_id,
            generation=row.generation,
            signer_role=row.signer_role,
            signer=None if row.signer is None else show_address(row.signer),
            to=show_address(row.to_address),
            status=SendStatus(row.status),
            status_since=row.status_since,
            reason=row.reason,
            error=row.last_error,
            next_look_at=row.run_after,
            created_at=row.created_at,
            attempts=[AttemptOut.of(attempt) for attempt in attempts],
        )

    @classmethod
    def now(cls, session: Session, row: ChainSend) -> "SendOut":
        """Show a row with its attempts, read now."""
        query = select(ChainAttempt).where(ChainAttempt.send_id == row.id).order_by(ChainAttempt.id)
        return cls.of(row, list(session.scalars(query)))


class StatusChangeOut(BaseModel):
    """A ticket's status on its way to the chain."""

    id: UUID = Field(examples=[_ID])
    ticket_id: UUID = Field(examples=[_ID])
    wanted: TicketStatus
    status: StatusChangeStatus


@router.get("/sends", summary="Sends with their attempts", responses=responses(Unauthenticated, Forbidden, BadCursor))
def list_sends(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    now: NowDep,
    state: Annotated[SendStatus | None, Query(alias="status", description="Only those in this state")] = None,
    purpose: Annotated[str | None, Query(max_length=60, description="Such as `mint_batch`")] = None,
    subject_id: UUID | None = None,
    older_than: Annotated[int | None, Query(ge=0, le=10**9, alias="older_than_seconds")] = None,
) -> Page[SendOut]:
    """Return them oldest first. `older_than_seconds`: at least so long in their state."""
    query = select(ChainSend)
    for column, wanted in (
        (ChainSend.status, state),
        (ChainSend.purpose, purpose),
        (ChainSend.subject_id, subject_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if older_than is not None:
        query = query.where(ChainSend.status_since <= now - timedelta(seconds=older_than))
    rows, next_cursor = paginate(session, query, [ChainSend.created_at, ChainSend.id], page)
    tries: dict[UUID, list[ChainAttempt]] = {row.id: [] for row in rows}
    found = select(ChainAttempt).where(ChainAttempt.send_id.in_(tries)).order_by(ChainAttempt.id)
    for attempt in session.scalars(found):
        tries[attempt.send_id].append(attempt)
    return Page(items=[SendOut.of(row, tries[row.id]) for row in rows], next_cursor=next_cursor)


@router.post(
    "/sends/{send_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Look at a send now",
    responses=responses(Unauthenticated, Forbidden, NoSuchSend, sends.SendFinished),
)
def retry_send(send_id: UUID, admin: Admin, session: SessionDep, now: NowDep) -> SendOut:
    """Carry it on from where it stands, instead of at its next turn. Never sends other bytes for the sake of haste."""
    send = sends.look_again(session, send_id)
    audit.record(session, admin.account_id, "send.retry", send_id, now, was=send.status)
    return SendOut.now(session, send)


@router.post(
    "/status-changes/{change_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send a ticket's refused status again",
    responses=responses(Unauthenticated, Forbidden, StatusChangeUnknown, StatusChangeNotStuck),
)
def retry_status_change(change_id: UUID, admin: Admin, session: SessionDep, now: NowDep) -> StatusChangeOut:
    """Send it under a new transaction. Compare the ticket on chain first: what refused it refuses it again."""
    change = status_changes.retry(session, change_id, now)
    audit.record(session, admin.account_id, "status_change.retry", change_id, now)
    return StatusChangeOut(
        id=change.id,
        ticket_id=change.ticket_id,
        wanted=TicketStatus(change.wanted),
        status=StatusChangeStatus(change.status),
    )
