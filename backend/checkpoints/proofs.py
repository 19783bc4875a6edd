"""The proof that the newest checkpoint holds a ticket as it does: read from the tree's rows, without growing it."""

from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backend.chain.merkle import climb, levels, siblings
from backend.checkpoints import take
from backend.checkpoints.errors import NoCheckpoint, ProofNotReady
from backend.checkpoints.models import Checkpoint, CollectionTree, IndexCheck
from backend.checkpoints.rules import HELD_BYTES, ID_BYTES, NODE_BYTES, Holds, holds_at, leaf, place_of, sibling_slices
from backend.checkpoints.states import CheckKind

_SLICES = text("""
    SELECT substring(t.held FROM :held_from FOR :held_bytes),
           ARRAY(SELECT substring(t.nodes FROM n.begins FOR :node_bytes)
                 FROM unnest(CAST(:nodes_from AS integer[])) WITH ORDINALITY AS n (begins, nth) ORDER BY n.nth)
    FROM checkpoint_trees t WHERE t.network = :network AND t.collection = :collection AND t.root = :root
""")


@dataclass(frozen=True, slots=True)
class Proof:
    """A ticket, the checkpoint that holds it, and the siblings from its leaf up to the checkpoint's root."""

    checkpoint: Checkpoint
    collection: bytes
    collection_root: bytes
    holds: Holds
    leaf: bytes
    siblings: tuple[bytes, ...]
    status: str | None
    """What the comparison of the checkpoint with the contracts came to; see CheckStatus. None: it is not asked yet."""


def of(session: Session, network: str, collection: bytes, token_id: int) -> Proof:
    """Return the proof from the newest checkpoint. Raises NoCheckpoint, ProofNotReady."""
    checkpoint = take.latest(session, network)
    if checkpoint is None:
        raise NoCheckpoint
    roots = take.roots_at(session, checkpoint)
    at = next((place for place, one in enumerate(roots) if one.collection == collection), None)
    if at is None:
        raise NoCheckpoint
    query = select(CollectionTree.token_ids).where(
        CollectionTree.network == network,
        CollectionTree.collection == collection,
        CollectionTree.root == roots[at].root,
    )
    ids = session.scalar(query)
    if ids is None:
        raise ProofNotReady
    place = place_of(ids, token_id)
    if place is None:
        raise NoCheckpoint
    held, below = _sliced(session, network, collection, roots[at].root, len(ids) // ID_BYTES, place)
    holds = holds_at(token_id, held)
    proof = below + siblings(levels([one.root for one in roots]), at)
    own = leaf(collection, holds)
    if climb(own, proof) != checkpoint.root:
        raise ProofNotReady
    return Proof(checkpoint, collection, roots[at].root, holds, own, proof, _compared(session, checkpoint))


def _sliced(
    session: Session, network: str, collection: bytes, root: bytes, tokens: int, place: int
) -> tuple[bytes, tuple[bytes, ...]]:
    values = {
        "network": network,
        "collection": collection,
        "root": root,
        "held_from": place * HELD_BYTES + 1,  # SQL counts from 1
        "held_bytes": HELD_BYTES,
        "nodes_from": [begins + 1 for begins in sibling_slices(tokens, place)],
        "node_bytes": NODE_BYTES,
    }
    row = session.execute(_SLICES, values).one_or_none()
    if row is None:  # a newer tree took its place between the two statements
        raise ProofNotReady
    return bytes(row[0]), tuple(bytes(node) for node in row[1])


def _compared(session: Session, checkpoint: Checkpoint) -> str | None:
    query = select(IndexCheck.status).where(
        IndexCheck.checkpoint_id == checkpoint.id, IndexCheck.kind == CheckKind.CONTRACTS
    )
    return session.scalar(query.order_by(IndexCheck.id.desc()).limit(1))
