"""Starts the simulator as a process of its own, for tests; it can be killed and started again."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_READY = "ready on "


class Simulator:
    """A running simulator."""

    def __init__(self, webhook_url: str, secret: str, state: Path | None) -> None:
        self._arguments = ["--webhook-url", webhook_url, "--webhook-secret", secret, "--first-pause", "0.05"]
        if state is not None:
            self._arguments += ["--state", str(state)]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Start, on the same port as before if there was one, and wait for the line that says it is ready."""
        port = self.url.rpartition(":")[2] or "0"
        command = [sys.executable, "-m", "tests.simulators.stripe", "--port", port, *self._arguments]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if _READY not in line:
            raise RuntimeError(f"the simulator did not start: {line!r}")
        self.url = line.strip().rpartition(_READY)[2]

    def kill(self) -> None:
        """End it without warning (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()


@contextmanager
def running(webhook_url: str, secret: str, state: Path | None = None) -> Iterator[Simulator]:
    """Run a simulator that sends its webhooks to `webhook_url`."""
    simulator = Simulator(webhook_url, secret, state)
    simulator.start()
    try:
        yield simulator
    finally:
        simulator.kill()
