"""What was done to the house, and how much of it the plan asks for at least: a run that did less has shown less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.fault_kit import mischief
from bench.fault_kit.plan import Plan


@dataclass
class Tally:
    """What was done to the house."""

    kills: Counter[str] = field(default_factory=Counter)
    """By victim."""
    own_deaths: Counter[str] = field(default_factory=Counter)
    """Programs that ended by themselves, and were started again."""
    troubles: Counter[str] = field(default_factory=Counter)
    """By kind: what the proxy committed, not what it was told to."""
    counts: Counter[str] = field(default_factory=Counter)
    reorgs: Counter[int] = field(default_factory=Counter)
    """By depth."""
    flushes: int = 0
    webhooks: int = 0
    most_copies: int = 0
    """How often the API took the webhook that it took most often."""
    outcomes: dict[str, int] = field(default_factory=dict)
    under_way: int = 0

    @property
    def killed(self) -> int:
        """How often anything was killed."""
        return sum(self.kills.values())

    @property
    def paid(self) -> int:
        """Purchases that the crowd saw paid."""
        return self.outcomes.get("paid", 0)


@dataclass(frozen=True)
class Goal:
    """So many times at least."""

    name: str
    times: int
    least: int
    unit: str = ""
    words: str = ""
    """What one time is, when that needs saying."""

    @property
    def is_met(self) -> bool:
        """Tell whether it was often enough."""
        return self.times >= self.least


def goals(plan: Plan, tally: Tally) -> Iterator[Goal]:
    """Return what the plan asks for besides purchases and steps, and how far it is."""
    yield Goal("kills", tally.killed, plan.kills)
    kinds = mischief.names(plan.only_troubles)
    often = sum(tally.troubles[kind] >= plan.least_troubles for kind in kinds)
    each = f" kinds, {plan.least_troubles} times each"
    yield Goal("troubles", often, min(plan.least_kinds, len(kinds)), f"of {len(kinds)}", each)
    yield Goal("reorgs", sum(tally.reorgs.values()), plan.least_reorgs)
    deepest = f" {plan.deepest_reorg} blocks deep"
    yield Goal("deepest_reorgs", tally.reorgs[plan.deepest_reorg], min(plan.least_reorgs, 1), words=deepest)
    yield Goal("flushes", tally.flushes, plan.least_flushes)
    yield Goal("nudges_duplicated", tally.counts["nudges_duplicated"], plan.least_duplicated)
    yield Goal("redelivered", tally.counts["redelivered"], plan.least_redelivered)
    yield Goal("most_copies", tally.most_copies, plan.least_copies, "of one webhook")


def are_met(plan: Plan, tally: Tally) -> bool:
    """Tell whether everything was done often enough."""
    return all(goal.is_met for goal in goals(plan, tally))
