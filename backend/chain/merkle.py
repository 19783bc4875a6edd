"""Merkle trees whose proofs contracts and everybody's libraries verify: pairs sorted, then hashed by keccak256. Pure.

A level pairs neighbours; an odd one goes up as it is. Because pairs are sorted, a proof is the siblings alone, from the
bottom up, and is verified by OpenZeppelin's `MerkleProof.verify`, `StandardMerkleTree.verify` and Solady's
`MerkleProofLib`. A leaf must not be a hash of 64 bytes of somebody's choosing: it could pass for a node.
"""

from collections.abc import Sequence

from eth_hash.auto import keccak

Level = list[bytes]


def pair(one: bytes, other: bytes) -> bytes:
    """Return the node above two nodes, whichever stands left."""
    return keccak(one + other if one < other else other + one)


def levels(leaves: Sequence[bytes], before: Sequence[Level] = ()) -> list[Level]:
    """Return all levels of the tree, the leaves first, the root alone in the last. Raises ValueError without leaves.

    `before` are the levels of an older tree: a node both of whose children stand there as well is not hashed again.
    """
    if not leaves:
        raise ValueError("a tree has a leaf or more")
    grown = [list(leaves)]
    while len(grown[-1]) > 1:
        height = len(grown) - 1
        known = len(before) > height + 1
        grown.append(_above(grown[-1], before[height] if known else (), before[height + 1] if known else ()))
    return grown


def _above(level: Level, old: Sequence[bytes], old_above: Sequence[bytes]) -> Level:
    above: Level = []
    for at in range(0, len(level) - 1, 2):
        one, other = level[at], level[at + 1]
        if at + 1 < len(old) and old[at] == one and old[at + 1] == other:
            above.append(old_above[at // 2])
        else:
            above.append(pair(one, other))
    return above + level[2 * len(above) :]


def widths(leaves: int) -> list[int]:
    """Return how many nodes each level of a tree over so many leaves has, from the bottom up."""
    found = [leaves]
    while found[-1] > 1:
        found.append((found[-1] + 1) // 2)
    return found


def sibling_places(leaves: int, place: int) -> list[tuple[int, int]]:
    """Return where the siblings of a leaf stand: (level, place in it), from the bottom up."""
    found = []
    for level, width in enumerate(widths(leaves)[:-1]):
        sibling = place ^ 1
        if sibling < width:
            found.append((level, sibling))
        place //= 2
    return found


def siblings(grown: Sequence[Level], place: int) -> tuple[bytes, ...]:
    """Return the proof of the leaf at `place`."""
    return tuple(grown[level][at] for level, at in sibling_places(len(grown[0]), place))


def climb(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root of the tree in which `leaf` has these siblings."""
    node = leaf
    for sibling in proof:
        node = pair(node, sibling)
    return node
