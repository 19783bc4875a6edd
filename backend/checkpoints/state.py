"""Who held what at a final block, while the projections stand at the head.

A holding that has not changed since that block is what it was then; one that has is folded from its movements up to
it, in one statement, so that all of it is of one moment.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.chain.models import ChainCursor, CursorStatus
from backend.chain.progress import FACTS_CURSOR
from backend.checkpoints.rules import Holds

# A collection's tickets, or all of the network's when :collection is null; at most :most of them, at random.
_AT_BLOCK = """
    WITH chosen AS (
        SELECT * FROM holdings h
        WHERE h.network = :network AND h.minted_block <= :block
          AND (CAST(:collection AS bytea) IS NULL OR h.collection = :collection) {sample}
    )
    SELECT collection, token_id, owner, tier, status, epoch FROM chosen WHERE updated_block <= :block
    UNION ALL
    SELECT c.collection, c.token_id, moved.to_owner, c.tier,
           CASE WHEN moved.kind = 'BURN' THEN 3 ELSE coalesce(said.status, 0) END,
           coalesce(risen.epoch, 0)
    FROM chosen c
    CROSS JOIN LATERAL (
        SELECT m.to_owner, m.kind FROM token_movements m
        WHERE m.network = :network AND m.collection = c.collection AND m.token_id = c.token_id
          AND m.block_number <= :block AND m.kind <> 'STATUS'
        ORDER BY m.block_number DESC, m.log_index DESC LIMIT 1
    ) moved
    LEFT JOIN LATERAL (
        SELECT m.status FROM token_movements m
        WHERE m.network = :network AND m.collection = c.collection AND m.token_id = c.token_id
          AND m.block_number <= :block AND m.kind = 'STATUS'
        ORDER BY m.block_number DESC, m.log_index DESC LIMIT 1
    ) said ON true
    LEFT JOIN LATERAL (
        SELECT m.epoch FROM token_movements m
        WHERE m.network = :network AND m.collection = c.collection AND m.token_id = c.token_id
          AND m.block_number <= :block AND m.epoch IS NOT NULL
        ORDER BY m.block_number DESC, m.log_index DESC LIMIT 1
    ) risen ON true
    WHERE c.updated_block > :block
    ORDER BY collection, token_id
"""
_SAMPLE = "ORDER BY random() LIMIT :most"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A token at a block, as the index has it."""

    collection: bytes
    token_id: int
    owner: bytes
    tier: int
    status: int
    epoch: int

    @property
    def holds(self) -> Holds:
        """What its leaf says."""
        return Holds(self.token_id, self.owner, self.status)


def at_block(
    session: Session, network: str, block: int, collection: bytes | None = None, most: int | None = None
) -> Iterator[Ticket]:
    """Yield the tickets ever minted up to a final `block`, by collection and id; with `most` a random few."""
    query = text(_AT_BLOCK.format(sample="" if most is None else _SAMPLE))
    values: dict[str, object] = {"network": network, "block": block, "collection": collection}
    values |= {} if most is None else {"most": most}
    for row in session.execute(query, values, execution_options={"yield_per": 5_000}):
        yield Ticket(bytes(row[0]), int(row[1]), bytes(row[2]), row[3], row[4], row[5])


def changed_since(session: Session, network: str, after: int, upto: int) -> set[bytes]:
    """Return the collections in which something moved in the blocks after `after` up to `upto`."""
    query = text(
        "SELECT DISTINCT collection FROM token_movements "
        "WHERE network = :network AND block_number > :after AND block_number <= :upto"
    )
    return {bytes(row) for row in session.scalars(query, {"network": network, "after": after, "upto": upto})}


def collections(session: Session, network: str, upto: int) -> set[bytes]:
    """Return the collections that had a ticket by block `upto`."""
    return changed_since(session, network, -1, upto)


def is_whole(session: Session, network: str, block: int) -> bool:
    """Say whether the index has all blocks up to a final `block`: no rebuild is under way, and nothing is halted."""
    cursor = session.get(ChainCursor, (network, FACTS_CURSOR), populate_existing=True)
    return (
        cursor is not None
        and cursor.status != CursorStatus.HALTED
        and cursor.block_hash is not None
        and cursor.block_number >= block
        and cursor.finalized_number >= block
    )
