"""What an admin may allow a batch that is late."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.access import Principal, Role, allow
from backend.chain.outbox import CeilingNotHigher, SendOver
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.tickets import late
from backend.tickets.admin_schemas import BatchOut
from backend.tickets.cancel import CannotRetry
from backend.tickets.errors import BatchUnknown

router = APIRouter(prefix="/v1/admin", tags=["admin"])

_MOST_GWEI = 1_000_000


class CeilingIn(BaseModel):
    """The most one batch may pay."""

    model_config = ConfigDict(extra="forbid")

    max_fee_gwei: int = Field(gt=0, le=_MOST_GWEI, description="Gwei a unit of gas", examples=[40])


@router.post(
    "/batches/{batch_id}/fee-ceiling",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Let one batch offer a higher fee",
    responses=responses(Unauthenticated, Forbidden, BatchUnknown, CannotRetry, SendOver, CeilingNotHigher),
)
def raise_ceiling(
    batch_id: UUID, body: CeilingIn, _principal: Annotated[Principal, allow(Role.ADMIN)], session: SessionDep
) -> BatchOut:
    """Raise the ceiling of this batch alone, and offer more at once. FEE_CEILING_GWEI stays for all others.

    It holds for the batch's mint and for its cancellation, whichever is unfinished.
    """
    batch, _ = late.raise_ceiling(session, batch_id, body.max_fee_gwei * 10**9)
    return BatchOut.of(batch)
