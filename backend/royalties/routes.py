"""Sales, royalties and statements over HTTP."""

from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, parse_address
from backend.accounts.errors import NotYourOrganisation
from backend.chain import progress
from backend.chain.currencies import UnknownCurrency
from backend.chain.deployments import NotDeployed
from backend.kit import lists as kit_lists
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.lists import AskedFor, TooManyLines
from backend.kit.moments import IsoMoment
from backend.kit.pages import BadCursor, Page
from backend.royalties import lists, statement
from backend.royalties.lists import Filters
from backend.royalties.models import Sale
from backend.royalties.rules import totals
from backend.royalties.schemas import RoyaltyPage, SaleOut, StatementOut, TotalOut
from backend.settings import get_settings
from backend.tickets import service as tickets
from backend.tickets.errors import CollectionUnknown
from backend.tickets.paths import CollectionPath

router = APIRouter(tags=["royalties"])

Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]
Bookkeeper = Annotated[Principal, allow(Role.PROMOTER, Role.ADMIN)]
_FROM, _TO = ["2027-06-01T00:00:00Z"], ["2027-07-01T00:00:00Z"]
From = Annotated[IsoMoment, Query(alias="from", description="Not before", examples=_FROM)]
To = Annotated[IsoMoment, Query(description="Before", examples=_TO)]
Kinds = Annotated[list[Literal["PRIMARY", "SALE", "BUYBACK"]], Query(description="May be given again: any of them")]
Seller = Annotated[AddressText | None, Query(description="What this wallet sold; the collection's own: PRIMARY sales")]
Buyer = Annotated[AddressText | None, Query(description="What this wallet bought")]
Receiver = Annotated[AddressText | None, Query(description="What this wallet got")]
TokenId = Annotated[Annotated[int, Field(ge=0, lt=2**53)] | None, Query(description="Sales of this ticket")]
_LIST_ERRORS = (BadCursor, TooManyLines, CollectionUnknown, statement.BadPeriod, UnknownCurrency, NotDeployed)


def _filters(
    begin: Annotated[
        IsoMoment | None, Query(alias="from", description="Not before, by the block's time", examples=_FROM)
    ] = None,
    end: Annotated[IsoMoment | None, Query(alias="to", description="Before, by the block's time", examples=_TO)] = None,
    currency: Annotated[
        str | None, Query(max_length=42, description="Its code (BNB, BKS) or the token's address", examples=["BKS"])
    ] = None,
    final: Annotated[bool | None, Query(description="true: what cannot be undone any more; false: the rest")] = None,
    token_id: TokenId = None,
) -> Filters:
    return Filters(begin=begin, end=end, currency=currency, is_final=final, token_id=token_id)


FiltersDep = Annotated[Filters, Depends(_filters)]


@router.get(
    "/v1/collections/{address}/sales",
    summary="Sales of a collection by the index",
    response_model=Page[SaleOut],
    responses={**kit_lists.answers(lists.SALE_COLUMNS), **responses(*_LIST_ERRORS)},
)
def sales_of_collection(
    address: CollectionPath,
    _principal: Anyone,
    session: SessionDep,
    asked: AskedFor,
    wanted: FiltersDep,
    kind: Kinds = [],  # noqa: B006 - FastAPI copies it
    seller: Seller = None,
    buyer: Buyer = None,
) -> Any:
    """Return what was sold on chain, by the box office and on the market, the newest first. Public, like the chain.

    What is not final may still be undone: a page that was read may then differ from the same page read again, while
    with `final=true` lines are only ever added. Amounts are in the currency's smallest unit; the file has them in whole
    units, too.
    """
    network, collection = get_settings().evm_network, parse_address(address)
    tickets.check_known(session, network, collection)
    chosen = replace(wanted, kinds=kind, seller=_bytes(seller), buyer=_bytes(buyer))
    state = progress.state(session, network)
    listed = lists.sales(network, collection, chosen, progress.finalized(session, network))
    return kit_lists.answer(session, asked, listed, state)


@router.get(
    "/v1/collections/{address}/royalties",
    summary="Royalties that sales of a collection paid",
    response_model=RoyaltyPage,
    responses={**kit_lists.answers(lists.ROYALTY_COLUMNS), **responses(*_LIST_ERRORS)},
)
def royalties_of_collection(
    address: CollectionPath,
    _principal: Anyone,
    session: SessionDep,
    asked: AskedFor,
    wanted: FiltersDep,
    receiver: Receiver = None,
) -> Any:
    """Return what the market paid as royalties, the newest first, and the sums of all that match. Public.

    The sums are on the first page, and not in the file.
    """
    network, collection = get_settings().evm_network, parse_address(address)
    tickets.check_known(session, network, collection)
    chosen = replace(wanted, receiver=_bytes(receiver))
    state = progress.state(session, network)
    listed = lists.royalties(network, collection, chosen, progress.finalized(session, network))
    found = kit_lists.answer(session, asked, listed, state)
    if isinstance(found, Response):
        return found
    sums = None if asked.page.cursor else lists.royalty_totals(session, network, listed)
    return RoyaltyPage(items=found.items, next_cursor=found.next_cursor, totals=sums)


@router.get(
    "/v1/organisations/{organisation_id}/royalties/statement",
    summary="What sales on chain paid in a period",
    responses=responses(Unauthenticated, Forbidden, NotYourOrganisation, statement.BadPeriod),
)
def get_statement(
    organisation_id: UUID, principal: Bookkeeper, session: SessionDep, begin: From, to: To
) -> StatementOut:
    """Add up the final sales of the organisation's collections, by the box office and on the market."""
    principal.must_manage(organisation_id)
    rows = statement.sales(session, organisation_id, begin, to)
    by_network: dict[str, list[Sale]] = {}
    for row in rows:
        by_network.setdefault(row.network, []).append(row)
    shown = [TotalOut.of(network, total) for network, found in by_network.items() for total in totals(found)]
    return StatementOut(organisation_id=organisation_id, begin=begin, end=to, totals=shown)


@router.get(
    "/v1/organisations/{organisation_id}/royalties/statement.csv",
    summary="The statement, line by line",
    response_class=Response,
    responses={
        200: {"content": {"text/csv": {"example": ",".join(statement.COLUMNS)}}},
        **responses(Unauthenticated, Forbidden, NotYourOrganisation, statement.BadPeriod),
    },
)
def get_statement_csv(
    organisation_id: UUID, principal: Bookkeeper, session: SessionDep, begin: From, to: To
) -> Response:
    """Return each final sale. `scripts/royalty_statement.py` makes the same file from the chain alone."""
    principal.must_manage(organisation_id)
    lines = statement.as_csv(statement.sales(session, organisation_id, begin, to))
    return Response("".join(lines), media_type="text/csv")


def _bytes(address: str | None) -> bytes | None:
    return None if address is None else parse_address(address)
