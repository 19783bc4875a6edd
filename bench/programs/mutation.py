"""Change the contracts in hundreds of small ways and see whether their tests notice.

Without options: a seeded sample of all mutants, and every mutant of the critical functions. A run goes on where the
last one stopped; what is known is tried again only when the code it is about has changed, a survivor also when a test
has.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from bench.figures import Figure, report
from bench.mutation_kit import tables
from bench.mutation_kit.campaign import Campaign
from bench.mutation_kit.mutants import GROUPS, Mutant, critical, sample
from bench.mutation_kit.run import Result
from bench.mutation_kit.state import Explanation, State, explanations
from scripts.machine import layout, say
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

_SAMPLE, _SEED = 300, 20260101
_SCORE, _CRITICAL_SCORE = 95.0, 100.0
_INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Return 0 when the goals were met."""
    options = _options(arguments)
    groups = _groups(options.only)
    try:
        with interruptible():
            return _run(options, groups)
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return 1
    except Interrupted:
        say.line("\nInterrupted; what was found is kept, the next run goes on.")
        return _INTERRUPTED


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/mutation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=_natural, metavar="N", help=f"mutants drawn from all (default {_SAMPLE})")
    parser.add_argument("--seed", type=int, default=_SEED, help=f"what draws them (default {_SEED})")
    parser.add_argument("--only", metavar="GROUPS", help=f"all mutants of these, and no sample: {','.join(GROUPS)}")
    parser.add_argument("--jobs", type=_positive, default=1, metavar="N", help="mutants tried side by side (default 1)")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs have found")
    parser.add_argument("--resume", action="store_true", help="go on where the last run stopped (it always does)")
    parser.add_argument("--report", action="store_true", help="try nothing: tell what is known")
    parser.add_argument("--json", action="store_true", help="print the figures as a last line of JSON")
    options = parser.parse_args(arguments)
    unknown = set((options.only or "").split(",")) - set(GROUPS) - {""}
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    if options.fresh and (options.resume or options.report):
        parser.error("--fresh forgets what --resume and --report need")
    return options


def _groups(only: str | None) -> list[str]:
    return [name for name in GROUPS if only is None or name in only.split(",")]


def _run(options: argparse.Namespace, groups: Sequence[str]) -> int:
    state, explained = State(), explanations()
    if options.fresh:
        state.forget()
    with Campaign(options.jobs, state) as campaign:
        mutants = campaign.base.mutants
        size = options.sample if options.sample is not None else (0 if options.only else _SAMPLE)
        drawn, wanted = sample(mutants, size, options.seed), critical(mutants, groups)
        unique = {mutant.id: mutant for mutant in (*drawn, *wanted)}
        gone = sorted(set(explained) - {mutant.id for mutant in mutants})
        if gone:
            raise Trouble(f"Explained, but no mutant any more: {', '.join(gone)}. The code has changed: look again.")
        chosen = [mutant for mutant in unique.values() if mutant.id not in explained]
        if not options.report:
            campaign.run(chosen)
        results = {mutant.id: result for mutant in chosen if (result := campaign.known(mutant)) is not None}
        sources = campaign.base.sources
    tables.show(list(unique.values()), results, explained, sources)
    return report(_figures(drawn, wanted, unique, results, explained), as_json=options.json)


def _figures(
    drawn: Sequence[Mutant],
    wanted: Sequence[Mutant],
    unique: Mapping[str, Mutant],
    results: Mapping[str, Result],
    explained: Mapping[str, Explanation],
) -> list[Figure]:
    everything = tables.Tally.of(unique.values(), results, explained)
    figures = [
        Figure("mutants", everything.counted, "mutants", None, None, met=True),
        Figure("mutants_untried", everything.untried, "mutants", None, "0", everything.untried == 0),
        Figure("killed", everything.killed, "mutants", None, None, met=True),
        Figure("survivors", everything.survived, "mutants", None, None, met=True),
        Figure("explained_as_equivalent", everything.explained, "mutants", None, None, met=True),
    ]
    for name, mutants, goal in (("score", drawn, _SCORE), ("critical_score", wanted, _CRITICAL_SCORE)):
        tally = tables.Tally.of(mutants, results, explained)
        if mutants:
            reference = f"{tally.killed} of {tally.counted} mutants"
            is_met = tally.score >= goal and not tally.untried
            figures.append(Figure(f"{name}_percent", round(tally.score, 2), "%", reference, f">= {goal:g}", is_met))
    return figures


def _natural(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    os.chdir(layout.ROOT)
    sys.exit(main(sys.argv[1:]))
