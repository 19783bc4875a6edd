"""Holders and histories over HTTP. Public, like the chain itself; whose a wallet is they do not say."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, parse_address
from backend.chain import progress
from backend.kit import lists
from backend.kit.db import SessionDep
from backend.kit.errors import responses
from backend.kit.lists import AskedFor, TooManyLines
from backend.kit.moments import IsoMoment
from backend.kit.pages import BadCursor, Page
from backend.provenance import history, holders
from backend.provenance.schemas import HolderOut, MovementKind, MovementOut, OnChainStatus
from backend.royalties.statement import BadPeriod
from backend.settings import get_settings
from backend.tickets import holdings_view
from backend.tickets import service as tickets
from backend.tickets.errors import CollectionUnknown, TicketUnknown, TokenUnknown
from backend.tickets.paths import CollectionPath, TokenPath

router = APIRouter(tags=["provenance"])

Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]
Final = Annotated[bool | None, Query(description="true: what cannot be undone any more; false: the rest")]
Tier = Annotated[Annotated[int, Field(ge=0, lt=2**16)] | None, Query(description="Its number on chain", examples=[1])]
_ANY = "May be given again: any of them"


def _filters(
    kind: Annotated[list[MovementKind], Query(description=_ANY)] = [],  # noqa: B006 - FastAPI copies it
    begin: Annotated[
        IsoMoment | None,
        Query(alias="from", description="Not before, by the block's time", examples=["2027-06-01T00:00:00Z"]),
    ] = None,
    end: Annotated[
        IsoMoment | None,
        Query(alias="to", description="Before, by the block's time", examples=["2027-07-01T00:00:00Z"]),
    ] = None,
    final: Final = None,
) -> history.Filters:
    return history.Filters(kind, begin, end, final)


FiltersDep = Annotated[history.Filters, Depends(_filters)]


@router.get(
    "/v1/collections/{address}/holders",
    summary="Who holds the tickets of a collection",
    response_model=Page[HolderOut],
    responses={**lists.answers(holders.COLUMNS), **responses(BadCursor, TooManyLines, CollectionUnknown)},
)
def holders_of_collection(
    address: CollectionPath,
    _principal: Anyone,
    session: SessionDep,
    asked: AskedFor,
    owner: Annotated[AddressText | None, Query(description="Of this wallet; the collection's own: in escrow")] = None,
    status: Annotated[list[OnChainStatus], Query(description=_ANY)] = [],  # noqa: B006 - FastAPI copies it
    tier: Tier = None,
    final: Final = None,
) -> Any:
    """Return one line for each token there is, by its id; burned ones are left out. Public, like the chain itself."""
    network, collection = get_settings().evm_network, parse_address(address)
    tickets.check_known(session, network, collection)
    wanted = holders.Filters(parse_address(owner) if owner else None, status, tier, final)
    state = progress.state(session, network)
    return lists.answer(session, asked, holders.listing(network, collection, wanted), state)


@router.get(
    "/v1/collections/{address}/tickets/{token_id}/history",
    summary="What happened to a token",
    response_model=Page[MovementOut],
    responses={**lists.answers(history.COLUMNS), **responses(BadCursor, TooManyLines, TokenUnknown, BadPeriod)},
)
def history_of_token(
    address: CollectionPath,
    token_id: TokenPath,
    _principal: Anyone,
    session: SessionDep,
    asked: AskedFor,
    wanted: FiltersDep,
) -> Any:
    """Return its mint, moves, changes of status and burning in the order of the chain, each with what was paid.

    Public, like the chain itself. What is not final may still be undone.
    """
    network, collection = get_settings().evm_network, parse_address(address)
    holdings_view.token(session, network, collection, token_id)
    return _history(session, asked, network, collection, token_id, wanted)


@router.get(
    "/v1/tickets/{ticket_id}/history",
    summary="What happened to a ticket",
    response_model=Page[MovementOut],
    responses={**lists.answers(history.COLUMNS), **responses(BadCursor, TooManyLines, TicketUnknown, BadPeriod)},
)
def history_of_ticket(
    ticket_id: UUID, _principal: Anyone, session: SessionDep, asked: AskedFor, wanted: FiltersDep
) -> Any:
    """Return what happened to its token in the order of the chain; nothing before the mint is seen.

    Public, as its offers are: it says what the chain says, and not whose ticket it is.
    """
    found = tickets.token_of(session, ticket_id)
    if found is None:
        return _history(session, asked, get_settings().evm_network, bytes(20), 0, wanted)
    return _history(session, asked, *found, wanted)


def _history(
    session: SessionDep, asked: AskedFor, network: str, collection: bytes, token_id: int, wanted: history.Filters
) -> Any:
    state = progress.state(session, network)
    listed = history.listing(network, collection, token_id, wanted, progress.finalized(session, network))
    return lists.answer(session, asked, listed, state)
