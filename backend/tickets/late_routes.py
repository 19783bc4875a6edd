"""What an admin may allow a batch, or any other send, that is late."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from backend.accounts import audit
from backend.accounts.access import Principal, Role, allow
from backend.chain import outbox
from backend.chain.models import ChainSend
from backend.chain.outbox import CeilingNotHigher, NoSuchSend, SendOver
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.tickets import late
from backend.tickets.admin_schemas import BatchOut
from backend.tickets.cancel import CannotRetry
from backend.tickets.errors import BatchUnknown
from backend.tickets.send_routes import SendOut

router = APIRouter(prefix="/v1/admin", tags=["admin"])

Admin = Annotated[Principal, allow(Role.ADMIN)]
GWEI = 10**9
_MOST_GWEI = 1_000_000


class CeilingIn(BaseModel):
    """The most that may be paid."""

    model_config = ConfigDict(extra="forbid")

    max_fee_gwei: int = Field(gt=0, le=_MOST_GWEI, description="Gwei a unit of gas", examples=[40])


@router.post(
    "/batches/{batch_id}/fee-ceiling",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Let one batch offer a higher fee",
    responses=responses(Unauthenticated, Forbidden, BatchUnknown, CannotRetry, SendOver, CeilingNotHigher),
)
def raise_ceiling(batch_id: UUID, body: CeilingIn, admin: Admin, session: SessionDep, now: NowDep) -> BatchOut:
    """Raise the ceiling of this batch alone, and offer more at once. FEE_CEILING_GWEI stays for all others.

    It holds for the batch's mint and for its cancellation, whichever is unfinished.
    """
    batch, before = late.raise_ceiling(session, batch_id, body.max_fee_gwei * GWEI)
    _keep(session, admin, "batch.fee_ceiling", batch_id, now, batch.status, before, body)
    return BatchOut.of(batch)


@router.post(
    "/sends/{send_id}/fee-ceiling",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Let one send offer a higher fee",
    responses=responses(Unauthenticated, Forbidden, NoSuchSend, SendOver, CeilingNotHigher),
)
def raise_ceiling_of_send(send_id: UUID, body: CeilingIn, admin: Admin, session: SessionDep, now: NowDep) -> SendOut:
    """Raise the ceiling of this send alone, and offer more at once: also of a claim, a status, a deployment."""
    before = outbox.raise_ceiling(session, [send_id], body.max_fee_gwei * GWEI)
    send = session.get_one(ChainSend, send_id)
    _keep(session, admin, "send.fee_ceiling", send_id, now, send.status, before, body)
    return SendOut.now(session, send)


def _keep(
    session: Session,
    admin: Principal,
    action: str,
    subject_id: UUID,
    now: datetime,
    was: str,
    before: int,
    body: CeilingIn,
) -> None:
    details = {"was": was, "before_wei": str(before), "max_fee_gwei": body.max_fee_gwei}
    audit.record(session, admin.account_id, action, subject_id, now, **details)
