"""What happened to one token, from its mint on, by the index."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select, tuple_
from sqlalchemy.orm import Session

from backend.accounts.addresses import show_address
from backend.chain.models import ChainBlock
from backend.kit.lists import Listing
from backend.provenance.schemas import MovementKind, MovementOut
from backend.royalties.models import Sale
from backend.royalties.rules import PRIMARY
from backend.royalties.statement import BadPeriod
from backend.tickets.folding import MINT
from backend.tickets.models import TokenMovement

COLUMNS = (
    "happened_at",
    "network",
    "block_number",
    "tx_hash",
    "log_index",
    "is_final",
    "collection",
    "token_id",
    "kind",
    "from_owner",
    "to_owner",
    "epoch",
    "tier",
    "status",
    "seller",
    "buyer",
    "currency",
    "tickets_sold",
    "price",
    "price_decimal",
    "royalty",
    "royalty_decimal",
    "fee",
    "fee_decimal",
)
_SOLD = (MovementKind.SALE, MovementKind.BUYBACK)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which movements; None: whichever."""

    kinds: Sequence[MovementKind] = ()
    begin: datetime | None = None
    """Not before, by the block's time."""
    end: datetime | None = None
    """Before."""
    is_final: bool | None = None


def listing(network: str, collection: bytes, token_id: int, wanted: Filters, finalized: int) -> Listing:
    """List a token's movements in the order of the chain. Raises BadPeriod."""
    if wanted.begin is not None and wanted.end is not None and wanted.end < wanted.begin:
        raise BadPeriod
    query = select(TokenMovement).where(
        TokenMovement.network == network, TokenMovement.collection == collection, TokenMovement.token_id == token_id
    )
    if wanted.kinds:
        query = query.where(TokenMovement.kind.in_(wanted.kinds))
    if wanted.is_final is not None:
        final = TokenMovement.block_number <= finalized
        query = query.where(final if wanted.is_final else ~final)
    if wanted.begin is not None or wanted.end is not None:
        place = and_(ChainBlock.network == TokenMovement.network, ChainBlock.hash == TokenMovement.block_hash)
        query = query.join(ChainBlock, place)
    if wanted.begin is not None:
        query = query.where(ChainBlock.timestamp >= wanted.begin)
    if wanted.end is not None:
        query = query.where(ChainBlock.timestamp < wanted.end)

    def shown(session: Session, rows: Sequence[TokenMovement]) -> list[MovementOut]:
        return _shown(session, network, rows, finalized)

    return Listing(
        name=f"history-{show_address(collection)}-{token_id}",
        query=query,
        order_by=[TokenMovement.block_number, TokenMovement.log_index],
        shown=shown,
        columns=COLUMNS,
        cells=MovementOut.cells,
    )


def _shown(session: Session, network: str, rows: Sequence[TokenMovement], finalized: int) -> list[MovementOut]:
    blocks = select(ChainBlock.hash, ChainBlock.timestamp).where(
        ChainBlock.network == network, ChainBlock.hash.in_({row.block_hash for row in rows})
    )
    times = dict(session.execute(blocks).all())
    query = select(Sale).where(
        Sale.network == network, tuple_(Sale.tx_hash, Sale.collection).in_({(r.tx_hash, r.collection) for r in rows})
    )
    sales = sorted(session.scalars(query), key=lambda sale: sale.log_index)
    return [MovementOut.of(row, finalized, times.get(row.block_hash), _sale_of(row, sales)) for row in rows]


def _sale_of(row: TokenMovement, sales: Sequence[Sale]) -> Sale | None:
    """Return what the movement was paid by: the first such log after it, for contracts tell of a sale at its end."""
    if row.kind not in {MINT, *_SOLD}:
        return None
    for sale in sales:
        is_after = sale.tx_hash == row.tx_hash and sale.log_index > row.log_index
        is_its_token = sale.token_id <= row.token_id < sale.token_id + sale.quantity
        if is_after and is_its_token and (sale.kind == PRIMARY) == (row.kind == MINT):
            return sale
    return None
