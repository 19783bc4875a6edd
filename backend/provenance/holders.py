"""Who holds the tokens of a collection, by the index."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.addresses import show_address
from backend.kit.lists import Listing
from backend.provenance.schemas import HolderOut, OnChainStatus
from backend.tickets.models import Holding
from backend.tickets.rules import ON_CHAIN_STATUS, ZERO_ADDRESS
from backend.tickets.states import TicketStatus

COLUMNS = (
    "network",
    "collection",
    "token_id",
    "owner",
    "is_escrowed",
    "tier",
    "status",
    "epoch",
    "minted_block",
    "changed_block",
    "is_final",
)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tokens of a collection; None: whichever. `owner` is 20 bytes."""

    owner: bytes | None = None
    statuses: Sequence[OnChainStatus] = ()
    tier: int | None = None
    is_final: bool | None = None


def listing(network: str, collection: bytes, wanted: Filters) -> Listing:
    """List the tokens there are by their id, which no log changes: a page never repeats one. Burned ones are gone."""
    query = select(Holding).where(
        Holding.network == network, Holding.collection == collection, Holding.owner != ZERO_ADDRESS
    )
    if wanted.owner is not None:
        query = query.where(Holding.owner == wanted.owner)
    if wanted.statuses:
        numbers = [ON_CHAIN_STATUS.index(TicketStatus(status)) for status in wanted.statuses]
        query = query.where(Holding.status.in_(numbers))
    if wanted.tier is not None:
        query = query.where(Holding.tier == wanted.tier)
    if wanted.is_final is not None:
        query = query.where(Holding.final.is_(wanted.is_final))
    return Listing(
        name=f"holders-{show_address(collection)}",
        query=query,
        order_by=[Holding.token_id],
        shown=_shown,
        columns=COLUMNS,
        cells=HolderOut.model_dump,
    )


def _shown(_session: Session, rows: Sequence[Holding]) -> list[HolderOut]:
    return [HolderOut.of(row) for row in rows]
