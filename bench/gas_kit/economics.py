"""When the holders' dearer moves have eaten what the issuer saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ALWAYS = 1_000.0
"""Stands for "however often they move": a thousand moves of every ticket and more."""


@dataclass(frozen=True)
class Difference:
    """What one ticket costs more in ours than in a peer, in gas; negative where ours is cheaper."""

    mint: float
    first_move: float
    later_move: float
    door: float
    """To be marked as used without ever having moved."""
    door_moved: float

    @classmethod
    def between(cls, ours: Mapping[str, float], peer: Mapping[str, float], batch: int) -> Difference:
        """Compare in a batch of this size; of the two kinds of receiver the one that is worse for ours."""

        def more(name: str) -> float:
            return ours[name] - peer[name]

        return cls(
            more(f"batch_{batch}"),
            max(more("first_transfer_new"), more("first_transfer_existing")),
            max(more("transfer_new"), more("transfer_existing")),
            more("door_first"),
            more("door"),
        )

    def moves(self) -> float:
        """Return how often each ticket may move, on the average, before the whole costs more than the peer's.

        Below 1 it is the share of tickets that may move once.
        """
        return moves(-self.mint, self.first_move, self.later_move)

    def moves_with_the_door(self) -> float:
        """Return the same when every ticket is marked as used on chain in the end."""
        return moves(-self.mint - self.door, self.first_move + self.door_moved - self.door, self.later_move)


def moves(saved: float, first: float, later: float) -> float:
    """Return how many moves `saved` pays for, when a first move costs `first` more, and each later one `later`."""
    if saved <= 0:
        return 0.0
    if first >= saved:
        return saved / first
    left = saved - first
    if later <= 0:
        return ALWAYS
    return min(ALWAYS, 1 + left / later)
