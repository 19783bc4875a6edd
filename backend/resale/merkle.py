"""The trees of listings that the market climbs (backend/chain/merkle.py). Pure.

A leaf is a listing's struct hash, of twelve words; a node is of two, so neither can pass for the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.chain.merkle import climb, levels, siblings

__all__ = ["Tree", "climb", "grow"]


@dataclass(frozen=True, slots=True)
class Tree:
    """A root, and for each leaf, in the order given, its siblings from the bottom up."""

    root: bytes
    proofs: tuple[tuple[bytes, ...], ...]


def grow(leaves: Sequence[bytes]) -> Tree:
    """Return the tree over at least two leaves of 32 bytes. Raises ValueError for fewer, or the same one twice."""
    if len(set(leaves)) < max(len(leaves), 2):
        raise ValueError("a tree has two leaves or more, all different")
    grown = levels(leaves)
    return Tree(grown[-1][0], tuple(siblings(grown, place) for place in range(len(leaves))))
