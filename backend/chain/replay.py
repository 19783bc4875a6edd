"""The projections once more from the facts, beside those that stand: both must come out the same to the byte.

The handlers run as they always do, only that every table they write is hidden by an empty temporary one of the same
name: Postgres looks there first. One snapshot holds facts and projections of one moment, so a follower that goes on
is neither seen nor disturbed, and everything is rolled back. What a handler reads must be facts, the cursor, or
projections: another table is empty here, and a handler that depends on one is found out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

import psycopg
from sqlalchemy import Table, delete, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.chain import abi, onlog
from backend.chain.models import ChainBlock, ChainCursor, ChainLog
from backend.chain.onlog import Log, Subscription
from backend.chain.stored import logs_of, stored_logs
from backend.kit.db import Base

_LOGS_AT_ONCE = 10_000
_SHOWN = 5
_KEPT = frozenset({table.__tablename__ for table in (ChainBlock, ChainLog, ChainCursor)})
Told = Callable[[int, int], None]
"""Told how far a replay is: the block reached, and how many logs came since the last time."""


@dataclass(frozen=True, slots=True)
class TableCheck:
    """A projection as it stands and as the facts give it: SHA-256 (hex) over its rows, and what differs in words."""

    table: str
    stands: str
    replayed: str
    differs: tuple[str, ...] = ()


_FOLLOWS_FINALITY = frozenset({"final"})
"""Columns that follow finality, which moves on behind the logs: a replay cannot give them back as they stand."""


def compared(table: Table, *, whole: bool = False) -> list[str]:
    """Return the columns that count, in their order; all of them when `whole`."""
    return [column.name for column in table.columns if whole or column.name not in _FOLLOWS_FINALITY]


def projections() -> list[Table]:
    """Return every projection, by name."""
    return sorted(onlog.registered.projections, key=lambda table: table.name)


def digests(session: Session, network: str, *, whole: bool = False) -> dict[str, str]:
    """Return SHA-256 (hex) of each projection of `network`: its columns, then its rows by primary key."""
    raw = session.connection().connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("the index is read through psycopg 3")
    # The text of a value must not depend on who asks.
    for setting in ("SET LOCAL TimeZone = 'UTC'", "SET LOCAL bytea_output = 'hex'"):
        session.execute(text(setting))
    found = {}
    for table in projections():
        columns = ", ".join(f'"{name}"' for name in compared(table, whole=whole))
        order = ", ".join(f'"{column.name}"' for column in table.primary_key)
        total = sha256(f"{table.name}({columns})\n".encode())
        query = f'COPY (SELECT {columns} FROM "{table.name}" WHERE network = %s ORDER BY {order}) TO STDOUT'  # noqa: S608 - our own tables' names
        with raw.cursor() as cursor, cursor.copy(query, (network,)) as copy:
            for block in copy:
                total.update(block)
        found[table.name] = total.hexdigest()
    return found


def digest(session: Session, network: str, *, whole: bool = True) -> str:
    """Return one SHA-256 (hex) over all projections of `network`."""
    total = sha256()
    for name, value in sorted(digests(session, network, whole=whole).items()):
        total.update(f"{name} {value}\n".encode())
    return total.hexdigest()


def check(session: Session, network: str, told: Told = lambda *_: None) -> list[TableCheck]:
    """Replay beside what stands and compare. `session` is a snapshot (kit/db.py) that will be rolled back.

    Raises what a handler raises on facts that cannot be, such as a move before the mint.
    """
    stands = digests(session, network)
    _hide(session)
    replay(session, network, told)
    again = digests(session, network)
    return [
        TableCheck(
            table.name,
            stands[table.name],
            again[table.name],
            () if stands[table.name] == again[table.name] else _differences(session, network, table),
        )
        for table in projections()
    ]


def findings(session: Session, network: str, told: Told = lambda *_: None) -> tuple[int, list[str]]:
    """As `check`: return how many projections were compared and what differs in words, impossible facts included."""
    try:
        tables = check(session, network, told)
    except Exception as impossible:
        # Whatever a handler says of facts it cannot read is the finding; a database that went away is none.
        if isinstance(impossible, OperationalError):
            raise
        return len(projections()), [f"the facts cannot be replayed: {impossible!r}"[:500]]
    return len(tables), [line for table in tables for line in table.differs]


def replay(session: Session, network: str, told: Told = lambda *_: None) -> None:
    """Hand all facts of `network` to the handlers, in the order of the chain. The projections are empty before."""
    contracts = {address: watch.contract for address, watch in onlog.watched_addresses(session, network).items()}
    for logs in _whole_blocks(session, network):
        for subscription in onlog.registered.seen:
            mine = chosen(subscription, contracts, logs)
            if mine:
                subscription.handle(session, network, mine)
                session.flush()
        session.expunge_all()
        told(logs[-1].block_number, len(logs))


def clear(session: Session, network: str) -> None:
    """Delete the projections of `network`."""
    for table in projections():
        session.execute(delete(table).where(table.c.network == network))


def chosen(subscription: Subscription, contracts: dict[bytes, str], logs: Sequence[Log]) -> list[Log]:
    """Return the logs a handler asked for, in their order. `contracts`: names of interfaces by address."""
    topics = {abi.topic(subscription.contract, event) for event in subscription.events}
    return [log for log in logs if log.topics[0] in topics and contracts.get(log.address) == subscription.contract]


def _hide(session: Session) -> None:
    """Put an empty temporary table before every table but the facts and the cursors."""
    session.execute(text("SET LOCAL client_min_messages = warning"))
    for table in Base.metadata.sorted_tables:
        if table.name not in _KEPT:
            session.execute(
                text(f'CREATE TEMPORARY TABLE "{table.name}" (LIKE public."{table.name}" INCLUDING ALL) ON COMMIT DROP')
            )


def _whole_blocks(session: Session, network: str) -> Iterator[list[Log]]:
    """Yield the facts in the order of the chain, many at a time, never a part of a block."""
    query = stored_logs(ChainLog.network == network, ChainBlock.canonical).execution_options(yield_per=_LOGS_AT_ONCE)
    rows = iter(session.execute(query))
    waiting: list[Log] = []
    while found := list(islice(rows, _LOGS_AT_ONCE)):
        waiting += logs_of(network, found)
        newest = waiting[-1].block_number
        whole = [log for log in waiting if log.block_number < newest]
        waiting = waiting[len(whole) :]
        if whole:
            yield whole
    if waiting:
        yield waiting


def _differences(session: Session, network: str, table: Table) -> tuple[str, ...]:
    """Say how many rows stand in one and not in the other, and name some by their keys."""
    keys = [column.name for column in table.primary_key if column.name != "network"]
    columns = ", ".join(f'"{name}"' for name in compared(table))
    shown = " || ' ' || ".join(f"'{name}=' || \"{name}\"::text" for name in keys)
    said = []
    for words, one, other in (
        ("do not follow from the facts", "public", "pg_temp"),
        ("are missing", "pg_temp", "public"),
    ):
        rows = session.scalars(
            text(f"""
                WITH odd AS (
                    SELECT {columns} FROM {one}."{table.name}" WHERE network = :network
                    EXCEPT SELECT {columns} FROM {other}."{table.name}" WHERE network = :network)
                SELECT {shown} FROM odd ORDER BY 1
            """),  # noqa: S608 - our own tables' names
            {"network": network},
        ).all()
        if rows:
            said.append(f"{table.name}: {len(rows)} rows {words}: {'; '.join(rows[:_SHOWN])}")
    return tuple(said)
