"""The contract tests, ready to run against any build: one Ape process that has collected them, a fork for each run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from bench.mutation_kit.compiler import Built
from bench.mutation_kit.wire import PLUGIN, SOCKET
from scripts.machine import contracts, layout, processes
from scripts.machine.trouble import Trouble

WORK: Final = layout.ROOT / ".build" / "mutation"
"""Where builds, results and logs of this measurement are kept; git does not see it."""

LEFT_OUT: Final = {
    "test_metadata.py::test_the_code_fits_the_chain": "asks for the size of the build that ships, not for what it does",
    "test_reentrancy.py::test_a_call_inside_another_gains_nothing[native coin]": "the 50,000 gas of a "
    "payment are too few for calls of this code",
    "test_commands_verify.py": "compares the code with the build that ships",
    "test_commands.py": "is about the commands, each a process of its own",
    "test_commands_money.py": "is about the commands, each a process of its own",
    "test_commands_roles.py": "is about the commands, each a process of its own",
}
"""Tests, and files of them, that cannot hold on code made without the optimizer or are not about the contracts."""

_COLLECT_SECONDS = 180.0
_SPARE_SECONDS = 30.0
_TESTS = "tests/contracts"


@dataclass(frozen=True)
class Verdict:
    """How a run ended."""

    failed: str | None
    """The first test that failed; None when all passed."""
    why: str
    passed: dict[str, float]
    """Tests that passed, with their seconds."""
    timed_out: bool
    seconds: float


class Suite:
    """The tests in a process of their own. `seconds` bounds one run, and a run that takes longer counts as failed."""

    def __init__(self, number: int = 0) -> None:
        self._folder = WORK / f"suite-{os.getpid()}-{number}"
        self._running: processes.Running | None = None
        self._wire: Any = None
        self.tests: list[str] = []

    def __enter__(self) -> Self:
        """See start."""
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End what was started."""
        self.stop()

    def start(self) -> None:
        """Start Ape and wait until it has collected the tests. Raises Trouble with the end of its log."""
        _sweep()
        self._folder.mkdir(parents=True)
        # Told from the root, where Ape starts too: the name of a socket may have 107 characters at most.
        address, log = (self._folder / "socket").relative_to(layout.ROOT), self._folder / "ape.log"
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(address))
            door.listen(1)
            door.settimeout(0.2)
            self._running = processes.launch(self._program(address, log))
            connection = self._accept(door)
        connection.settimeout(None)
        self._wire = connection.makefile("rw", encoding="utf-8")
        connection.close()
        self.tests = [name for name in json.loads(self._line())["tests"] if is_wanted(name)]

    def stop(self) -> None:
        """End Ape and whatever it has started."""
        # The process first: a thread that waits for its answer holds the wire until it hears that there is none.
        if self._running is not None:
            self._running.stop()
            self._running = None
            shutil.rmtree(self._folder)
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def run(
        self, builds: Iterable[Built], tests: Sequence[str], *, seconds: float = 600.0, stops: bool = True
    ) -> Verdict:
        """Run the tests against the builds. Raises Trouble when the harness itself failed."""
        return _verdict(self._ask(builds, tests, seconds=seconds, stops=stops, node_output=""))

    def watch(self, builds: Iterable[Built], tests: Sequence[str], node_output: Path) -> list[dict[str, Any]]:
        """Run the tests to their end, failed ones too, and return all that was told; the node's output is kept."""
        answer = self._ask(builds, tests, seconds=3600.0, stops=False, node_output=str(node_output))
        _verdict(answer)
        told: list[dict[str, Any]] = answer["told"]
        return told

    def _ask(
        self, builds: Iterable[Built], tests: Sequence[str], *, seconds: float, stops: bool, node_output: str
    ) -> dict[str, Any]:
        held = self._folder / "contracts.json"
        held.write_text(json.dumps([asdict(one) for one in builds]))
        job = {
            "contracts": str(held),
            "results": str(self._folder / "results.jsonl"),
            "tests": list(tests),
            "seconds": seconds + _SPARE_SECONDS,
            "stops": stops,
            "node_output": node_output,
        }
        self._wire.write(json.dumps(job) + "\n")
        self._wire.flush()
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def _program(self, address: Path, log: Path) -> processes.Program:
        ape = str(layout.CONTRACTS_ENV / "bin" / "ape")
        env = contracts.ape_environment({SOCKET: str(address), "PYTHONPATH": str(layout.ROOT)})
        argv = [ape, "test", "-p", PLUGIN, "-p", "no:cacheprovider", "-c", f"{_TESTS}/pytest.ini", _TESTS]
        return processes.Program(
            name="suite",
            argv=argv,
            env=env,
            cwd=layout.ROOT,
            log=log,
            stop_signal=signal.SIGKILL,
        )

    def _accept(self, door: socket.socket) -> socket.socket:
        running = self._running
        for _ in range(int(_COLLECT_SECONDS / 0.2)):
            try:
                return door.accept()[0]
            except TimeoutError:
                if running is None or not running.alive():
                    break
        raise Trouble(f"Ape did not collect the tests. The end of its log:\n{running.tail(25) if running else ''}")

    def _line(self) -> str:
        line: str = self._wire.readline()
        if not line:
            end = self._running.tail(25) if self._running else ""
            raise Trouble(f"Ape ended in the middle of a run. The end of its log:\n{end}")
        return line


def is_wanted(test: str) -> bool:
    """Return whether a test, by its name in the suite, is run against mutants."""
    return not LEFT_OUT.keys() & {test, test.partition("[")[0], test.partition("::")[0]}


def _sweep() -> None:
    """Remove what a run that was killed has left."""
    for folder in WORK.glob("suite-*-*"):
        if processes.identity(int(folder.name.split("-")[1])) is None:
            shutil.rmtree(folder)


def _verdict(answer: dict[str, Any]) -> Verdict:
    passed: dict[str, float] = {}
    for line in answer["told"]:
        if "broke" in line:
            raise Trouble(f"The tests could not be run: {line['broke']}")
        if "passed" in line:
            passed[line["passed"]] = line["seconds"]
    failure = next((line for line in answer["told"] if "failed" in line), None)
    if failure is not None:
        why = f"{failure['when']}: {failure['why']}"
        return Verdict(failure["failed"], why, passed, answer["timed_out"], answer["seconds"])
    if answer["timed_out"]:
        return Verdict("(time)", "took too long", passed, timed_out=True, seconds=answer["seconds"])
    if not any("done" in line for line in answer["told"]):
        raise Trouble("A run ended without a word")
    return Verdict(None, "", passed, timed_out=False, seconds=answer["seconds"])
