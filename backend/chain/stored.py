"""Logs as they stand in the facts: as rows with the times of their blocks, or in bulk as Postgres gives them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnExpressionArgument, Select, select
from sqlalchemy.orm import Session

from backend.chain.facts import COLUMNS, Facts
from backend.chain.models import ChainBlock, ChainLog
from backend.chain.onlog import Log
from backend.kit import bulk

_COPY = f"""
    COPY (
        SELECT {", ".join(COLUMNS)} FROM chain_logs
        WHERE network = %(network)s AND block_number > %(after)s AND block_number <= %(upto)s
        ORDER BY block_number, log_index
    ) TO STDOUT (FORMAT BINARY)
"""  # noqa: S608 - names of columns only


def stored_logs(
    *conditions: ColumnExpressionArgument[bool],
) -> Select[int, bytes, datetime, bytes, int, bytes, list[bytes], bytes]:
    """Return the query for logs in the order of the chain; `logs_of` reads its rows."""
    return (
        select(
            ChainLog.block_number,
            ChainLog.block_hash,
            ChainBlock.timestamp,
            ChainLog.tx_hash,
            ChainLog.log_index,
            ChainLog.address,
            ChainLog.topics,
            ChainLog.data,
        )
        .join(ChainBlock, (ChainBlock.network == ChainLog.network) & (ChainBlock.hash == ChainLog.block_hash))
        .where(*conditions)
        .order_by(ChainLog.block_number, ChainLog.log_index)
    )


def logs_of(network: str, rows: Iterable[Any]) -> list[Log]:
    """Return the rows of `stored_logs` as handlers know them."""
    return [
        Log(network, number, block, at, tx, place, address, tuple(topics), data)
        for number, block, at, tx, place, address, topics, data in rows
    ]


def stored_facts(session: Session, network: str, after: int, upto: int) -> Facts:
    """Return the logs of blocks above `after` up to `upto`, in the order of the chain: rows make a buffer."""
    rows = bulk.copied(session, _COPY, network=network, after=after, upto=upto)
    query = select(ChainBlock.hash, ChainBlock.timestamp).where(
        ChainBlock.network == network, ChainBlock.number > after, ChainBlock.number <= upto
    )
    return Facts.read(network, rows, {row.hash: row.timestamp for row in session.execute(query)})
