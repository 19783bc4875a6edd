"""Fuzz and invariant tests of the contracts, by forge: run them, and know what they reached.

As a program it runs all of them, shortly: the part of them that scripts/test has time for.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts import source_hash
from scripts.machine import layout, locks, say
from scripts.machine.processes import Program, launch
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

WORLDS = 2
"""Tickets are sold on for the native coin in one campaign and for a token in the other (Invariants.t.sol)."""

DEPTH = 500
"""Calls of one run: each run begins with a fresh world, and supply, credits and handovers take their time."""

_BUILT = layout.ROOT / ".build" / "foundry"
_HANDLER = _BUILT / "out" / "Handler.sol" / "Handler.json"
_SHORT_CALLS, _SHORT_SEED = 20_000, 1
_INTERRUPTED = 130


@dataclass(frozen=True)
class Failure:
    """A test that did not hold, with the calls that lead there."""

    test: str
    reason: str
    calls: Sequence[str]


@dataclass
class Outcome:
    """What forge told: tests that held, calls of the handler, how often each of its functions succeeded."""

    held: int = 0
    calls: int = 0
    failures: list[Failure] = field(default_factory=list)
    succeeded: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    seconds: float = 0.0

    def rarest(self) -> tuple[str, int]:
        """Return the handler's function that succeeded least, and how often."""
        name = min(self.succeeded, key=lambda one: (self.succeeded[one], one))
        return name, self.succeeded[name]

    def refused_share(self) -> float:
        """Return which part of the handler's calls a contract refused."""
        return self.refused / max(1, self.refused + self.succeeded.total())


def run(
    calls: int,
    seed: int,
    *,
    selection: Sequence[str] = (),
    jobs: int | None = None,
    watch: Callable[[int, float], None] = lambda _calls, _seconds: None,
) -> Outcome:
    """Run forge's tests with at least so many calls of the handler; the same seed makes the same calls.

    `watch` is told, every so often, of the calls made so far and the seconds since they began. Raises Trouble when
    forge cannot run, or when the artifacts are not of the sources that stand.
    """
    _check_artifacts()
    with _folder() as folder:
        functions = _compile(folder)
        env = environment() | {
            "BACKSTAGE_TALLIES": str(folder.relative_to(layout.ROOT)),
            "FOUNDRY_INVARIANT_RUNS": str(math.ceil(calls / (WORLDS * DEPTH))),
            "FOUNDRY_INVARIANT_DEPTH": str(DEPTH),
            # forge would first repeat what failed the last time: the same seed would not make the same calls.
            "FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR": str(folder / "failed"),
            "FOUNDRY_FUZZ_FAILURE_PERSIST_DIR": str(folder / "failed"),
        }
        threads = [] if jobs is None else ["--threads", str(jobs)]
        started = time.monotonic()
        log = _forge(
            ["test", "--json", "--suppress-successful-traces", "--fuzz-seed", str(seed), *threads, *selection],
            env,
            folder,
            lambda: watch(_lines(folder) * DEPTH, time.monotonic() - started),
        )
        outcome = _read(log, folder, functions)
        outcome.seconds = time.monotonic() - started
        return outcome


def environment() -> dict[str, str]:
    """Return what forge needs; nothing of the user's own settings of it."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("FOUNDRY_", "DAPP_", "BACKSTAGE_"))}
    return env | {
        "FOUNDRY_CONFIG": str(layout.ROOT / "tests" / "foundry" / "foundry.toml"),
        "HOME": str(layout.HOME),
        "BACKSTAGE_NODE": str(layout.node()),
    }


def _check_artifacts() -> None:
    for name in source_hash.CONTRACTS:
        told = json.loads((source_hash.ARTIFACTS / f"{name}.json").read_text())["source_hash"]
        if told != source_hash.source_hash(name):
            message = f"The artifact of {name} was compiled from other sources: run `ape run export_artifacts` first."
            raise Trouble(message)


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder of this run alone: what an earlier one left would be counted too."""
    _BUILT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=_BUILT))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compile(folder: Path) -> dict[str, str]:
    """Compile the tests, one run at a time. Returns the functions that forge will call."""
    with locks.only_one("forge-build", wait=True, folder=layout.INSTALLED):
        log = _forge(["build"], environment(), folder, lambda: None)
        if not _HANDLER.exists():
            raise Trouble(f"forge compiled nothing:\n{log.read_text(errors='replace')[-2000:]}")
        return _functions()


