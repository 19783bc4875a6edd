"""One stretch of blocks into the database: facts, what they mean, and the cursor, all in one transaction."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain import abi, onlog
from backend.chain.facts import COLUMNS, Facts
from backend.chain.models import ChainBlock, ChainCursor, ChainLog, CursorStatus
from backend.chain.onlog import Log, Subscription, Touched
from backend.chain.progress import FACTS_CURSOR
from backend.kit import bulk, clock
from indexer.fetch import Mark, Stretch
from indexer.node import Filter, Header

_BLOCK_COLUMNS = ("network", "hash", "number", "parent_hash", "timestamp", "canonical")


class Moved(Exception):
    """The cursor is not where we left it: somebody else wrote, or the database was restored. Start afresh from it."""


class Discovered(Exception):
    """These facts change which contracts we read; the stretch must be completed and applied again."""

    def __init__(self, contracts: dict[bytes, str]) -> None:
        """Carry what to read from now on: see `watched`."""
        super().__init__("the stretch changes what is watched")
        self.contracts = contracts


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
    end = undo_to if stretch is None else stretch.end
    # Before the handlers run: they ask the cursor what is final.
    checkpoint = _move_cursor(session, network, at.mark, end, finalized)
    if checkpoint is None:
        raise Moved(f"the cursor of {network} is not at block {at.mark.number} any more")
    place = Place(end, checkpoint)
    if undo_to != at.mark:
        _undo(session, network, undo_to)
    if stretch is not None:
        _store(session, network, stretch, place.finalized)
    contracts = watched(session, network)
    if stretch is not None:
        if filter_of(contracts) != stretch.wanted:
            raise Discovered(contracts)
        _project(session, network, contracts, stretch)
    return place


def start(session: Session, network: str, base: Header) -> Place:
    """Put the cursor on `base`, the block before the first that is read. What was final before stays final."""
    _copy_blocks(session, network, [base])
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


def chosen(subscription: Subscription, contracts: dict[bytes, str], logs: Sequence[Log]) -> Sequence[Log]:
    """Return the logs a handler asked for, in their order."""
    topics = {abi.topic(subscription.contract, event) for event in subscription.events}
    if isinstance(logs, Facts):
        kinds = (kind for kind in logs.by_kind if contracts.get(kind[:20]) == subscription.contract)
        return logs.chosen(kind for kind in kinds if kind[20:] in topics)
    return [log for log in logs if log.topics[0] in topics and contracts.get(log.address) == subscription.contract]


def prepare(contracts: dict[bytes, str], logs: Facts) -> None:
    """Have read what the handlers will ask for of these logs."""
    for subscription in onlog.registered.seen:
        mine = chosen(subscription, contracts, logs) if subscription.reads is not None else []
        if isinstance(mine, Facts) and mine and subscription.reads is not None:
            # What cannot be read is the handler's to say: it asks again, inside its transaction.
            with suppress(Exception):
                mine.told(subscription.reads)


def _move_cursor(session: Session, network: str, at: Mark, end: Mark, finalized: int) -> int | None:
    """Move the cursor from `at` to `end`, its checkpoint never back. Return that; None when it was not at `at`."""
    moved = (
        update(ChainCursor)
        .where(
            ChainCursor.network == network,
            ChainCursor.name == FACTS_CURSOR,
            ChainCursor.block_number == at.number,
            ChainCursor.block_hash == at.hash,
        )
        .values(
            block_number=end.number,
            block_hash=end.hash,
            finalized_number=func.greatest(ChainCursor.finalized_number, min(finalized, end.number)),
            status=CursorStatus.RUNNING,
            error=None,
            updated_at=clock.now(),
        )
        .returning(ChainCursor.finalized_number)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(moved)


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
    speaking = stretch.logs.times
    last = stretch.end.hash
    kept = [each for each in stretch.headers if each.number >= finalized or each.hash in speaking or each.hash == last]
    _copy_blocks(session, network, kept)
    bulk.copy(session, "chain_logs", COLUMNS, [stretch.logs.rows])


def _project(session: Session, network: str, contracts: dict[bytes, str], stretch: Stretch) -> None:
    for subscription in onlog.registered.seen:
        mine = chosen(subscription, contracts, stretch.logs)
        if not mine:
            continue
        try:
            subscription.handle(session, network, mine)
            session.flush()
        except Exception as error:
            raise HandlerFailed(subscription.name, error) from error


def _copy_blocks(session: Session, network: str, headers: Sequence[Header]) -> None:
    head, canonical = bulk.count(len(_BLOCK_COLUMNS)) + bulk.text(network), bulk.flag(value=True)
    rows = (
        b"".join(
            (
                head,
                bulk.raw(header.hash),
                bulk.int8(header.number),
                bulk.raw(header.parent_hash),
                bulk.moment(header.timestamp),
                canonical,
            )
        )
        for header in headers
    )
    bulk.copy(session, "chain_blocks", _BLOCK_COLUMNS, rows)
