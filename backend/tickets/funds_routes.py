"""What the keys that mint hold and need, for admins."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import show_address
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.units import Units
from backend.tickets import funds
from backend.tickets.models import Collection, MinterFunds
from backend.tickets.states import CollectionStatus

router = APIRouter(prefix="/v1/admin", tags=["admin"])


class MinterOut(BaseModel):
    """One key that mints. Amounts are wei of the network's own coin."""

    network: str = Field(examples=["eip155:56"])
    address: str = Field(
        description="Send coins here, unless `reason` says that nobody has its key. Zero: the role is nobody's",
        examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
    )
    balance: Units
    needed: Units = Field(description="Below it new sales stop: gas for all tickets owed and a reserve, at today's fee")
    resumes_at: Units = Field(description="From it on stopped sales go on by themselves")
    collections: int = Field(description="Live collections whose minter it is", examples=[3])
    owed_tickets: int = Field(description="Paid and not minted, and in checkouts", examples=[120])
    suspended_since: datetime | None = Field(description="Since when sales are stopped; null: they are not")
    reason: str | None = Field(
        description="Why they are: `minter_balance_low`: it holds less than it needs; `minter_key_missing`: this house "
        "does not have the key (put it back, or rotate the minter); `no_minter`: the role was taken from everybody "
        "(rotate it to a key that is here)",
        examples=["minter_balance_low"],
    )
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
            reason=funds.reason(session, row),
            checked_at=row.checked_at,
        )
        for row in rows
    ]
