"""What the keys that mint hold and need, for admins."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, show_address
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.units import Units
from backend.tickets.models import Collection, MinterFunds
from backend.tickets.states import CollectionStatus

router = APIRouter(prefix="/v1/admin", tags=["admin"])


class MinterOut(BaseModel):
    """One key that mints. Amounts are wei of the network's own coin."""

    network: str = Field(examples=["eip155:56"])
    address: AddressText = Field(description="Send coins here")
    balance: Units
    needed: Units = Field(description="Below it new sales stop: gas for all tickets owed and a reserve, at today's fee")
    resumes_at: Units = Field(description="From it on stopped sales go on by themselves")
    collections: int = Field(description="Live collections whose minter it is", examples=[3])
    owed_tickets: int = Field(description="Paid and not minted, and in checkouts", examples=[120])
    suspended_since: datetime | None = Field(description="Since when sales are stopped; null: they are not")
    checked_at: datetime


@router.get("/minters", summary="What the minting keys hold and need", responses=responses(Unauthenticated, Forbidden))
def list_minters(_principal: Annotated[Principal, allow(Role.ADMIN)], session: SessionDep) -> list[MinterOut]:
    """Return them as last looked at, about every 15 seconds."""
    live = select(Collection.network, Collection.minter, func.count()).where(Collection.status == CollectionStatus.LIVE)
    counts = session.execute(live.group_by(Collection.network, Collection.minter))
    counted = {(network, minter): count for network, minter, count in counts}
    rows = session.scalars(select(MinterFunds).order_by(MinterFunds.network, MinterFunds.address))
    return [
        MinterOut(
            network=row.network,
            address=show_address(row.address),
            balance=row.balance,
            needed=row.needed,
            resumes_at=row.resumes_at,
            collections=counted.get((row.network, row.address), 0),
            owed_tickets=row.owed_tickets,
            suspended_since=row.suspended_since,
            checked_at=row.checked_at,
        )
        for row in rows
    ]
