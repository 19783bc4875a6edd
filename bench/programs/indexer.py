"""How fast the index reads a past (against a bare script, same run) and follows a head, and whether it is right.

Reading counts from the start of the process, loading included, until every fact and projection of the whole chain can
be read on another connection; final handlers, which come behind, are a figure of their own. After each reading the
owners are compared with a fold of the chain's logs, a sample with ownerOf, and the sales with their logs.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from backend.kit import logs
from bench.figures import Figure, report
from bench.indexer_kit import chain, check, live, runs
from bench.indexer_kit.live_world import live_world
from bench.indexer_kit.runs import Run
from scripts.machine import say
from scripts.machine.trouble import Trouble

_RATE, _SHARE, _PEAK_MB = 56_000, 0.7, 120


def main(arguments: list[str]) -> int:
    """Measure, and return 0 when the goals are met."""
    usual = chain.Recipe()
    parser = argparse.ArgumentParser(
        prog="bench/indexer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="readings of each kind; medians count (default 5)")
    parser.add_argument("--seed", type=int, default=usual.seed, help="which chain (default 1)")
    parser.add_argument("--blocks", type=int, default=usual.blocks, help="blocks of about 30 logs (default 4,000)")
    parser.add_argument("--part", choices=("all", "backfill", "live"), default="all", help="measure only one part")
    parser.add_argument("--json", action="store_true", help="print the figures as one last line of JSON")
    asked = parser.parse_args(arguments)
    logs.configure("WARNING")
    figures: list[Figure] = []
    try:
        if asked.part != "live":
            figures += _backfill(chain.Recipe(seed=asked.seed, blocks=asked.blocks), asked.runs)
        if asked.part != "backfill":
            say.heading("Following the head: a process of its own, blocks mined one by one, bursts, reorgs")
            with live_world() as world:
                figures += live.measure(world)
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return 1
    return report(figures, as_json=asked.json)


def _backfill(recipe: chain.Recipe, times: int) -> list[Figure]:
    say.heading(f"Reading a past of {recipe.blocks:,} blocks: transfers and resales, everything on this machine")
    folder = Path(tempfile.mkdtemp(prefix="backstage-bench-indexer-"))
    folder.chmod(0o711)
    try:
        with chain.world(recipe, folder / "chain") as world, runs.databases(folder) as kept:
            say.note(f"Postgres with the settings it is delivered with: {kept.settings()}")
            with say.step("what is right, folded from the chain"):
                right = check.expected(world)
            floors, ours = [], []
            for number in range(1, times + 1):
                # In turn, so that a machine that is busy for a while is so for both.
                floors.append(_told(f"bare script, run {number}", runs.floor(world, kept, right)))
                ours.append(_told(f"Backstage, run {number}", runs.ours(world, kept, right)))
    finally:
        shutil.rmtree(folder)
    return _figures(ours, floors)


def _told(what: str, run: Run) -> Run:
    say.done(
        what,
        run.visible,
        f"{run.logs:,} logs, {run.per_second:,.0f}/s, {run.peak_mb:.0f} MB, CPU s: "
        f"{run.cpu:.2f} its own, {run.node_cpu:.2f} node, {run.postgres_cpu:.2f} Postgres; owners right",
    )
    return run


def _figures(ours: list[Run], floors: list[Run]) -> list[Figure]:
    rate, floor = median(run.per_second for run in ours), median(run.per_second for run in floors)
    share = median(one.per_second / other.per_second for one, other in zip(ours, floors, strict=True))
    peak = max(run.peak_mb for run in ours)
    used, bare = median(run.cpu for run in ours), median(run.cpu for run in floors)
    others = f"node {median(run.node_cpu for run in ours):.2f}, Postgres {median(run.postgres_cpu for run in ours):.2f}"
    started = median(run.started for run in ours)
    running = median(run.logs / (run.visible - run.started) for run in ours)
    final = median(run.finished - run.visible for run in ours)
    return [
        Figure("backfill_events_per_second", rate, "1/s", "16,800 subsquid", f">= {_RATE:,}", met=rate >= _RATE),
        Figure("share_of_floor", share, "", f"{floor:,.0f}/s bare script", f">= {_SHARE}", met=share >= _SHARE),
        Figure("peak_rss_mb", peak, "MB", "201 subsquid", f"<= {_PEAK_MB}", met=peak <= _PEAK_MB),
        Figure("backfill_cpu_seconds", used, "s", f"{bare:.2f} bare script; {others}", None, met=True),
        Figure("backfill_start_seconds", started, "s", None, None, met=True),
        Figure("backfill_rate_once_started", running, "1/s", None, None, met=True),
        Figure("final_handlers_seconds", final, "s", "after all is visible", None, met=True),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
