"""Logs as they stand in the facts: the one query that gives them whole, with the times of their blocks."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnExpressionArgument, Select, select

from backend.chain.models import ChainBlock, ChainLog
from backend.chain.onlog import Log


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
