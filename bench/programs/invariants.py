"""Call everything that anybody can call on the contracts, at random; after each call check what must always hold."""

from __future__ import annotations

import argparse
import sys
import time

from bench.figures import Figure, report
from scripts.machine import forge, say
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

_CALLS = 1_000_000
_SEED = 1
_PROGRESS_SECONDS = 15.0
_INTERRUPTED = 130
_CALLS_PER_SUCCESS = 10_000  # a few calls may well miss what takes three others before it


class _Progress:
    """A line every so often: how far it is, and how long it will still take."""

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._told = time.monotonic()

    def __call__(self, done: int, seconds: float) -> None:
        now = time.monotonic()
        if now - self._told < _PROGRESS_SECONDS:
            return
        self._told = now
        left = f"{seconds * max(0, self._calls - done) / done:,.0f} s left" if done else "none finished yet"
        say.note(f"{done:>9,} of {self._calls:,} calls, {done / seconds:,.0f} a second, {left}")


def main() -> int:
    """Run the campaign and report its figures. Returns the exit status."""
    asked = _arguments()
    say.heading(f"{asked.calls:,} calls of the contracts as they are shipped, seed {asked.seed}")
    try:
        with interruptible():
            outcome = forge.run(
                asked.calls,
                asked.seed,
                selection=["--match-contract", "Invariants"],
                watch=_Progress(asked.calls),
            )
    except Trouble as trouble:
        say.line(str(trouble))
        return 1
    except Interrupted:
        say.line("Interrupted.")
        return _INTERRUPTED
    for failure in outcome.failures:
        forge.show(failure)
    return report(_figures(outcome, asked.calls), as_json=asked.json)


def _figures(outcome: forge.Outcome, calls: int) -> list[Figure]:
    rarest, times = outcome.rarest()
    at_least = calls // _CALLS_PER_SUCCESS
    violations = len(outcome.failures)
    return [
        Figure("invariant_calls", outcome.calls, "calls", None, f">= {calls:,}", met=outcome.calls >= calls),
        Figure("violations", violations, "", None, "0", met=violations == 0),
        Figure(
            "rarest_success",
            times,
            "times",
            f"{rarest}, of {len(outcome.succeeded)} functions",
            f">= {at_least}",
            met=times >= at_least,
        ),
        Figure("calls_per_second", outcome.calls / outcome.seconds, "calls/s", None, None, met=True),
        # By design: people without the role, paused sales, prices above the cap and so on are tried too.
        Figure("revert_share", outcome.refused_share(), "", None, None, met=True),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/invariants",
        description="Call everything that anybody can call on the contracts, at random, and check after each call "
        "what must always hold: supply, one owner for each ticket, balances, money in and out, every sale split to the "
        "unit, one-time numbers used once, nobody without the role. Ends with status 1 at a violation (and shows the "
        "calls that lead there), when a function of the handler hardly ever succeeded, or with fewer calls than asked.",
    )
    parser.add_argument(
        "--calls", type=_positive, default=_CALLS, metavar="N", help="at least so many (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=_natural, default=_SEED, metavar="S", help="the same makes the same calls (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="end with the figures as one line of JSON")
    return parser.parse_args()


def _natural(text: str) -> int:
    if not text.isdecimal():
        message = f"{text} is not a whole number"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _positive(text: str) -> int:
    number = _natural(text)
    if number == 0:
        message = "nothing would be called"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    sys.exit(main())
