"""Put known faults into a copy of the contracts, one at a time, and show which test finds each."""

from __future__ import annotations

import argparse
import os
import sys

from bench.figures import Figure, report
from bench.mutation_kit.compiler import Compiler
from bench.mutation_kit.faults import FAULTS, DoesNotApply, Fault
from bench.mutation_kit.run import KILLED, Trial, baseline
from bench.mutation_kit.suite import Suite
from scripts.machine import layout, say
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

_LEAST = 12
_INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Return 0 when every fault was found."""
    parser = argparse.ArgumentParser(prog="bench/seeded_faults", description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", help="try this fault only; may be given again")
    parser.add_argument("--list", action="store_true", help="tell the faults and what each would let somebody do")
    parser.add_argument("--json", action="store_true", help="print the figures as a last line of JSON")
    options = parser.parse_args(arguments)
    if options.list:
        for fault in FAULTS:
            say.line(f"{fault.name}\n    {fault.gain}\n    {fault.source}")
        return 0
    unknown = set(options.only or ()) - {fault.name for fault in FAULTS}
    if unknown:
        parser.error(f"there is no fault named {', '.join(sorted(unknown))}: see --list")
    chosen = [fault for fault in FAULTS if not options.only or fault.name in options.only]
    try:
        with interruptible():
            return _run(chosen, as_json=options.json)
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return 1
    except Interrupted:
        return _INTERRUPTED


def _run(faults: list[Fault], *, as_json: bool) -> int:
    found = 0
    is_part = len(faults) < len(FAULTS)
    with Compiler() as compiler, Suite() as suite:
        base = baseline(compiler, suite)
        trial = Trial(base, compiler, suite)
        say.heading("Faults")
        for fault in faults:
            try:
                sources = fault.apply(base.sources)
            except DoesNotApply as gone:
                raise Trouble(f"{gone}. The contracts have changed: bring the patch up to date.") from gone
            result = trial.change(sources, fault.source, fault.where(base.sources))
            is_found = result.status == KILLED
            found += is_found
            (say.done if is_found else say.failed)(fault.name, result.seconds)
            say.note(f"{result.killer}\n          {result.why}" if is_found else f"NOT FOUND: {fault.gain}")
    return report(
        [
            Figure("seeded_faults", len(faults), "faults", None, f">= {_LEAST}", is_part or len(faults) >= _LEAST),
            Figure("seeded_faults_found", found, "faults", float(len(faults)), "all", found == len(faults)),
        ],
        as_json=as_json,
    )


if __name__ == "__main__":
    os.chdir(layout.ROOT)
    sys.exit(main(sys.argv[1:]))
