"""Merkle trees as the market climbs them: each pair sorted, then hashed (keccak256); an odd one goes up as it is. Pure.

A leaf is a listing's struct hash, of twelve words; a node is of two, so neither can pass for the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak


@dataclass(frozen=True, slots=True)
class Tree:
    """A root, and for each leaf, in the order given, its siblings from the bottom up."""

    root: bytes
    proofs: tuple[tuple[bytes, ...], ...]


def grow(leaves: Sequence[bytes]) -> Tree:
    """Return the tree over at least two leaves of 32 bytes. Raises ValueError for fewer, or the same one twice."""
    if len(set(leaves)) < max(len(leaves), 2):
        raise ValueError("a tree has two leaves or more, all different")
    proofs: list[list[bytes]] = [[] for _ in leaves]
    level = [(leaf, [place]) for place, leaf in enumerate(leaves)]
    while len(level) > 1:
        above = []
        for left, right in zip(level[::2], level[1::2], strict=False):
            for (_, below), (sibling, _) in ((left, right), (right, left)):
                for place in below:
                    proofs[place].append(sibling)
            above.append((_pair(left[0], right[0]), left[1] + right[1]))
        level = above + level[2 * len(above) :]
    return Tree(level[0][0], tuple(tuple(proof) for proof in proofs))


def climb(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root of the tree in which `leaf` has these siblings."""
    node = leaf
    for sibling in proof:
        node = _pair(node, sibling)
    return node


def _pair(one: bytes, other: bytes) -> bytes:
    return keccak(min(one, other) + max(one, other))
