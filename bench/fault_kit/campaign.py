"""The campaign itself: one loop in one thread that arms steps, kills what they name, revives it, and counts."""

from __future__ import annotations

import random
import signal
import time
from typing import Any

from bench.fault_kit import mischief, steps
from bench.fault_kit.control import Control
from bench.fault_kit.house import SERVERS, House
from bench.fault_kit.lanes import Lane, Schedule
from bench.fault_kit.plan import Plan
from bench.fault_kit.steps import Step
from bench.fault_kit.tally import Tally, are_met
from bench.fault_kit.wire import Message
from scripts.machine import say
from scripts.machine.trouble import Trouble

_TICK_SECONDS = 0.02
_TELL_SECONDS = 10.0
_SHORTEST_DEATH, _LONGEST_DEATH = 0.05, 1.0
_REORG_DELAY, _REORG_GAP, _REORG_SHARE = 1.5, 4.0, 0.02
"""Seconds from arming a step that needs a reorg to the reorg; the shortest time between two of these, in seconds and as
a share of the whole: a chain that is undone all the time gets nothing done either."""
_MOST_OWN_DEATHS = 10
LEAST_HITS = 5
"""How often every step must be reached in a whole campaign."""
_HALTED = frozenset({3, 4})
"""The indexer stopped for a person: a block that was final was undone, or the chain is another one."""


class Halted(Exception):
    """A program gave up for good."""


