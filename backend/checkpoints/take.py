"""Taking a checkpoint: only what changed since the last one is read and hashed again.

Only one is taken at a time for a network. It runs beside the follower and locks nothing of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain.merkle import levels
from backend.chain.models import ChainBlock, ChainCursor
from backend.chain.progress import FACTS_CURSOR
from backend.checkpoints import checks, state
from backend.checkpoints.models import Checkpoint, CollectionRoot, CollectionTree
from backend.checkpoints.rules import Packed, packed
from backend.checkpoints.states import CheckKind
from backend.kit import logs

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Root:
    """A collection's root and how many leaves are under it."""

    collection: bytes
    root: bytes
    tokens: int


def latest(session: Session, network: str) -> Checkpoint | None:
    """Return the newest checkpoint; of two at one block the later, which corrects the other."""
    query = select(Checkpoint).where(Checkpoint.network == network)
    return session.scalars(query.order_by(Checkpoint.block_number.desc(), Checkpoint.id.desc()).limit(1)).one_or_none()


def due(session: Session, network: str, now: datetime, seconds: float) -> bool:
    """Say whether something has changed in final blocks since the last checkpoint, taken `seconds` ago or more."""
    last = latest(session, network)
    if last is None:
        return True
    if last.taken_at > now - timedelta(seconds=seconds):
        return False
    final = finalized(session, network)
    return final is not None and final[0] >= last.block_number and bool(_stale(session, network, last, final[0]))


def take(session: Session, network: str, now: datetime) -> Checkpoint | None:
    """Take one at the newest final block, with a check of it that is due. None when there is nothing to say.

    That is: nothing was ever minted, the index is being rebuilt or halted, finality is behind the last checkpoint
    (which never moves back), nothing has changed since it, or another process is at it.
    """
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _lock_key(network)}):
        return None
    final, last = finalized(session, network), latest(session, network)
    if final is None or not state.is_whole(session, network, final[0]):
        return None
    number, block_hash = final
    if last is not None and number < last.block_number:
        return None
    stale = _stale(session, network, last, number)
    roots = {one.collection: one for one in _roots(session, network)} if last is not None else {}
    fresh = {collection: _grow(session, network, collection, number) for collection in sorted(stale)}
    # Looked at again, because a rebuild may have begun meanwhile: it resets the cursor before it deletes.
    if not state.is_whole(session, network, number) or not all(fresh.values()):
        return None
    changed = [
        Root(collection, tree.root, tree.tokens)
        for collection, tree in fresh.items()
        if tree is not None and (collection not in roots or roots[collection].root != tree.root)
    ]
    roots |= {one.collection: one for one in changed}
    for collection, tree in fresh.items():
        if tree is not None:
            _keep(session, network, collection, tree)
    root = root_of(roots.values()) if roots else None
    if root is None or (last is not None and not changed and root == last.root):
        return None
    row = Checkpoint(
        network=network,
        block_number=number,
        block_hash=block_hash,
        root=root,
        tokens=sum(one.tokens for one in roots.values()),
        collections=len(roots),
        taken_at=now,
    )
    session.add(row)
    session.flush()
    session.add_all(
        CollectionRoot(
            checkpoint_id=row.id,
            collection=one.collection,
            network=network,
            block_number=number,
            root=one.root,
            tokens=one.tokens,
        )
        for one in changed
    )
    checks.want(session, network, CheckKind.CONTRACTS, now, row.id)
    _log.info("checkpoint_taken", network=network, block=number, root="0x" + row.root.hex(), changed=len(changed))
    return row


def root_of(roots: Iterable[Root]) -> bytes:
    """Return the network's root over those of its collections."""
    return levels([one.root for one in sorted(roots, key=lambda one: one.collection)])[-1][0]


def roots_at(session: Session, checkpoint: Checkpoint) -> list[Root]:
    """Return the collections' roots under a checkpoint's, by rising address."""
    query = text("""
        SELECT DISTINCT ON (collection) collection, root, tokens FROM checkpoint_collections
        WHERE network = :network AND (block_number, checkpoint_id) <= (:block, :id)
        ORDER BY collection, block_number DESC, checkpoint_id DESC
    """)
    values = {"network": checkpoint.network, "block": checkpoint.block_number, "id": checkpoint.id}
    return [Root(bytes(row[0]), bytes(row[1]), row[2]) for row in session.execute(query, values)]


def forget_trees(session: Session, network: str) -> None:
    """Have every tree grown from nothing at the next checkpoint: the projections were rebuilt."""
    session.execute(delete(CollectionTree).where(CollectionTree.network == network))


def _roots(session: Session, network: str) -> list[Root]:
    last = latest(session, network)
    return [] if last is None else roots_at(session, last)


def finalized(session: Session, network: str) -> tuple[int, bytes] | None:
    """Return the newest final block, number and hash; None before there is one."""
    query = (
        select(ChainBlock.number, ChainBlock.hash)
        .join(ChainCursor, (ChainCursor.network == ChainBlock.network) & (ChainCursor.name == FACTS_CURSOR))
        .where(ChainBlock.network == network, ChainBlock.number == ChainCursor.finalized_number, ChainBlock.canonical)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], bytes(row[1]))


def _stale(session: Session, network: str, last: Checkpoint | None, upto: int) -> set[bytes]:
    """Return the collections that moved since `last`, and those whose tree is not kept."""
    moved = state.changed_since(session, network, -1 if last is None else last.block_number, upto)
    kept = set(session.scalars(select(CollectionTree.collection).where(CollectionTree.network == network)))
    if last is None or len(kept) < last.collections:
        return moved | (state.collections(session, network, upto) - kept)
    return moved


def _grow(session: Session, network: str, collection: bytes, block: int) -> Packed | None:
    """Return the collection's tree at the block; None when its tickets have gone, as in a rebuild."""
    tickets = [ticket.holds for ticket in state.at_block(session, network, block, collection)]
    if not tickets:
        return None
    row = session.get(CollectionTree, (network, collection))
    before = None if row is None else Packed(row.token_ids, row.held, row.nodes)
    return packed(collection, tickets, before)


def _keep(session: Session, network: str, collection: bytes, tree: Packed) -> None:
    values = {"root": tree.root, "token_ids": tree.token_ids, "held": tree.held, "nodes": tree.nodes}
    write = insert(CollectionTree).values(network=network, collection=collection, **values)
    session.execute(write.on_conflict_do_update(index_elements=["network", "collection"], set_=values))


def _lock_key(network: str) -> int:
    return int.from_bytes(sha256(f"backstage checkpoint {network}".encode()).digest()[:8], "big", signed=True)
