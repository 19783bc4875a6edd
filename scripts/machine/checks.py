"""What scripts/test checks beside the tests: style, types, contracts. Each is a command that must end with status 0."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scripts.machine import contracts, layout, options
from scripts.machine.processes import Program, launch

_REPLACED_SERVERS = ("DATABASE_URL", "MIGRATE_DATABASE_URL", "INDEX_DATABASE_URL", "REDIS_URL", "EVM_RPC_URL")
_TOLD_LINES = 40


@dataclass(frozen=True)
class Check:
    """A command, and the environment it gets from that of the person who runs it."""

    name: str
    title: str
    argv: Sequence[str]
    environment: Callable[[Mapping[str, str]], dict[str, str]]
    seconds: float = 120.0
    """After so long it hangs: several times what it takes on a busy machine."""


@dataclass(frozen=True)
class Outcome:
    """How a check ended."""

    held: bool
    seconds: float
    remark: str
    """Its last line."""
    told: str
    """The end of what it printed."""


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return what our own programs get: nothing that would point them at servers or packages of the user's."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", *_REPLACED_SERVERS, *options.STRIPE_VARIABLES}
    kept = {key: value for key, value in env.items() if key not in dropped}
    return kept | {"HOME": str(layout.HOME), "PYTHONUNBUFFERED": "1", "TZ": "UTC"}


def of_contracts() -> list[Check]:
    """Return Ape's checks, in order: the first one compiles for the second."""
    ape = [str(layout.CONTRACTS_ENV / "bin" / "ape")]
    tests = ["test", "-c", "tests/contracts/pytest.ini", "tests/contracts"]
    fresh = [*ape, "run", "export_artifacts", "--check"]
    return [
        Check("artifacts", "compiled artifacts are fresh (ape)", fresh, contracts.ape_environment, 300.0),
        Check("contracts", "contracts (ape test)", [*ape, *tests], contracts.ape_environment, 1_500.0),
    ]


def of_sources() -> list[Check]:
    """Return the checks of everything else."""
    python = [str(layout.APP_PYTHON), "-m"]
    ruff = [*python, "ruff"]
    forge = [*python, "scripts.machine.forge"]
    return [
        Check("ruff", "style (ruff check)", [*ruff, "check", "--output-format=concise", "."], environment),
        Check(
            "format", "format (ruff format)", [*ruff, "format", "--check", "--output-format=concise", "."], environment
        ),
        Check("mypy", "types (mypy strict)", [*python, "mypy"], environment, 300.0),
        Check("forge", "fuzz and invariants (forge)", forge, environment, 600.0),
    ]


def run(check: Check, env: Mapping[str, str] = os.environ) -> Outcome:
    """Run a check to its end. Its whole output is in `check-NAME.log` among the logs."""
    log = layout.LOGS / f"check-{check.name}.log"
    log.unlink(missing_ok=True)
    program = Program(check.name, check.argv, check.environment(env), layout.ROOT, log, grace=5.0)
    running = launch(program)
    try:
        while running.alive() and time.monotonic() - running.started < check.seconds:
            time.sleep(0.05)
        is_late = running.alive()
    finally:
        running.stop()
    seconds = time.monotonic() - running.started
    told = running.tail(_TOLD_LINES)
    if is_late:
        told += f"\nIt had not ended after {check.seconds:.0f} s."
    return Outcome(running.popen.returncode == 0 and not is_late, seconds, running.tail(1).strip("= ")[:60], told)
