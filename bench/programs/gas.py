"""What a ticket costs on chain, held against Solady, OpenZeppelin, ERC721A, Unlock and Seaport 1.6 in the same run.

Whole transactions (21,000, calldata, refunds) on one node, with the same parties and balances; after each the owners,
balances, statuses and payments are looked at. The peers' code comes from npm, by a lock file of its own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.figures import report
from bench.gas_kit import build, comparison, plot, snapshot, table
from bench.gas_kit.node import node
from scripts.machine import install, layout, say
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

_INTERRUPTED = 130
_PLOT = layout.ROOT / "docs" / "gas.svg"


def main(arguments: list[str]) -> int:
    """Measure, and return 0 when the goals are met."""
    parser = argparse.ArgumentParser(
        prog="bench/gas", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the figures as one last line of JSON")
    parser.add_argument("--plot", nargs="?", type=Path, const=_PLOT, help="draw the picture (default docs/gas.svg)")
    text = "measure ours alone, and keep it for the test that holds each operation to a hundredth"
    parser.add_argument("--rewrite-snapshot", action="store_true", help=text)
    asked = parser.parse_args(arguments)
    try:
        with interruptible():
            if asked.rewrite_snapshot:
                return _rewrite()
            install.install([build.step()])
            return _compare(asked.plot, as_json=asked.json)
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return 1
    except Interrupted:
        return _INTERRUPTED


def _compare(picture: Path | None, *, as_json: bool) -> int:
    say.heading("Gas: the same tickets on everybody's contracts, one node")
    with say.step("peers compiled (kept for the next time)"):
        codes = build.codes()
    with node() as running:
        gas = comparison.measure(running, codes)
    say.line()
    for line in table.lines(gas):
        say.line(line)
    if picture is not None:
        picture.write_text(plot.svg(gas), encoding="utf-8")
    return report(comparison.figures(gas), as_json=as_json)


def _rewrite() -> int:
    with say.step("each operation of ours measured"), node() as running:
        found = snapshot.measure(running)
    kept = snapshot.read() if snapshot.PLACE.exists() else {}
    for change in snapshot.drifts(kept, found):
        say.note(change)
    snapshot.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
