"""Which logs royalties reads: the market's sales. Provisionally into `sales`; into the books when final."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

import backend.royalties.audit  # noqa: F401 - it registers itself
from backend.chain import abi
from backend.chain.deployments import deployment
from backend.chain.onlog import Log, Touched, Watch, on_log, on_undo, projects, watches, when_final
from backend.kit import clock
from backend.royalties import books, late
from backend.royalties.models import Sale

_MARKET = "ResaleMarket"

projects(Sale)


@watches
def the_market(_session: Session, network: str) -> list[Watch]:
    """Name the market, where there is one."""
    found = deployment(network)
    address = found.addresses.get(_MARKET)
    return [] if address is None else [Watch(_MARKET, address, found.blocks[_MARKET])]


@on_log(_MARKET, "Sale")
def keep(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Keep who paid what to whom, once for each log."""
    rows = [row_of(network, log) for log in logs]
    session.execute(insert(Sale).values(rows).on_conflict_do_nothing())


@on_undo
def forget(session: Session, network: str, from_block: int, _touched: Touched) -> None:
    """Forget the sales of undone blocks."""
    session.execute(
        delete(Sale)
        .where(Sale.network == network, Sale.block_number >= from_block)
        .execution_options(synchronize_session=False)
    )


@when_final(_MARKET, "Sale")
def post(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Post each sale to its promoter's books, from the log itself."""
    for log in logs:
        sale = Sale(**row_of(network, log))
        books.post(session, sale, clock.now())
        late.note(session, sale)


def row_of(network: str, log: Log) -> dict[str, Any]:
    """Return the columns of `sales` that a Sale log fills."""
    said = abi.decode_log(_MARKET, "Sale", log.topics, log.data)
    return {
        "network": network,
        "tx_hash": log.tx_hash,
        "log_index": log.log_index,
        "block_hash": log.block_hash,
        "block_number": log.block_number,
        "sold_at": log.block_timestamp,
        "collection": said["collection"],
        "token_id": said["tokenId"],
        "seller": said["seller"],
        "buyer": said["buyer"],
        "currency": said["currency"],
        "price": said["price"],
        "royalty_receiver": said["royaltyReceiver"],
        "royalty": said["royalty"],
        "fee_receiver": said["feeReceiver"],
        "fee": said["fee"],
        "kind": said["kind"],
        "order_hash": said["orderHash"],
    }
