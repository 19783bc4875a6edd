"""Sales and royalties of a collection as lists: which rows, in which order, in which columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from backend.accounts.addresses import show_address
from backend.kit.lists import Listing
from backend.royalties.models import Sale
from backend.royalties.rules import KINDS
from backend.royalties.schemas import RoyaltyOut, RoyaltyTotal, SaleOut, currency_named, currency_shown
from backend.royalties.statement import BadPeriod

SALE_COLUMNS = (
    "sold_at",
    "network",
    "block_number",
    "tx_hash",
    "log_index",
    "is_final",
    "collection",
    "token_id",
    "quantity",
    "kind",
    "seller",
    "buyer",
    "currency",
    "price",
    "price_decimal",
    "proceeds",
    "proceeds_decimal",
    "royalty_receiver",
    "royalty",
    "royalty_decimal",
    "fee_receiver",
    "fee",
    "fee_decimal",
    "order_hash",
)
ROYALTY_COLUMNS = (
    "sold_at",
    "network",
    "block_number",
    "tx_hash",
    "log_index",
    "is_final",
    "collection",
    "token_id",
    "currency",
    "price",
    "price_decimal",
    "receiver",
    "royalty",
    "royalty_decimal",
)
_NUMBERS = {word: number for number, word in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which sales of a collection; None: whichever. Addresses are 20 bytes, `currency` a code or an address."""

    begin: datetime | None = None
    """Not before, by the block's time."""
    end: datetime | None = None
    """Before."""
    kinds: Sequence[str] = ()
    currency: str | None = None
    is_final: bool | None = None
    token_id: int | None = None
    seller: bytes | None = None
    buyer: bytes | None = None
    receiver: bytes | None = None
    """Of the royalty."""


def sales(network: str, collection: bytes, wanted: Filters, finalized: int) -> Listing:
    """List sales, the newest first. Raises BadPeriod, UnknownCurrency, NotDeployed."""

    def shown(_session: Session, rows: Sequence[Sale]) -> list[SaleOut]:
        return [SaleOut.of(row, finalized) for row in rows]

    return Listing(
        name=f"sales-{show_address(collection)}",
        query=_select(network, collection, wanted, finalized),
        order_by=[Sale.block_number, Sale.log_index],
        shown=shown,
        columns=SALE_COLUMNS,
        cells=SaleOut.cells,
        descending=True,
    )


def royalties(network: str, collection: bytes, wanted: Filters, finalized: int) -> Listing:
    """List the sales that paid a royalty, the newest first. Raises BadPeriod, UnknownCurrency, NotDeployed."""

    def shown(_session: Session, rows: Sequence[Sale]) -> list[RoyaltyOut]:
        return [RoyaltyOut.of(row, finalized) for row in rows]

    return Listing(
        name=f"royalties-{show_address(collection)}",
        query=_select(network, collection, wanted, finalized).where(Sale.royalty > 0),
        order_by=[Sale.block_number, Sale.log_index],
        shown=shown,
        columns=ROYALTY_COLUMNS,
        cells=RoyaltyOut.cells,
        descending=True,
    )


def royalty_totals(session: Session, network: str, listed: Listing) -> list[RoyaltyTotal]:
    """Add up a list of royalties by receiver and currency."""
    rows = listed.query.subquery()
    by = (rows.c.royalty_receiver, rows.c.currency)
    query = select(*by, func.count(), func.sum(rows.c.price), func.sum(rows.c.royalty)).group_by(*by).order_by(*by)
    totals = []
    for receiver, currency, count, price, royalty in session.execute(query):
        code, places = currency_shown(network, currency)
        totals.append(
            RoyaltyTotal(
                receiver=show_address(receiver),
                currency=code,
                decimals=places,
                sales=count,
                price=int(price),
                royalty=int(royalty),
            )
        )
    return totals


def _select(network: str, collection: bytes, wanted: Filters, finalized: int) -> Select[Sale]:
    query = select(Sale).where(Sale.network == network, Sale.collection == collection)
    if wanted.begin is not None and wanted.end is not None and wanted.end < wanted.begin:
        raise BadPeriod
    if wanted.begin is not None:
        query = query.where(Sale.sold_at >= wanted.begin)
    if wanted.end is not None:
        query = query.where(Sale.sold_at < wanted.end)
    if wanted.kinds:
        query = query.where(Sale.kind.in_([_NUMBERS[kind] for kind in wanted.kinds]))
    if wanted.currency is not None:
        query = query.where(Sale.currency == currency_named(network, wanted.currency))
    if wanted.token_id is not None:
        query = query.where(Sale.token_id <= wanted.token_id, Sale.token_id + Sale.quantity > wanted.token_id)
    if wanted.is_final is not None:
        query = query.where(Sale.block_number <= finalized if wanted.is_final else Sale.block_number > finalized)
    sides = ((Sale.seller, wanted.seller), (Sale.buyer, wanted.buyer), (Sale.royalty_receiver, wanted.receiver))
    return query.where(*[column == wallet for column, wallet in sides if wallet is not None])
