"""BKS transfers that touch us, read from the token's logs: made or destroyed, or with a contract of ours at one end.

What else people do with the token is a fact like any other log, and no business of ours. A collection counts from the
block of its deployment, so that what touches us follows from the chain alone, in whatever portions it is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.deployments import deployment
from backend.chain.onlog import Log, watched_addresses
from backend.rewards.models import TokenTransfer

BKS = "BKS"
EVENTS = ("Transfer", "Rewarded", "Redeemed")
NOBODY = bytes(20)
_CHUNK = 5_000
_COLLECTION = "TicketCollection"


def keep(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Write the transfers among `logs` that touch us. Repeating it changes nothing."""
    rows = list(_rows(network, logs, _ours(session, network)))
    for start in range(0, len(rows), _CHUNK):
        session.execute(insert(TokenTransfer).on_conflict_do_nothing(), rows[start : start + _CHUNK])


def forget(session: Session, network: str, from_block: int) -> None:
    """Forget those of undone blocks."""
    session.execute(
        delete(TokenTransfer)
        .where(TokenTransfer.network == network, TokenTransfer.block_number >= from_block)
        .execution_options(synchronize_session=False)
    )


def _ours(session: Session, network: str) -> Mapping[bytes, int]:
    """Return our contracts and from which block each counts; those of the manifest always do."""
    found = dict.fromkeys(deployment(network).addresses.values(), 0)
    for address, watch in watched_addresses(session, network).items():
        if watch.contract == _COLLECTION:
            found[address] = watch.from_block
    return found


def _rows(network: str, logs: Sequence[Log], ours: Mapping[bytes, int]) -> Iterator[dict[str, Any]]:
    transfer = abi.topic(BKS, "Transfer")
    purpose: tuple[bytes, int, bytes] | None = None
    for log in logs:
        if log.topics[0] != transfer:
            # Rewarded and Redeemed come right before the Transfer that they are about.
            purpose = log.block_hash, log.log_index + 1, log.topics[1]
            continue
        sender, receiver = log.topics[1][12:], log.topics[2][12:]
        ends = {sender, receiver}
        if NOBODY not in ends and not any(log.block_number >= ours[end] for end in ends if end in ours):
            continue
        is_its = purpose is not None and purpose[:2] == (log.block_hash, log.log_index)
        yield {
            "network": network,
            "block_hash": log.block_hash,
            "log_index": log.log_index,
            "block_number": log.block_number,
            "tx_hash": log.tx_hash,
            "sender": sender,
            "receiver": receiver,
            "amount": int.from_bytes(log.data, "big"),
            "purpose": purpose[2] if purpose is not None and is_its else None,
        }
