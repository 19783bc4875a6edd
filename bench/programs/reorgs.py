"""Undo blocks under the index in every way and depth, and kill it (-9) around the commit that undoes them.

Every depth from 1 to 64 with every kind of new branch, double reorgs, a reorg of a reorg at the same height, shorter
chains, ten flaps; each before and after the commit. After each the index is compared with the chain: its head, every
log, every ticket by its contract. Short versions run in scripts/test; these are the same tests with --reorgs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.figures import Figure, report
from scripts.machine import layout, say

PARTS = {
    "undone": ("tests/indexer/test_sweep.py", "tests/indexer/test_reorg.py"),
    "killed": ("tests/indexer/test_reorg_kill.py",),
}
"""What is run, by what its figures count."""
DEPTHS, KINDS, MOMENTS, OTHERS = 64, 5, 2, 10
"""A branch can be undone so deep and in so many ways, each killed at so many moments; and what has no depth."""
_GOALS = {"undone": DEPTHS * KINDS, "killed": (DEPTHS * KINDS + OTHERS) * MOMENTS}
_LAST_LINES = 60


def main(arguments: list[str]) -> int:
    """Run the parts and return 0 when the index came out right each time."""
    parser = argparse.ArgumentParser(
        prog="bench/reorgs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=("all", *PARTS), default="all", help="run only one part (default: all)")
    parser.add_argument("--json", action="store_true", help="print the figures as one last line of JSON")
    asked = parser.parse_args(arguments)
    say.heading("Undoing blocks under the index: a real node, a real Postgres, real kills")
    figures: list[Figure] = []
    for name, files in PARTS.items():
        if asked.part in {"all", name}:
            figures += _part(name, files)
    return report(figures, as_json=asked.json)


def _part(name: str, files: tuple[str, ...]) -> list[Figure]:
    say.begun(name)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="backstage-bench-reorgs-") as folder:
        told = Path(folder) / "told.xml"
        # The older form of the file has the numbers that tests note down.
        how = ("-q", "--reorgs", "-o", "junit_family=xunit1", f"--junitxml={told}")
        command = [str(layout.APP_PYTHON), "-m", "pytest", *how, *files]
        done = subprocess.run(command, cwd=layout.ROOT, capture_output=True, text=True, check=False)
        counted = counts(told.read_text()) if told.exists() else Counter[str]()
    seconds = time.monotonic() - began
    (say.failed if done.returncode else say.done)(name, seconds)
    if done.returncode:
        say.line("\n".join((done.stdout + done.stderr).splitlines()[-_LAST_LINES:]))
    reached, goal = counted[name], _GOALS[name]
    return [
        Figure(f"reorgs_{name}", reached, "reorgs", goal, "all of them", not done.returncode and reached == goal),
        Figure(f"reorgs_{name}_tests", counted["held"], "tests", counted["tests"], "all", not done.returncode),
        Figure(f"reorgs_{name}_seconds", round(seconds, 1), "s", None, None, met=True),
    ]


def counts(told: str) -> Counter[str]:
    """Add up what a run of tests told: how many there were, how many held, and the numbers they noted down."""
    found: Counter[str] = Counter()
    for case in ET.fromstring(told).iter("testcase"):  # noqa: S314 - written by our own run
        found["tests"] += 1
        if case.find("failure") is not None or case.find("error") is not None:
            continue
        found["held"] += 1
        for noted in case.iter("property"):
            found[noted.get("name", "")] += int(noted.get("value", "0"))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
