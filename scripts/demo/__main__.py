"""Play the main job against a running Backstage: `python -m scripts.demo --world .backstage/world.json`."""

import argparse
import sys
import time
from pathlib import Path

from scripts.demo.show import Stage
from scripts.demo.story import Story, World


def main() -> int:
    """Return 0 when every step held, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    parser.add_argument(
        "--world",
        type=Path,
        default=Path(".backstage/world.json"),
        help="what scripts/start wrote: addresses and the admin's key (default: %(default)s)",
    )
    world, stage = World.load(parser.parse_args().world), Stage()
    try:
        Story(world, stage).play()
    except Exception:  # noqa: BLE001 - the step has shown it; the status tells the caller
        sys.stdout.write(f"\n  The story stopped after {stage.held} steps that held.\n")
        return 1
    took = time.monotonic() - stage.started
    sys.stdout.write(f"\n  All {stage.held} steps held, in {took:.1f} s.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
