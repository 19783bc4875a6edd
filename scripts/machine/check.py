"""scripts/test: set up, check style, types and contracts, then run every test. pytest's summary is the last line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.machine import contracts, install, layout, options, processes, say
from scripts.machine.processes import Program, Running, launch
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

RESULTS = "BACKSTAGE_CHECKS"
"""Variable that tells tests/house/test_checks.py where the outcome of each check is, so that a failed one counts."""

_REPLACED_SERVERS = ("DATABASE_URL", "MIGRATE_DATABASE_URL", "INDEX_DATABASE_URL", "REDIS_URL", "EVM_RPC_URL")
_INTERRUPTED = 130
_HELP = """usage: scripts/test [PYTEST ARGUMENTS]

Without arguments: installs what is missing, then checks style, types and contracts and runs every test.
With arguments: runs only the tests that pytest selects by them, for instance

  scripts/test -k door                 tests with "door" in their name
  scripts/test tests/resale            the tests in a folder
  scripts/test -x --lf                 those that failed last, up to the first that fails

All of pytest's options: .venv/bin/python -m pytest --help (once installed)."""


@dataclass(frozen=True)
class Check:
    """A command that must end with status 0."""

    name: str
    title: str
    argv: Sequence[str]
    env: Mapping[str, str]
    is_long: bool = False
    """Takes minutes: goes on beside the tests, and prints its line among theirs."""


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
                return _run_pytest(arguments, None)
            begun = _Checks()
            try:
                begun.watch_until_long_ones_are_left()
                status = _run_pytest([], begun)
            finally:
                begun.stop()
            return status or int(any(begun.results.values()))
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return 1
    except Interrupted:
        return _INTERRUPTED


def checks() -> list[list[Check]]:
    """Two rows that run side by side, each in order: one a core."""
    python, env = str(layout.APP_PYTHON), _environment()
    ape = [str(layout.CONTRACTS_ENV / "bin" / "ape")]
    ape_env = contracts.ape_environment({})
    return [
        [
            Check("ruff", "style (ruff check)", [python, "-m", "ruff", "check", "--output-format=concise", "."], env),
            Check(
                "format",
                "format (ruff format)",
                [python, "-m", "ruff", "format", "--check", "--output-format=concise", "."],
                env,
            ),
            Check("mypy", "types (mypy strict)", [python, "-m", "mypy"], env),
            # This row ends long before the other: the tests hardly ever wait for a core because of it.
            Check(
                "forge",
                "fuzz and invariants (forge)",
                [python, "-m", "scripts.machine.forge"],
                env,
                is_long=True,
            ),
        ],
        [
            Check(
                "artifacts", "compiled artifacts are fresh (ape)", [*ape, "run", "export_artifacts", "--check"], ape_env
            ),
            Check(
                "contracts",
                "contracts (ape test)",
                [*ape, "test", "-c", "tests/contracts/pytest.ini", "tests/contracts"],
                ape_env,
                is_long=True,
            ),
        ],
    ]


class _Checks:
    """The checks as they run: two rows side by side. The last of them goes on beside the tests."""

    def __init__(self) -> None:
        say.heading("Checking")
        self._rows = checks()
        self._working: dict[int, tuple[Check, Running]] = {}
        self._beside_tests = False
        self.results: dict[str, str] = {}
        self._tell()

    def watch_until_long_ones_are_left(self) -> None:
        """Come back when nothing but a long check runs."""
        while self.look() and not self._only_long_ones_left():
            time.sleep(0.05)
        self._beside_tests = True

    def look(self) -> bool:
        """Begin and finish what can be; tell whether anything is left."""
        for number, row in enumerate(self._rows):
            if number not in self._working and row:
                self._working[number] = _begin(row.pop(0))
        for number, (check, running) in list(self._working.items()):
            if not running.alive():
                del self._working[number]
                self.results[check.name] = _finish(check, running, beside_tests=self._beside_tests)
                self._tell()
        return bool(any(self._rows) or self._working)

    def stop(self) -> None:
        """Stop what still runs."""
        for _, running in self._working.values():
            running.stop()

    def _only_long_ones_left(self) -> bool:
        return not any(self._rows) and all(check.is_long for check, _ in self._working.values())

    def _tell(self) -> None:
        # Whole or not at all: a test reads it meanwhile.
        half = layout.STATE / "checks.json.part"
        half.write_text(json.dumps(self.results))
        half.replace(layout.STATE / "checks.json")


def _begin(check: Check) -> tuple[Check, Running]:
    log = layout.LOGS / f"check-{check.name}.log"
    log.unlink(missing_ok=True)
    return check, launch(Program(name=check.name, argv=check.argv, env=check.env, cwd=layout.ROOT, log=log, grace=5.0))


def _finish(check: Check, running: Running, *, beside_tests: bool) -> str:
    """Print the outcome; returns the output of a check that failed, else nothing."""
    seconds = time.monotonic() - running.started
    if beside_tests:
        say.line()  # it ends in the middle of a line of the tests' dots
    if running.popen.returncode == 0:
        say.done(check.title, seconds, running.tail(1).strip("= ")[:60])
        return ""
    say.failed(check.title, seconds)
    say.line(running.tail(40))
    return running.tail(40)


def _run_pytest(arguments: Sequence[str], checks_beside: _Checks | None) -> int:
    say.heading("Testing")
    env = _environment() | ({RESULTS: str(layout.STATE / "checks.json")} if checks_beside else {})
    tests = subprocess.Popen(
        [str(layout.APP_PYTHON), "-m", "pytest", *arguments],
        cwd=layout.ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        preexec_fn=processes.dies_with_parent(signal.SIGTERM),  # noqa: PLW1509 - no threads
    )
    try:
        while tests.poll() is None:
            if checks_beside:
                checks_beside.look()
            time.sleep(0.05)
        return tests.wait()
    finally:
        if tests.poll() is None:
            tests.send_signal(signal.SIGINT)  # pytest then closes its fixtures: servers stop
            tests.wait()


def _environment() -> dict[str, str]:
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", *_REPLACED_SERVERS, *options.STRIPE_VARIABLES}
    env = {key: value for key, value in os.environ.items() if key not in dropped}
    return env | {"HOME": str(layout.HOME), "PYTHONUNBUFFERED": "1", "TZ": "UTC"}


if __name__ == "__main__":
    os.chdir(Path(layout.ROOT))
    sys.exit(main(sys.argv[1:]))
