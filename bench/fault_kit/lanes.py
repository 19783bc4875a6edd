"""Which steps are armed where, and when the next ones are. One lane a process; processes of a kind share their steps.

Several steps of a kind are armed at once, since some are passed a hundred times as often as others. The first that is
reached is the one that happens; the others wait for their process's next life.
"""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.fault_kit import steps
from bench.fault_kit.steps import Step

_ARMED_SECONDS = 20.0
_ARMED_AT_ONCE = 8
_PAUSE = (0.2, 1.2)
_SPREAD = 0.7


@dataclass
class Lane:
    """One process and the steps that wait in it."""

    name: str
    armed: list[Step] = field(default_factory=list)
    until: float = 0.0
    not_before: float = 0.0

    @property
    def kind(self) -> str:
        """`worker` of `worker-2`."""
        return self.name.partition("-")[0]


@dataclass
class Schedule:
    """Every step, `rounds` times, in an order the seed gives."""

    seed: int
    rounds: int
    still_rounds: int
    """How often a step at which nobody dies: each keeps its process for as long as the broker is patient."""
    seconds: float
    """The time all of it may take; the steps of each kind are spread over most of it."""
    lanes: dict[str, Lane]
    only: Sequence[str] = ()
    """The `what` of the steps that happen; all when empty."""
    reached: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    _left: dict[str, deque[Step]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Shuffle each round by itself, so that every step comes early and late."""
        self._dice = random.Random(f"{self.seed}:schedule")  # noqa: S311 - seeded on purpose
        for kind in sorted({lane.kind for lane in self.lanes.values()}):
            self._left[kind] = deque()
            for turn in range(self.rounds):
                some = [
                    step
                    for step in steps.of(kind, self.only)
                    if turn < self.still_rounds or step.victim != steps.NOBODY
                ]
                self._dice.shuffle(some)
                self._left[kind].extend(some)
        self._begun = time.monotonic()
        self._totals = {kind: len(some) for kind, some in self._left.items()}

    def begin(self) -> None:
        """Let the time run."""
        self._begun = time.monotonic()

    def is_done(self) -> bool:
        """Tell whether every step was reached as often as it should."""
        return self.left() == 0

    def left(self) -> int:
        """Return how many are still to come."""
        return sum(map(len, self._left.values())) + sum(len(lane.armed) for lane in self.lanes.values())

    def next(self, lane: Lane) -> list[Step]:
        """Arm the next steps of a lane; nothing when it is not time, or nothing is left."""
        now = time.monotonic()
        left = self._left[lane.kind]
        if lane.armed or now < lane.not_before or not left or self._is_early(lane.kind, now):
            return []
        # What was reached least comes first: some steps are passed a hundred times as often as others.
        for step in sorted(left, key=lambda one: self.reached[one.name]):
            is_taken = any((other.point, other.at) == (step.point, step.at) for other in lane.armed)
            if not is_taken and len(lane.armed) < _ARMED_AT_ONCE:
                lane.armed.append(step)
                left.remove(step)
        lane.until = now + _ARMED_SECONDS
        return lane.armed

    def hit(self, lane: Lane, step: Step, *, counts: bool) -> list[Step]:
        """Count a step that was reached, unless its victim was dead already; return what else was armed, to disarm."""
        left = self._left[lane.kind]
        if counts:
            self.reached[step.name] += 1
            if step in lane.armed:
                lane.armed.remove(step)
            elif step in left:  # disarmed a moment too late
                left.remove(step)
        others = lane.armed
        left.extendleft(reversed(others))
        lane.armed = []
        self.rest(lane)
        return others

    def rest(self, lane: Lane) -> None:
        """Let a lane work undisturbed for a moment."""
        lane.not_before = time.monotonic() + self._dice.uniform(*_PAUSE)

    def expired(self, lane: Lane) -> list[Step]:
        """Take back what was armed and not reached in time, to disarm: something else comes first."""
        if not lane.armed or time.monotonic() < lane.until:
            return []
        late = lane.armed
        self.missed.update(step.name for step in late)
        self.lost(lane)
        return late

    def lost(self, lane: Lane) -> None:
        """Let steps come again later: their process died of something else, or did not get there."""
        self._left[lane.kind].extend(lane.armed)
        lane.armed = []
        self.rest(lane)

    def _is_early(self, kind: str, now: float) -> bool:
        """Tell whether more of a kind has happened than its share of the time."""
        total = self._totals[kind]
        done = total - len(self._left[kind])
        return done > total * (now - self._begun) / (_SPREAD * self.seconds)

    def hurry(self) -> list[tuple[Lane, Step]]:
        """Drop what is left, the time is over; return what is armed, to disarm."""
        for some in self._left.values():
            some.clear()
        armed = [(lane, step) for lane in self.lanes.values() for step in lane.armed]
        for lane in self.lanes.values():
            lane.armed = []
        return armed