class Campaign:
    """The loop and what it keeps in mind."""

    def __init__(self, plan: Plan, house: House, control: Control) -> None:
        self.plan, self.tally = plan, Tally()
        self._house, self._control = house, control
        self._dice = random.Random(f"{plan.seed}:campaign")  # noqa: S311 - seeded on purpose
        names = ["api", "beat", "indexer", *(f"worker-{n}" for n in range(1, plan.workers + 1))]
        lanes = {name: Lane(name) for name in names}
        self.schedule = Schedule(plan.seed, plan.rounds, plan.still_rounds, plan.fault_seconds, lanes, plan.only_steps)
        self._revive_at: dict[str, float] = {}
        self._extras = self._draw_extras()
        self._reorg_at: float | None = None
        self._no_reorg_before = 0.0
        self._crowd_done = False
        self._letters = 0
        self._begun = time.monotonic()
        self._told_at = 0.0

    def run(self) -> None:
        """Do everything to the house that the plan has, until the time for faults is over. Raises Trouble, Halted."""
        self._begun = time.monotonic()
        self.schedule.begin()
        while not self._is_over():
            self._turn()
            for lane in self.schedule.lanes.values():
                self._arm(lane)
            self._trouble()
        for lane, step in self.schedule.hurry():
            self._control.say(lane.name, disarm=step.name)
        self._control.say("proxy", calm=True)
        self._control.say("crowd", stop=True)

    def settle(self, seconds: float, is_quiet: Any) -> float | None:
        """Touch nothing any more, keep everything alive until the crowd is done and `is_quiet()`.

        Returns how long that took; None when `seconds` were not enough.
        """
        begun = time.monotonic()
        asked_at = 0.0
        while time.monotonic() - begun < seconds:
            self._turn()
            everything = self._crowd_done and not self._revive_at and self._letters == 0
            if everything and time.monotonic() - asked_at > 1.0:
                asked_at = time.monotonic()
                if is_quiet():
                    return time.monotonic() - begun
        return None

    def _is_over(self) -> bool:
        """Tell whether the time for faults is over: everything happened, or enough did, or it takes too long."""
        took = time.monotonic() - self._begun
        if took >= self.plan.longest_fault_seconds:
            return True
        if self.tally.paid < self.plan.purchases:
            return False
        if self.missing_steps() or not are_met(self.plan, self.tally):
            return False
        return took >= self.plan.fault_seconds or (self.schedule.is_done() and not self._extras)

    def missing_steps(self) -> list[Step]:
        """Return the steps that were not reached as often as the plan asks for."""
        least = LEAST_HITS if self.plan.every_step else 0
        return [step for step in steps.STEPS if self.schedule.reached[step.name] < least]

    def _turn(self) -> None:
        self._listen(_TICK_SECONDS)
        now = time.monotonic()
        for name, when in list(self._revive_at.items()):
            if when <= now:
                del self._revive_at[name]
                self._house.revive(name)
        self._look_for_the_dead()
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            self.tell()

    def _listen(self, seconds: float) -> None:
        for name, message in self._control.hear(seconds):
            self._hear(name, message)

    def tell(self) -> None:
        """Say how far it is."""
        tally, took = self.tally, int(time.monotonic() - self._begun)
        dead = ", ".join(sorted(self._revive_at)) or "nobody"
        say.note(
            f"{took // 60:2d}:{took % 60:02d}  {tally.killed:4d} kills, {self.schedule.left():3d} to come"
            f"  {tally.paid:5d} paid, {tally.under_way:2d} under way  {tally.webhooks:5d} webhooks  "
            f"{sum(tally.troubles.values()):3d} troubles, {sum(tally.reorgs.values())} reorgs  dead: {dead}"
        )

    def _hear(self, name: str, message: Message) -> None:
        tally = self.tally
        if "hit" in message:
            self._hit(name, steps.named(message["hit"]))
        if "committed" in message:
            tally.troubles[message["committed"]] += 1
        if "count" in message:
            tally.counts[message["count"]] += message["by"]
        if "crowd" in message:
            tally.outcomes, tally.under_way = message["crowd"]["outcomes"], message["crowd"]["under_way"]
        tally.webhooks = message.get("webhooks", tally.webhooks)
        tally.most_copies = message.get("most_copies", tally.most_copies)
        if message.get("done"):
            self._crowd_done, self._letters = True, message["letters"]
        if "hello" in message and name in self.schedule.lanes:
            self.schedule.rest(self.schedule.lanes[name])

    def _hit(self, name: str, step: Step) -> None:
        """Something reached its step: kill its victim, unless that is itself, and let it go on."""
        lane = self.schedule.lanes[name]
        counts = True
        if step.victim == lane.kind:
            if name in self._house.running:
                self._house.bury(name)
                self._died(name)
        elif step.victim != steps.NOBODY:
            counts = step.victim not in self._revive_at and self._house.kill(step.victim)
            if counts:
                self._died(step.victim)
        for other in self.schedule.hit(lane, step, counts=counts):
            self._control.say(name, disarm=other.name)
        self._control.say(name, go=step.name)

    def _died(self, name: str) -> None:
        self.tally.kills[name.partition("-")[0]] += 1
        self._revive_at[name] = time.monotonic() + self._dice.uniform(_SHORTEST_DEATH, _LONGEST_DEATH)

    def _look_for_the_dead(self) -> None:
        """Start again what ended by itself, as scripts/start does. Raises Halted, and Trouble for a server."""
        for name in list(self._house.running):
            status = self._house.exit_status(name)
            if status == -signal.SIGKILL:
                self._listen(0)  # it may have reached its step: the word of it is on its way
                status = self._house.exit_status(name)
            if status is None:
                continue
            if name == "indexer" and status in _HALTED:
                raise Halted(f"the indexer halted with status {status}:\n{self._house.running[name].tail(8)}")
            self._house.bury(name)
            if name not in self.schedule.lanes:
                raise Trouble(f"{name} ended with status {status}; see its log")
            self.tally.own_deaths[name] += 1
            if self.tally.own_deaths[name] > _MOST_OWN_DEATHS:
                raise Trouble(f"{name} ends by itself again and again, now with status {status}; see its log")
            self.schedule.lost(self.schedule.lanes[name])
            self._revive_at[name] = time.monotonic() + _LONGEST_DEATH
        for name in SERVERS:
            if name not in self._revive_at and not self._house.alive(name):
                raise Trouble(f"{name} died by itself; see its log")

    def _arm(self, lane: Lane) -> None:
        for late in self.schedule.expired(lane):
            self._control.say(lane.name, disarm=late.name)
        if not self._control.has(lane.name):
            return
        for step in self.schedule.next(lane):
            self._control.say(lane.name, arm=step.name)
            if step.needs == steps.REORG:
                self._reorg_at = self._reorg_at or max(time.monotonic() + _REORG_DELAY, self._no_reorg_before)

    def _draw_extras(self) -> list[tuple[float, str, int]]:
        """Spread troubles, reorgs and flushes over the time; the last quarter is left to what was late."""
        plan = self.plan
        kinds = mischief.names(plan.only_troubles)
        what: list[tuple[str, int]] = [(kind, 0) for kind in kinds for _ in range(plan.troubles)]
        depths = [1 + turn % plan.deepest_reorg for turn in range(plan.reorgs - 1)] + [plan.deepest_reorg]
        what += [("reorg", depth) for depth in depths] + [("flush", 0)] * plan.flushes
        self._dice.shuffle(what)
        step = 0.75 * plan.fault_seconds / len(what)
        return [(step * (place + 1), name, depth) for place, (name, depth) in enumerate(what)]

    def _trouble(self) -> None:
        now = time.monotonic()
        if self._reorg_at is not None and now >= self._reorg_at and self._reorg(self.plan.deepest_reorg // 2 + 1):
            self._reorg_at = None
            self._no_reorg_before = now + max(self.plan.fault_seconds * _REORG_SHARE, _REORG_GAP)
        # One that cannot be done now holds nobody up: it is tried again, and the next one goes first.
        for extra in self._extras:
            when, name, depth = extra
            if now - self._begun < when:
                return
            if self._commit(name, depth):
                self._extras.remove(extra)
                return

    def _commit(self, name: str, depth: int) -> bool:
        """Do one of the extras; False when it cannot be done at the moment."""
        if name == "reorg":
            return self._reorg(depth)
        if name == "flush":
            return self._flush()
        self._control.say("proxy", arm=name)
        return True

    def _reorg(self, depth: int) -> bool:
        """Undo `depth` blocks if the node can: it knows no states from before its last death."""
        house = self._house
        if "anvil" in self._revive_at:
            return False
        try:
            if house.head() - house.revived_at_block <= depth:
                return False
            house.reorg(depth)
        except (OSError, Trouble) as refused:
            say.note(f"no reorg of {depth}: {refused}")
            return False
        self.tally.reorgs[depth] += 1
        return True

    def _flush(self) -> bool:
        if "redis" in self._revive_at:
            return False
        self._house.flush_redis()
        self.tally.flushes += 1
        return True
