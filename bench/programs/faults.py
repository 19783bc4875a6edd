"""bench/faults: 1,000 card purchases while everything is killed at named steps; in the end nothing may be missing.

Each run has a house of its own in .backstage/faults: removed when it passed, kept for study when it did not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from bench.fault_kit import plan as plans
from bench.fault_kit.plan import Plan
from bench.fault_kit.variants import VARIANTS, Variant
from scripts.machine import layout, processes, say, unprivileged
from scripts.machine.supervisor import Interrupted, interruptible

_INTERRUPTED = 130
_STOP_SECONDS = 60


def main() -> int:
    """Run what was asked for; return the exit status."""
    given = _arguments()
    try:
        with interruptible():
            if given.variants:
                return max(_must_differ(given, name) for name in VARIANTS)
            if given.variant:
                return _must_differ(given, given.variant)
            plan = plans.short(given.seed) if given.short else plans.whole(given.seed)
            return _run(given, _changed(plan, given))[0]
    except Interrupted:
        return _INTERRUPTED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="decides who buys what, and what is killed when")
    parser.add_argument("--short", action="store_true", help="a minute and a half, as scripts/test runs it")
    one = parser.add_mutually_exclusive_group()
    one.add_argument(
        "--variant",
        choices=sorted(VARIANTS),
        help="its control must pass, and a version with one mistake in it must fail",
    )
    one.add_argument("--variants", action="store_true", help="all of them, one after the other")
    parser.add_argument("--purchases", type=int, metavar="N", help="another number of purchases, for study")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often every step comes, for study")
    parser.add_argument("--minutes", type=float, metavar="N", help="how long the faults go on, for study")
    parser.add_argument("--json", action="store_true", help="end with the figures as one line of JSON")
    parser.add_argument("--keep", action="store_true", help="keep the house of a run that passed, too")
    return parser.parse_args()


def _changed(plan: Plan, given: argparse.Namespace) -> Plan:
    """Return the plan as the options for study have it."""
    wanted = {
        "purchases": given.purchases,
        "rounds": given.rounds,
        "fault_seconds": given.minutes and given.minutes * 60,
        "longest_fault_seconds": given.minutes and given.minutes * 60,
    }
    return replace(plan, **{name: value for name, value in wanted.items() if value})


def _must_differ(given: argparse.Namespace, name: str) -> int:
    """Run the control, then a broken variant by the same plan; 0 if only that one fails, for its reason."""
    variant = VARIANTS[name]
    rows = []
    for broken in (None, name):
        what = f"Broken variant {name}: {variant.what}" if broken else f"Control of {name}: the product as it is"
        say.heading(what)
        plan = plans.broken(given.seed, broken, variant.steps, variant.troubles)
        status, findings = _run(given, _changed(plan, given))
        if status == _INTERRUPTED:
            return status
        rows.append(_judged(variant, status, findings, is_broken=broken is not None))
    say.heading(f"{name} and its control")
    for is_right, words in rows:
        say.line(f"  {'ok  ' if is_right else 'FAIL'}  {words}")
    return 0 if all(is_right for is_right, _ in rows) else 1


def _judged(variant: Variant, status: int, findings: dict[str, list[str]], *, is_broken: bool) -> tuple[bool, str]:
    """Say whether a run came out as it should, and in words how it did."""
    if not is_broken:
        failed = f"fails (status {status}): {', '.join(findings) or 'a goal was missed'}"
        return status == 0, f"control: {'passes' if status == 0 else failed}"
    evidence = variant.evidence(findings)
    if status == 1 and evidence:
        return True, f"{variant.name} fails, found by `{variant.check}`: {len(evidence)}, the first: {evidence[0]}"
    return False, f"{variant.name} was not found by `{variant.check}` (status {status})"


def _run(given: argparse.Namespace, plan: Plan) -> tuple[int, dict[str, list[str]]]:
    """Run a plan in a process and a state directory of its own; return its status, and what each failed check found."""
    state = layout.INSTALLED / "faults" / f"{time.strftime('%Y%m%d-%H%M%S')}-{plan.name}"
    state.mkdir(parents=True)
    state.chmod(0o711)
    plan.to_file(state / "plan.json")
    argv = [str(layout.APP_PYTHON), "-m", "bench.fault_kit.run", *(["--json"] if given.json else [])]
    running = subprocess.Popen(
        argv,
        cwd=layout.ROOT,
        env=os.environ | {"BACKSTAGE_STATE": str(state), "HOME": str(layout.HOME)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is ours to pass on, once
        preexec_fn=processes.dies_with_parent(signal.SIGTERM),  # noqa: PLW1509 - there are no threads
    )
    try:
        status = running.wait()
    except Interrupted:
        running.send_signal(signal.SIGINT)
        running.wait(_STOP_SECONDS)
        _forget(state)
        raise
    result = state / "result.json"
    found: dict[str, list[str]] = json.loads(result.read_text()) if result.exists() else {}
    is_expected = status == 0 or (plan.variant is not None and bool(VARIANTS[plan.variant].evidence(found)))
    if is_expected and not given.keep:
        _forget(state)
    else:
        say.line(f"\n  The house of this run is kept: {state} (logs/, data/, purchases.jsonl)")
    return status, found


def _forget(state: Path) -> None:
    unprivileged.forget_place(state / "data" / "postgres")
    shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
