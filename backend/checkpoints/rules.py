"""A ticket's leaf, and the tree over a collection's leaves. Pure.

Leaf: keccak256(keccak256(abi.encode(address collection, uint256 tokenId, address owner, uint8 status))), hashed twice
as OpenZeppelin's StandardMerkleTree does, so that no leaf can pass for a node. Every ticket ever minted has one; a
burned one is owned by the zero address and VOID. A collection's tree has them by rising token id; the network's tree
stands on the collections' roots, by rising address. Both grow as backend/chain/merkle.py says, so one list of siblings
leads from a leaf to the network's root.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from eth_hash.auto import keccak

from backend.chain.merkle import levels, sibling_places, widths

ID_BYTES, HELD_BYTES, NODE_BYTES = 8, 21, 32
_ADDRESS_BYTES, _WORD = 20, 32


@dataclass(frozen=True, slots=True)
class Holds:
    """A ticket at a block: its id, its owner (zero once burned), its status as on chain."""

    token_id: int
    owner: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Packed:
    """A collection's tree as rows keep it; see CollectionTree."""

    token_ids: bytes
    held: bytes
    nodes: bytes

    @property
    def tokens(self) -> int:
        """How many leaves."""
        return len(self.token_ids) // ID_BYTES

    @property
    def root(self) -> bytes:
        """The node above all."""
        return self.nodes[-NODE_BYTES:]


def leaf(collection: bytes, holds: Holds) -> bytes:
    """Return the leaf of one ticket."""
    words = (
        collection.rjust(_WORD, b"\0")
        + holds.token_id.to_bytes(_WORD, "big")
        + holds.owner.rjust(_WORD, b"\0")
        + holds.status.to_bytes(_WORD, "big")
    )
    return bytes(keccak(keccak(words)))


def packed(collection: bytes, tickets: Sequence[Holds], before: Packed | None = None) -> Packed:
    """Grow the tree over `tickets`, in rising order of their ids. Raises ValueError when they are not, or none.

    What `before`, an older tree of the collection, has already is not hashed again.
    """
    if any(one.token_id >= other.token_id for one, other in pairwise(tickets)):
        raise ValueError("the tickets of a tree are in rising order")
    old = _leaves_by_ticket(before)
    keys = [_key(ticket) for ticket in tickets]
    found = [old.get(key) or leaf(collection, ticket) for key, ticket in zip(keys, tickets, strict=True)]
    grown = levels(found, () if before is None else _levels_of(before))
    return Packed(
        b"".join(key[:ID_BYTES] for key in keys),
        b"".join(key[ID_BYTES:] for key in keys),
        b"".join(node for level in grown for node in level),
    )


def place_of(token_ids: bytes, token_id: int) -> int | None:
    """Return the place of a ticket among the leaves; None when it has none."""
    places = range(len(token_ids) // ID_BYTES)
    at = bisect_left(places, token_id, key=lambda place: _id_at(token_ids, place))
    return at if at < len(places) and _id_at(token_ids, at) == token_id else None


def sibling_slices(tokens: int, place: int) -> list[int]:
    """Return where in `nodes` the siblings of a leaf begin, from the bottom up: offsets in bytes."""
    starts = [0]
    for width in widths(tokens):
        starts.append(starts[-1] + width)
    return [(starts[level] + at) * NODE_BYTES for level, at in sibling_places(tokens, place)]


def holds_at(token_id: int, held: bytes) -> Holds:
    """Read a ticket's 21 bytes."""
    return Holds(token_id, held[:_ADDRESS_BYTES], held[_ADDRESS_BYTES])


def _key(ticket: Holds) -> bytes:
    return ticket.token_id.to_bytes(ID_BYTES, "big") + ticket.owner + ticket.status.to_bytes(1, "big")


def _id_at(token_ids: bytes, place: int) -> int:
    return int.from_bytes(token_ids[place * ID_BYTES : (place + 1) * ID_BYTES], "big")


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _leaves_by_ticket(before: Packed | None) -> dict[bytes, bytes]:
    if before is None:
        return {}
    rows: Iterable[tuple[bytes, bytes, bytes]] = zip(
        _cut(before.token_ids, ID_BYTES), _cut(before.held, HELD_BYTES), _cut(before.nodes, NODE_BYTES), strict=False
    )
    return {token + held: node for token, held, node in rows}


def _levels_of(before: Packed) -> list[list[bytes]]:
    nodes = iter(_cut(before.nodes, NODE_BYTES))
    return [[next(nodes) for _ in range(width)] for width in widths(before.tokens)]
