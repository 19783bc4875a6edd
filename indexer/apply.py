"""One stretch of blocks into the database: facts, what they mean, and the cursor, all in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain import abi, onlog
from backend.chain.models import ChainBlock, ChainCursor, ChainLog, CursorStatus
from backend.chain.onlog import Log, Subscription, Touched
from backend.chain.progress import FACTS_CURSOR
from backend.kit import clock
from indexer.fetch import Mark, Stretch
from indexer.node import Filter, Header, RawLog

_COPY_BLOCKS = """
    COPY chain_blocks (network, hash, number, parent_hash, timestamp, canonical) FROM STDIN (FORMAT BINARY)
"""
_COPY_LOGS = """
    COPY chain_logs (network, block_hash, log_index, block_number, tx_hash, tx_index, address, topics, data)
    FROM STDIN (FORMAT BINARY)
"""
_BLOCK_TYPES = ("varchar", "bytea", "int8", "bytea", "timestamptz", "bool")
_LOG_TYPES = ("varchar", "bytea", "int4", "int8", "bytea", "int4", "bytea", "bytea[]", "bytea")


class Moved(Exception):
    """The cursor is not where we left it: somebody else wrote, or the database was restored. Start afresh from it."""


class Discovered(Exception):
    """These facts change which contracts we read; the stretch must be completed by `wanted` and applied again."""

    def __init__(self, wanted: Filter) -> None:
        """Carry what to read from now on."""
        super().__init__("the stretch changes what is watched")
        self.wanted = wanted


class HandlerFailed(Exception):
    """A handler in a capability's `onchain.py` raised; the transaction is rolled back."""

    def __init__(self, name: str, error: Exception) -> None:
        """Name the handler and keep what it raised."""
        super().__init__(f"{name}: {error!r}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Place:
    """How far the index is: everything up to `mark` is applied, everything up to `finalized` is final."""

    mark: Mark
    finalized: int


def watched(session: Session, network: str) -> dict[bytes, str]:
    """Return the contracts to read: names of their interfaces by address."""
    return {address: watch.contract for address, watch in onlog.watched_addresses(session, network).items()}


def filter_of(contracts: dict[bytes, str]) -> Filter:
    """Return which logs to ask for: every event of the interfaces, however the node is asked."""
    topics = {name: frozenset(abi.interface(name).events_by_topic) for name in set(contracts.values())}
    return {address: topics[name] for address, name in contracts.items()}


def apply(session: Session, network: str, at: Place, stretch: Stretch | None, finalized: int, undo_to: Mark) -> Place:
    """Undo blocks above `undo_to`, then apply `stretch`, which continues it. Return the new place.

    `at` is where the caller believes the cursor to be. Raises Moved, Discovered, HandlerFailed.
    """
    cursor = _locked_cursor(session, network)
    if cursor is None or (cursor.block_number, cursor.block_hash) != (at.mark.number, at.mark.hash):
        raise Moved(f"the cursor of {network} is not at block {at.mark.number} any more")
    end = undo_to if stretch is None else stretch.end
    place = Place(end, max(cursor.finalized_number, min(finalized, end.number)))
    # Before the handlers run: they ask the cursor what is final.
    _write_cursor(session, network, place)
    if undo_to != at.mark:
        _undo(session, network, undo_to)
    if stretch is not None:
        _store(session, network, stretch, place.finalized)
    contracts = watched(session, network)
    if stretch is not None:
        wanted = filter_of(contracts)
        if wanted != stretch.wanted:
            raise Discovered(wanted)
        _project(session, network, contracts, stretch)
    return place


def start(session: Session, network: str, base: Header) -> Place:
    """Put the cursor on `base`, the block before the first that is read. What was final before stays final."""
    _copy(session, _COPY_BLOCKS, _BLOCK_TYPES, [_block_row(network, base)])
    begun = insert(ChainCursor).values(
        network=network,
        name=FACTS_CURSOR,
        block_number=base.number,
        block_hash=base.hash,
        finalized_number=base.number,
        status=CursorStatus.RUNNING,
        updated_at=clock.now(),
    )
    row = begun.excluded
    again = begun.on_conflict_do_update(
        index_elements=[ChainCursor.network, ChainCursor.name],
        set_={
            "block_number": row.block_number,
            "block_hash": row.block_hash,
            "finalized_number": func.greatest(ChainCursor.finalized_number, row.finalized_number),
            "updated_at": row.updated_at,
        },
    )
    finalized = session.scalar(again.returning(ChainCursor.finalized_number))
    return Place(Mark(base.number, base.hash), finalized or base.number)


def place(session: Session, network: str) -> Place | None:
    """Return where the index is; None before its first block."""
    row = session.get(ChainCursor, (network, FACTS_CURSOR), populate_existing=True)
    if row is None or row.block_hash is None:
        return None
    return Place(Mark(row.block_number, row.block_hash), row.finalized_number)


def say(session: Session, network: str, status: CursorStatus, error: str | None) -> None:
    """Write how the facts' reader is, for status, health and gauges."""
    session.execute(
        update(ChainCursor)
        .where(ChainCursor.network == network, ChainCursor.name == FACTS_CURSOR)
        .values(status=status, error=error, updated_at=clock.now())
    )


def as_log(network: str, raw: RawLog, header: Header) -> Log:
    """Return the log as handlers know it."""
    return Log(
        network,
        raw.block_number,
        raw.block_hash,
        header.timestamp,
        raw.tx_hash,
        raw.log_index,
        raw.address,
        raw.topics,
        raw.data,
    )


def chosen(subscription: Subscription, contracts: dict[bytes, str], logs: Sequence[Log]) -> list[Log]:
    """Return the logs a handler asked for, in their order."""
    topics = {abi.topic(subscription.contract, event) for event in subscription.events}
    return [log for log in logs if log.topics[0] in topics and contracts.get(log.address) == subscription.contract]


def _locked_cursor(session: Session, network: str) -> ChainCursor | None:
    query = select(ChainCursor).where(ChainCursor.network == network, ChainCursor.name == FACTS_CURSOR)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()


def _write_cursor(session: Session, network: str, place: Place) -> None:
    session.execute(
        update(ChainCursor)
        .where(ChainCursor.network == network, ChainCursor.name == FACTS_CURSOR)
        .values(
            block_number=place.mark.number,
            block_hash=place.mark.hash,
            finalized_number=place.finalized,
            status=CursorStatus.RUNNING,
            error=None,
            updated_at=clock.now(),
        )
    )


def _undo(session: Session, network: str, undo_to: Mark) -> None:
    """Delete the facts of the dead branch, then let the handlers repair what they had made of them."""
    lost = session.execute(
        delete(ChainLog)
        .where(ChainLog.network == network, ChainLog.block_number > undo_to.number)
        .returning(ChainLog.address, ChainLog.topics)
        .execution_options(synchronize_session=False)
    )
    touched: Touched = {(address, topic) for address, topics in lost for topic in topics[1:]}
    session.execute(
        delete(ChainBlock)
        .where(ChainBlock.network == network, ChainBlock.number > undo_to.number)
        .execution_options(synchronize_session=False)
    )
    for handle in onlog.registered.undo:
        try:
            handle(session, network, undo_to.number + 1, touched)
        except Exception as error:
            raise HandlerFailed(f"{handle.__module__}.{handle.__qualname__}", error) from error


def _store(session: Session, network: str, stretch: Stretch, finalized: int) -> None:
    """Write the facts. Of final blocks only those that hold something of ours are kept, and the newest."""
    speaking = {log.block_hash for log in stretch.logs} | {stretch.end.hash}
    kept = [header for header in stretch.headers if header.number >= finalized or header.hash in speaking]
    _copy(session, _COPY_BLOCKS, _BLOCK_TYPES, [_block_row(network, header) for header in kept])
    _copy(session, _COPY_LOGS, _LOG_TYPES, [_log_row(network, log) for log in stretch.logs])


def _project(session: Session, network: str, contracts: dict[bytes, str], stretch: Stretch) -> None:
    headers = {header.hash: header for header in stretch.headers}
    logs = [as_log(network, raw, headers[raw.block_hash]) for raw in stretch.logs]
    for subscription in onlog.registered.seen:
        mine = chosen(subscription, contracts, logs)
        if not mine:
            continue
        try:
            subscription.handle(session, network, mine)
            session.flush()
        except Exception as error:
            raise HandlerFailed(subscription.name, error) from error


def _block_row(network: str, header: Header) -> tuple[object, ...]:
    return (network, header.hash, header.number, header.parent_hash, header.timestamp, True)


def _log_row(network: str, log: RawLog) -> tuple[object, ...]:
    place = (network, log.block_hash, log.log_index, log.block_number, log.tx_hash, log.tx_index)
    return (*place, log.address, list(log.topics), log.data)


def _copy(session: Session, statement: str, types: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """COPY rows inside the session's own transaction."""
    if not rows:
        return
    raw = session.connection().connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("the index is written through psycopg 3")
    with raw.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
