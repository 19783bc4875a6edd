"""Which logs resale reads: the market's, and what happens to the tickets that are listed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.deployments import deployment
from backend.chain.onlog import Log, Touched, Watch, on_log, on_undo, projects, watches, when_final
from backend.kit import clock
from backend.kit.nudges import nudge
from backend.resale import line, standing
from backend.resale.models import MarketLog, MarketOrder
from backend.resale.states import LogKind, Status

# First, so that its handlers are: what is listed is compared with holdings that are up to date.
from backend.tickets import onchain as _tickets  # noqa: F401
from backend.tickets.models import Collection

_MARKET, _COLLECTION = "ResaleMarket", "TicketCollection"
_KINDS = {"Sale": LogKind.SOLD, "OrderCancelled": LogKind.CANCELLED, "AllOrdersCancelled": LogKind.ALL_CANCELLED}

projects(MarketLog)


@watches
def the_market(_session: Session, network: str) -> list[Watch]:
    """Name the market, where there is one."""
    found = deployment(network)
    address = found.addresses.get(_MARKET)
    return [] if address is None else [Watch(_MARKET, address, found.blocks[_MARKET])]


@on_log(_MARKET, *_KINDS)
def note_orders(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Write down what the market says of orders and look at those again."""
    rows = [_row(network, log) for log in logs]
    session.execute(insert(MarketLog).values(rows).on_conflict_do_nothing())
    now = clock.now()
    standing.of_hashes(session, network, [row["order_hash"] for row in rows if row["order_hash"]], now)
    standing.of_signers(session, network, [row["signer"] for row in rows if row["counter"] is not None], now)


@on_log(_COLLECTION, "Transfer", "StatusChanged")
def follow_tickets(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Look again at what was signed about tickets that moved or changed."""
    tokens = {(log.address, int.from_bytes(log.topics[-1], "big")) for log in logs}
    standing.of_tokens(session, network, _signed_about(session, network, tokens), clock.now())


@on_log(_COLLECTION, "RulesChanged", "ScopesPaused", "TierPublished", "RoyaltyChanged")
def follow_rules(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Have the chain asked which orders the new rules refuse."""
    addresses = {log.address for log in logs}
    query = select(Collection.id).where(Collection.network == network, Collection.address.in_(addresses))
    for collection_id in session.scalars(query):
        nudge(session, "resale.read_rules", collection_id)


@on_log(_MARKET, "FeeChanged")
def follow_fee(session: Session, network: str, _logs: Sequence[Log]) -> None:
    """Have the chain asked which listings agreed to a lower fee."""
    query = (
        select(Collection.id)
        .join(MarketOrder, MarketOrder.event_id == Collection.event_id)
        .where(MarketOrder.network == network, MarketOrder.status == Status.LISTED)
        .distinct()
    )
    for collection_id in session.scalars(query):
        nudge(session, "resale.read_rules", collection_id)


@on_undo
def forget(session: Session, network: str, from_block: int, touched: Touched) -> None:
    """Forget what undone blocks said of orders, and look again at whatever they touched."""
    gone = session.execute(
        delete(MarketLog)
        .where(MarketLog.network == network, MarketLog.block_number >= from_block)
        .returning(MarketLog.order_hash, MarketLog.signer)
        .execution_options(synchronize_session=False)
    ).all()
    now = clock.now()
    standing.of_hashes(session, network, [row[0] for row in gone if row[0]], now)
    standing.of_signers(session, network, [row[1] for row in gone], now)
    tokens = {(address, int.from_bytes(topic, "big")) for address, topic in touched}
    standing.of_tokens(session, network, _signed_about(session, network, tokens), now)


@when_final(_MARKET, "Sale")
def settle(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Settle the orders whose sale cannot be undone any more."""
    hashes = [abi.decode_log(_MARKET, "Sale", log.topics, log.data)["orderHash"] for log in logs]
    query = select(MarketOrder).where(MarketOrder.network == network, MarketOrder.order_hash.in_(hashes))
    now = clock.now()
    rows = session.scalars(query.order_by(MarketOrder.id).with_for_update()).all()
    for row in rows:
        row.settled_at = row.settled_at or now
    standing.look_again(session, rows, now)
    line.served(session, {row.place_id for row in rows if row.place_id is not None}, now)


def _row(network: str, log: Log) -> dict[str, Any]:
    event = abi.interface(_MARKET).events_by_topic[log.topics[0]]
    said = abi.decode_log(_MARKET, event, log.topics, log.data)
    return {
        "network": network,
        "block_hash": log.block_hash,
        "log_index": log.log_index,
        "block_number": log.block_number,
        "tx_hash": log.tx_hash,
        "kind": _KINDS[event],
        "signer": said["seller"] if event == "Sale" else said["signer"],
        "order_hash": said.get("orderHash"),
        "counter": said.get("counter"),
    }


def _signed_about(session: Session, network: str, touched: set[standing.Token]) -> set[standing.Token]:
    """Return those tokens of which anything was ever signed: of a backfill's hardly any."""
    query = select(MarketOrder.collection, MarketOrder.token_id).where(
        MarketOrder.network == network, MarketOrder.collection.in_({address for address, _ in touched})
    )
    return {(row[0], row[1]) for row in session.execute(query.distinct())} & touched
