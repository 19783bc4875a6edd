"""How large a run is: the whole campaign, the short one of scripts/test, and the one for a broken variant."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """One run. Times are seconds."""

    name: str
    seed: int
    variant: str | None
    purchases: int
    """Card purchases that must come to an end as paid."""
    rate: float
    """Purchases begun a second, at most."""
    buyers: int
    fans: int
    shows: int
    rounds: int
    """How often every step is reached."""
    still_rounds: int
    """How often those are at which nobody dies: they take the longest."""
    kills: int
    """The least number of kills, and below of whatever else is done to the house: with less a run shows nothing."""
    least_kinds: int
    """So many kinds of trouble with the node..."""
    least_troubles: int
    """... are each committed so often."""
    least_reorgs: int
    """In all; at least one is the deepest, when there must be any."""
    least_flushes: int
    least_duplicated: int
    """Nudges sent twice or more."""
    least_redelivered: int
    """Messages the broker gave to somebody else, since nobody acknowledged them in time."""
    least_refunds: int
    """Orders whose money goes back since the crowd asked for it."""
    longest_to_final: float
    """From the provider's taking the money to the last ticket's finality, of any order at any time."""
    least_copies: int
    """How often one and the same webhook is delivered."""
    every_step: bool
    """Whether a step that was never reached fails the run."""
    only_steps: tuple[str, ...]
    """The `what` of the steps that happen; all of them when empty."""
    only_troubles: tuple[str, ...]
    """The kinds of trouble that are committed; all of them when empty."""
    workers: int
    batch_size: int
    """Tickets; small, so that at this rate of sales several batches of a collection are under way at once."""
    least_together: int
    """Batches that were closed while one before them was not mined yet."""
    block_time: float
    endpoints: int
    """Through which the house reaches the node; with two, what is final must be told by both."""
    finality_depth: int
    has_tag: bool
    """Whether the node's finalized tag is asked, which is `finality_depth` blocks behind; else we count them."""
    deepest_reorg: int
    reorgs: int
    flushes: int
    troubles: int
    """How often each kind of trouble between us and the node is committed."""
    hold_seconds: int
    visibility: int
    """Until the broker gives an unacknowledged message to somebody else; a second one later is long enough."""
    longest_lease: float
    stand_still: float
    fault_seconds: float
    """When the faults end, if enough has happened by then."""
    longest_fault_seconds: float
    """When they end in any case."""
    quiet_seconds: float
    """How long after the last fault everything may take."""

    def to_file(self, file: Path) -> None:
        """Write it for the process that runs it."""
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def from_file(cls, file: Path) -> Plan:
        """Read what `to_file` wrote."""
        told = json.loads(file.read_text())
        lists = {name: tuple(told[name]) for name in ("only_steps", "only_troubles")}
        return cls(**told | lists)

    @property
    def longest_seconds(self) -> float:
        """What it takes at most, from the moment when the house stands and the buyers are there."""
        return self.longest_fault_seconds + self.quiet_seconds


_FIVE_MINUTES = 300.0


def whole(seed: int) -> Plan:
    """Return everything: at most thirty minutes, with the product's own leases and pauses."""
    return Plan(
        name="whole", seed=seed, variant=None,
        purchases=1_000, rate=1.1, buyers=24, fans=40, shows=5,
        rounds=7, still_rounds=5, kills=300, every_step=True, only_steps=(), only_troubles=(), workers=2,
        least_kinds=12, least_troubles=5, least_reorgs=10, least_flushes=5,
        least_duplicated=100, least_redelivered=5, least_copies=20, least_refunds=5, longest_to_final=_FIVE_MINUTES,
        batch_size=5, least_together=20,
        block_time=1.0, endpoints=1, finality_depth=14, has_tag=False,
        deepest_reorg=10, reorgs=15, flushes=8, troubles=8,
        hold_seconds=150, visibility=60, longest_lease=3_600.0, stand_still=70.0,
        fault_seconds=1_200.0, longest_fault_seconds=1_430.0, quiet_seconds=_FIVE_MINUTES,
    )  # fmt: skip


def short(seed: int) -> Plan:
    """Return what fits into a minute and a half anywhere: every step once, leases and the broker's patience cut."""
    return Plan(
        name="short", seed=seed, variant=None,
        purchases=30, rate=4.0, buyers=12, fans=4, shows=3,
        rounds=1, still_rounds=1, kills=10, every_step=False, only_steps=(), only_troubles=(), workers=2,
        least_kinds=6, least_troubles=1, least_reorgs=1, least_flushes=1,
        least_duplicated=10, least_redelivered=1, least_copies=20, least_refunds=0, longest_to_final=90.0,
        batch_size=3, least_together=1,
        block_time=0.5, endpoints=2, finality_depth=8, has_tag=True, deepest_reorg=5, reorgs=2, flushes=1, troubles=1,
        hold_seconds=20, visibility=4, longest_lease=3.0, stand_still=6.0,
        fault_seconds=22.0, longest_fault_seconds=45.0, quiet_seconds=45.0,
    )  # fmt: skip


def broken(seed: int, variant: str | None, only_steps: tuple[str, ...], only_troubles: tuple[str, ...]) -> Plan:
    """Return what is long enough to find the mistake of a broken variant, where that mistake shows.

    Without a variant it is the control: the product as it is must pass the very same.
    """
    return Plan(
        name=variant or "control", seed=seed, variant=variant,
        purchases=60, rate=3.0, buyers=12, fans=6, shows=3,
        rounds=2, still_rounds=2, kills=0, every_step=False, only_steps=only_steps, only_troubles=only_troubles,
        least_kinds=12, least_troubles=1, least_reorgs=0, least_flushes=0,
        least_duplicated=0, least_redelivered=0, least_copies=0, least_refunds=0, longest_to_final=_FIVE_MINUTES,
        workers=2, batch_size=200, least_together=0,
        block_time=0.5, endpoints=1, finality_depth=8, has_tag=False, deepest_reorg=3, reorgs=1, flushes=0, troubles=4,
        hold_seconds=30, visibility=6, longest_lease=20.0, stand_still=8.0,
        fault_seconds=60.0, longest_fault_seconds=120.0, quiet_seconds=90.0,
    )  # fmt: skip
