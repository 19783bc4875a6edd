"""What the box office sells on chain: each TicketsBought log is a sale of its collection, provisionally until final."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from backend.chain.facts import Facts, store_new
from backend.chain.onlog import Log, on_log
from backend.kit import bulk
from backend.kit.bulk import ADDRESS, WORD
from backend.royalties.models import Sale
from backend.royalties.rules import PRIMARY
from backend.tickets.rules import ZERO_ADDRESS

_COLLECTION = "TicketCollection"
_TOPICS, _WORDS = 4, 5
_COLUMNS = (
    "network",
    "block_hash",
    "log_index",
    "block_number",
    "tx_hash",
    "collection",
    "sold_at",
    "seller",
    "order_hash",
    "buyer",
    "token_id",
    "quantity",
    "currency",
    "price",
    "fee",
    "fee_receiver",
    "royalty_receiver",
    "royalty",
    "kind",
    "credited",
)


@on_log(_COLLECTION, "TicketsBought")
def keep(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Keep what was bought at the box office, once for each log."""
    facts = Facts.of(network, logs)
    rows = {at: _row(facts, at) for at in facts.places}
    store_new(session, Sale.__tablename__, _COLUMNS, facts, rows)


def _row(facts: Facts, at: int) -> bytes:
    """Return the row of `sales` that a TicketsBought log fills: the collection sold, and keeps the fee as well."""
    rows, data = facts.rows, facts.shape(at, _TOPICS, _WORDS)
    collection, nobody = rows[at + 92 : at + 116], ADDRESS + ZERO_ADDRESS
    fee = int.from_bytes(rows[data + 128 : data + 160], "big")
    return b"".join(
        (
            bulk.count(len(_COLUMNS)) + bulk.text(facts.network),
            rows[at : at + 116],
            bulk.moment(facts.times[rows[at + 4 : at + 36]]),
            collection,
            WORD,
            rows[at + 188 : at + 220],
            ADDRESS,
            rows[at + 236 : at + 256],
            bulk.numeric(int.from_bytes(rows[at + 260 : at + 292], "big")),
            bulk.int4(int.from_bytes(rows[data + 32 : data + 64], "big")),
            ADDRESS,
            rows[data + 76 : data + 96],
            bulk.numeric(int.from_bytes(rows[data + 96 : data + 128], "big")),
            bulk.numeric(fee),
            collection if fee else nobody,
            nobody,
            bulk.numeric(0),
            bulk.int2(PRIMARY),
            bulk.int2(0),
        )
    )
