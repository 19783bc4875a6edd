"""scripts/test: set up, then check style, types and contracts and run every test. pytest's summary is the last line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.machine import checks, install, layout, processes, say
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

CHECKS = "BACKSTAGE_CHECKS"
"""Variable by which tests/house/test_checks.py knows that the checks belong to this run."""

_FEWEST, _MOST = 2, 4
"""Processes that share the tests: one a core, since each has servers of its own; two where there is one core, because
the journeys wait a lot; four at most, because the longest of them takes a quarter of the time."""
_INTERRUPTED = 130
_HELP = """usage: scripts/test [PYTEST ARGUMENTS]

Without arguments: installs what is missing, then checks style, types and contracts and runs every test, on all cores.
With arguments: runs only the tests that pytest selects by them, in one process, for instance

  scripts/test -k door                 tests with "door" in their name
  scripts/test tests/resale            the tests in a folder
  scripts/test -n 2 tests/resale       the same in two processes, each with servers of its own
  scripts/test -x --lf                 those that failed last, up to the first that fails

All of pytest's options: .venv/bin/python -m pytest --help (once installed)."""


def main(arguments: Sequence[str]) -> int:
    """Run everything (or, with arguments, only what pytest selects by them) and return the exit status."""
    if arguments[:1] in (["-h"], ["--help"]):
        say.line(_HELP)
        return 0
    try:
        with interruptible():
            install.install()
            if arguments:
                say.note(
                    "Only the tests you selected run; without arguments the style, types and contracts are checked too."
                )
                return _run_pytest(arguments, {})
            return _run_pytest(["-n", str(_processes())], {CHECKS: "1"})
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return 1
    except Interrupted:
        return _INTERRUPTED


def _processes() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(cores, _FEWEST), _MOST)


def _run_pytest(arguments: Sequence[str], more: dict[str, str]) -> int:
    say.heading("Testing")
    tests = subprocess.Popen(
        [str(layout.APP_PYTHON), "-m", "pytest", *arguments],
        cwd=layout.ROOT,
        env=checks.environment(os.environ) | more,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is ours to pass on, once: a second one would break off the closing of servers
        preexec_fn=processes.dies_with_parent(signal.SIGINT),  # noqa: PLW1509 - no threads
    )
    try:
        while tests.poll() is None:
            time.sleep(0.05)
        return tests.wait()
    finally:
        if tests.poll() is None:
            tests.send_signal(signal.SIGINT)  # pytest then closes its fixtures: servers stop
            tests.wait()


if __name__ == "__main__":
    os.chdir(Path(layout.ROOT))
    sys.exit(main(sys.argv[1:]))
