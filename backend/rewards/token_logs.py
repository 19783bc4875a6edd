"""BKS transfers that touch us, read from the token's logs: made or destroyed, or with a contract of ours at one end.

What else people do with the token is a fact like any other log, and no business of ours. A collection counts from the
block of its deployment, so that what touches us follows from the chain alone, in whatever portions it is read.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.deployments import deployment
from backend.chain.facts import Facts, store_new
from backend.chain.onlog import Log, watched_addresses
from backend.kit import bulk
from backend.kit.bulk import ADDRESS, NULL, WORD
from backend.rewards.models import TokenTransfer

BKS = "BKS"
EVENTS = ("Transfer", "Rewarded", "Redeemed")
NOBODY = bytes(20)
_COLLECTION = "TicketCollection"
_TOPICS, _WORDS = 3, 1
_COLUMNS = (
    "network",
    "block_hash",
    "log_index",
    "block_number",
    "tx_hash",
    "sender",
    "receiver",
    "amount",
    "purpose",
)


def keep(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Write the transfers among `logs` that touch us. Repeating it changes nothing."""
    facts = Facts.of(network, logs)
    rows, ours = facts.told(read), _ours(session, network)
    touching = {at: row for at, row in rows.items() if _touches(facts, at, ours)}
    store_new(session, TokenTransfer.__tablename__, _COLUMNS, facts, touching)


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


def read(facts: Facts) -> dict[int, bytes]:
    """Return the rows that transfers make by their places. Sliced: each sale in BKS makes several."""
    transfer, rows = abi.topic(BKS, "Transfer"), facts.rows
    head = bulk.count(len(_COLUMNS)) + bulk.text(facts.network)
    found: dict[int, bytes] = {}
    about, purpose = b"", NULL
    for at in facts.places:
        if rows[at + 152 : at + 184] != transfer:
            # Rewarded and Redeemed come right before the Transfer that they are about.
            about, purpose = rows[at : at + 36] + _next(rows[at + 36 : at + 44]), WORD + facts.topic(at, 1)
            continue
        data = facts.shape(at, _TOPICS, _WORDS)
        found[at] = b"".join(
            (
                head,
                rows[at : at + 92],
                ADDRESS,
                rows[at + 200 : at + 220],
                ADDRESS,
                rows[at + 236 : at + 256],
                bulk.numeric(int.from_bytes(rows[data : data + 32], "big")),
                purpose if about == rows[at : at + 44] else NULL,
            )
        )
    return found


def _touches(facts: Facts, at: int, ours: Mapping[bytes, int]) -> bool:
    ends = facts.rows[at + 200 : at + 220], facts.rows[at + 236 : at + 256]
    return NOBODY in ends or any(facts.number(at) >= ours[end] for end in ends if end in ours)


def _next(index: bytes) -> bytes:
    """Return the cell of the log index after this one."""
    return bulk.int4(int.from_bytes(index[4:], "big") + 1)
