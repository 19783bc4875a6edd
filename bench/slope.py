"""Speed of something that counts up: the slope between two marks, so that start and end do not matter."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scripts.machine import say

_SHOWN_EVERY_SECONDS = 5.0


class Stalled(Exception):
    """The count stopped rising before it was whole."""


@dataclass
class Climb:
    """Samples of a rising count: (seconds, count)."""

    total: int
    samples: list[tuple[float, int]] = field(default_factory=list)

    def per_second(self, low: float = 0.2, high: float = 0.8) -> float:
        """Return the slope between the first samples at or above `low` and `high` of the total."""
        (begun, first), (ended, last) = self._at(low), self._at(high)
        return (last - first) / (ended - begun)

    def _at(self, share: float) -> tuple[float, int]:
        return next(sample for sample in self.samples if sample[1] >= share * self.total)


def watch(
    what: str, total: int, count: Callable[[], int], *, every: float = 0.1, stalled_after: float = 120.0
) -> Climb:
    """Sample `count` until it reaches `total`, telling the person how it goes. Raises Stalled."""
    climb = Climb(total)
    shown = rose = time.monotonic()
    last = -1
    while last < total:
        now, seen = time.monotonic(), count()
        if seen != last:
            climb.samples.append((now, seen))
            rose, last = now, seen
        if now - rose > stalled_after:
            raise Stalled(f"{what}: stands at {last} of {total} for {stalled_after:.0f} s")
        if now - shown >= _SHOWN_EVERY_SECONDS:
            say.note(f"{what}: {seen:,} of {total:,}{_left(climb.samples, total)}")
            shown = now
        time.sleep(every)
    return climb


def _left(samples: Sequence[tuple[float, int]], total: int) -> str:
    if len(samples) < 2 or samples[-1][1] == samples[0][1]:  # noqa: PLR2004 - a slope needs two points
        return ""
    rate = (samples[-1][1] - samples[0][1]) / (samples[-1][0] - samples[0][0])
    return f", {rate:,.0f} a second, {(total - samples[-1][1]) / rate:.0f} s left"