def _forge(arguments: Sequence[str], env: dict[str, str], folder: Path, look: Callable[[], None]) -> Path:
    """Run forge to its end; returns its log. A failed test is no trouble here, a failed compiler is."""
    log = folder / f"{arguments[0]}.log"
    argv = [str(layout.foundry("forge")), *arguments]
    running = launch(Program(name="forge", argv=argv, env=env, cwd=layout.ROOT, log=log, grace=2.0))
    try:
        while running.alive():
            look()
            time.sleep(0.1)
    finally:
        running.stop()  # and the compiler that it may have started
    if running.popen.returncode != 0 and arguments[0] == "build":
        raise Trouble(f"forge could not compile tests/foundry:\n{running.tail(30)}")
    return log


def _lines(folder: Path) -> int:
    """Count the runs that have ended: each writes a line."""
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("*.txt"))


def _read(log: Path, folder: Path, functions: Mapping[str, str]) -> Outcome:
    outcome = Outcome(succeeded=Counter(dict.fromkeys(functions.values(), 0)))
    suites = _suites(log)
    for suite, told in suites.items():
        for test, result in told["test_results"].items():
            outcome.calls += result["kind"].get("Invariant", {}).get("calls", 0)
            if result["status"] == "Success":
                outcome.held += 1
            else:
                outcome.failures.append(_failure(f"{suite.rpartition(':')[2]}.{test}", result))
    for file in folder.glob("*.txt"):
        for word in file.read_text().split():
            selector, succeeded, refused = word.split(":")
            outcome.succeeded[functions[selector]] += int(succeeded)
            outcome.refused += int(refused)
    return outcome


def _suites(log: Path) -> dict[str, Any]:
    """Find the one line of JSON that holds the results, among forge's remarks."""
    text = log.read_text(errors="replace")
    for line in text.splitlines():
        if line.startswith("{") and '"test_results"' in line:
            suites: dict[str, Any] = json.loads(line)
            return suites
    raise Trouble(f"forge told no results. The end of what it told:\n{text[-2000:]}")


def _functions() -> dict[str, str]:
    """Return the handler's functions that forge calls, by selector: all but those that only look."""
    handler = json.loads(_HANDLER.read_text())
    looks = {entry["name"] for entry in handler["abi"] if entry.get("stateMutability") in {"view", "pure"}}
    named = ((selector, signature.partition("(")[0]) for signature, selector in handler["methodIdentifiers"].items())
    return {f"0x{selector}": name for selector, name in named if name not in looks}


def _failure(test: str, result: dict[str, Any]) -> Failure:
    found = result["counterexample"] or {}
    calls = found["Sequence"][1] if "Sequence" in found else [found["Single"]] if "Single" in found else []
    shown = [f"{call['func_name'] or call['calldata']}({call['raw_args']})" for call in calls]
    return Failure(test, result["reason"] or "no reason given", shown)


def show(failure: Failure) -> None:
    """Print what did not hold, and the shortest sequence of calls found that leads there."""
    say.line(f"  FAIL  {failure.test}: {failure.reason}")
    for call in failure.calls:
        say.note(call)


def main() -> int:
    """Run every test of tests/foundry, with as many calls as there is time for beside the other tests."""
    try:
        with interruptible():
            outcome = run(_SHORT_CALLS, _SHORT_SEED, jobs=1)
    except Trouble as trouble:
        say.line(str(trouble))
        return 1
    except Interrupted:
        return _INTERRUPTED
    for failure in outcome.failures:
        show(failure)
    never = sorted(name for name, times in outcome.succeeded.items() if times == 0)
    if never and not outcome.failures:
        say.line(f"The handler never succeeded with: {', '.join(never)}")
    say.line(f"{outcome.held} tests, {outcome.calls:,} calls, {len(outcome.failures)} failures")
    return 1 if outcome.failures or never or outcome.calls < _SHORT_CALLS else 0


if __name__ == "__main__":
    sys.exit(main())
