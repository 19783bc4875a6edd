"""Sales and statements over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, show_address
from backend.accounts.errors import NotYourOrganisation
from backend.chain.currencies import UnknownCurrency, code_of
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.moments import IsoMoment
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.kit.units import Units
from backend.royalties import statement
from backend.royalties.models import Sale
from backend.royalties.rules import CREDITED, KINDS, Total, totals
from backend.settings import get_settings

router = APIRouter(tags=["royalties"])

Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]
Bookkeeper = Annotated[Principal, allow(Role.PROMOTER, Role.ADMIN)]
From = Annotated[IsoMoment, Query(alias="from", description="Not before", examples=["2027-06-01T00:00:00Z"])]
To = Annotated[IsoMoment, Query(description="Before", examples=["2027-07-01T00:00:00Z"])]
_HASH = "0x" + "ab" * 32


class SaleOut(BaseModel):
    """One sale of the market; seller + royalty + fee = price, to the unit."""

    network: str = Field(examples=["eip155:31337"])
    tx_hash: str = Field(examples=[_HASH])
    log_index: int = Field(examples=[4])
    block_number: int = Field(examples=[1234])
    sold_at: datetime = Field(description="The block's time")
    collection: AddressText
    token_id: int = Field(examples=[65536])
    kind: str = Field(description="SALE or BUYBACK", examples=["SALE"])
    seller: AddressText
    buyer: AddressText
    currency: str = Field(description="Its code, or the token's address", examples=["BKS"])
    price: Units
    proceeds: Units = Field(description="What the seller got")
    royalty_receiver: str
    royalty: Units
    fee_receiver: str
    fee: Units
    credited: list[str] = Field(
        description="Whose share could not be paid and waits in the market, to withdraw: SELLER, ROYALTY_RECEIVER, "
        "FEE_RECEIVER. See `GET /v1/wallets/{address}/credits`",
        examples=[[]],
    )
    order_hash: str = Field(description="Of the listing, offer or turn", examples=[_HASH])

    @classmethod
    def of(cls, row: Sale) -> "SaleOut":
        """Show a row."""
        return cls(
            network=row.network,
            tx_hash="0x" + row.tx_hash.hex(),
            log_index=row.log_index,
            block_number=row.block_number,
            sold_at=row.sold_at,
            collection=show_address(row.collection),
            token_id=row.token_id,
            kind=KINDS[row.kind],
            seller=show_address(row.seller),
            buyer=show_address(row.buyer),
            currency=_currency(row.network, row.currency),
            price=row.price,
            proceeds=row.proceeds,
            # Not AddressText: nobody, the zero address, where there is no royalty or fee.
            royalty_receiver=show_address(row.royalty_receiver),
            royalty=row.royalty,
            fee_receiver=show_address(row.fee_receiver),
            fee=row.fee,
            credited=[name for name, bit in CREDITED.items() if row.credited & bit],
            order_hash="0x" + row.order_hash.hex(),
        )


class TotalOut(BaseModel):
    """Sales of one collection, kind and currency."""

    collection: AddressText
    kind: str = Field(examples=["SALE"])
    currency: str = Field(examples=["BKS"])
    sales: int = Field(examples=[12])
    price: Units
    proceeds: Units
    royalty: Units
    fee: Units

    @classmethod
    def of(cls, network: str, total: Total) -> "TotalOut":
        """Show a total."""
        return cls(
            collection=show_address(total.collection),
            kind=KINDS[total.kind],
            currency=_currency(network, total.currency),
            sales=total.sales,
            price=total.price,
            proceeds=total.proceeds,
            royalty=total.royalty,
            fee=total.fee,
        )


class StatementOut(BaseModel):
    """What a period's sales came to. The lines are in the CSV."""

    organisation_id: UUID
    begin: datetime
    end: datetime
    totals: list[TotalOut]


@router.get(
    "/v1/collections/{address}/sales", summary="Sales of a collection by the index", responses=responses(BadCursor)
)
def sales_of_collection(
    address: Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")],
    _principal: Anyone,
    session: SessionDep,
    page: PageParams,
) -> Page[SaleOut]:
    """Return its sales, the newest first; the newest may still be undone. Public, like the chain itself."""
    query = select(Sale).where(
        Sale.network == get_settings().evm_network, Sale.collection == bytes.fromhex(address[2:])
    )
    rows, cursor = paginate(session, query, [Sale.block_number, Sale.log_index], page, descending=True)
    return Page(items=[SaleOut.of(row) for row in rows], next_cursor=cursor)


@router.get(
    "/v1/organisations/{organisation_id}/royalties/statement",
    summary="What resale paid in a period",
    responses=responses(Unauthenticated, Forbidden, NotYourOrganisation, statement.BadPeriod),
)
def get_statement(
    organisation_id: UUID, principal: Bookkeeper, session: SessionDep, begin: From, to: To
) -> StatementOut:
    """Add up the final sales of the organisation's collections."""
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


def _currency(network: str, address: bytes) -> str:
    try:
        return code_of(network, address)
    except UnknownCurrency:
        return show_address(address)
