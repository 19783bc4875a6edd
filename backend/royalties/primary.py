"""What the box office sells on chain: each TicketsBought log is a sale of its collection, provisionally until final."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.onlog import Log, on_log
from backend.royalties.models import Sale
from backend.royalties.rules import PRIMARY
from backend.tickets.rules import ZERO_ADDRESS

_COLLECTION = "TicketCollection"


@on_log(_COLLECTION, "TicketsBought")
def keep(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Keep what was bought at the box office, once for each log."""
    rows = [row_of(network, log) for log in logs]
    # A list of rows, not VALUES: a statement has at most 65,535 parameters, a stretch of blocks any number of logs.
    session.execute(insert(Sale).on_conflict_do_nothing(), rows)


def row_of(network: str, log: Log) -> dict[str, Any]:
    """Return the columns of `sales` that a TicketsBought log fills: the collection sold, and keeps the fee as well."""
    said = abi.decode_log(_COLLECTION, "TicketsBought", log.topics, log.data)
    return {
        "network": network,
        "tx_hash": log.tx_hash,
        "log_index": log.log_index,
        "block_hash": log.block_hash,
        "block_number": log.block_number,
        "sold_at": log.block_timestamp,
        "collection": log.address,
        "token_id": said["firstTokenId"],
        "quantity": said["quantity"],
        "seller": log.address,
        "buyer": said["buyer"],
        "currency": said["currency"],
        "price": said["price"],
        "royalty_receiver": ZERO_ADDRESS,
        "royalty": 0,
        "fee_receiver": log.address if said["fee"] else ZERO_ADDRESS,
        "fee": said["fee"],
        "kind": PRIMARY,
        "order_hash": said["quoteId"],
    }
