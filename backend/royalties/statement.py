"""A promoter's statement: what the sales of its collections on chain paid to whom in a period. Final sales only.

Those of the box office (PRIMARY) that were paid on chain are among them; what was paid by card is in the ledger alone.

`scripts/royalty_statement.py` recomputes the same file from the chain alone; what differs is a defect here.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from backend.accounts.addresses import show_address
from backend.chain.models import ChainCursor
from backend.chain.progress import FACTS_CURSOR
from backend.kit.errors import Invalid
from backend.royalties.models import Sale
from backend.royalties.rules import KINDS
from backend.tickets.models import Collection

COLUMNS = (
    "sold_at",
    "network",
    "block",
    "tx_hash",
    "log_index",
    "collection",
    "token_id",
    "quantity",
    "kind",
    "currency",
    "price",
    "royalty_receiver",
    "royalty",
    "fee_receiver",
    "fee",
    "seller",
    "proceeds",
    "buyer",
    "order_hash",
)


class BadPeriod(Invalid):
    """The period ends before it begins."""

    code = "bad_period"


def sales(session: Session, organisation_id: UUID, begin: datetime, end: datetime) -> Sequence[Sale]:
    """Return the final sales with begin <= sold_at < end, in the order of the chain. Raises BadPeriod."""
    if end < begin:
        raise BadPeriod
    query = (
        select(Sale)
        .join(Collection, and_(Collection.network == Sale.network, Collection.address == Sale.collection))
        .where(
            Collection.organisation_id == organisation_id,
            Sale.sold_at >= begin,
            Sale.sold_at < end,
            is_final(),
        )
        .order_by(Sale.network, Sale.block_number, Sale.log_index)
    )
    return session.scalars(query).all()


def is_final() -> ColumnElement[bool]:
    """Say of a sale that its block is final."""
    final = select(func.max(ChainCursor.finalized_number)).where(
        ChainCursor.network == Sale.network, ChainCursor.name == FACTS_CURSOR
    )
    return Sale.block_number <= final.correlate(Sale).scalar_subquery()


def as_csv(rows: Iterable[Sale]) -> Iterator[str]:
    """Write the statement's lines, a heading first (RFC 4180). Amounts are in the smallest unit."""
    yield _line(COLUMNS)
    for sale in rows:
        yield _line(
            (
                sale.sold_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                sale.network,
                sale.block_number,
                "0x" + sale.tx_hash.hex(),
                sale.log_index,
                show_address(sale.collection),
                sale.token_id,
                sale.quantity,
                KINDS[sale.kind],
                show_address(sale.currency),
                sale.price,
                show_address(sale.royalty_receiver),
                sale.royalty,
                show_address(sale.fee_receiver),
                sale.fee,
                show_address(sale.seller),
                sale.proceeds,
                show_address(sale.buyer),
                "0x" + sale.order_hash.hex(),
            )
        )


def _line(values: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue()
