"""Start programs so that they can always be stopped: by us, by our death, or by the next run."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.machine.trouble import Trouble
from scripts.machine.unprivileged import Account

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_TAIL_BYTES = 4_000
_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Program:
    """A command line and how to end it."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    """Sent by the kernel when we die without having stopped the program (Linux only)."""
    grace: float = 10.0
    """Seconds between the stop signal and SIGKILL."""


@dataclass
class Running:
    """A started program."""

    program: Program
    popen: subprocess.Popen[bytes]
    record: Path | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        """Process id, also the id of its process group and session."""
        return self.popen.pid

    def alive(self) -> bool:
        """Tell whether the process has not ended yet."""
        return self.popen.poll() is None

    def ask_to_stop(self) -> None:
        """Send the stop signal, once, without waiting."""
        if self.alive():
            self.popen.send_signal(self.program.stop_signal)

    def stop(self) -> None:
        """Ask, wait for the grace period, then kill; nothing of its process group is left afterwards."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(timeout=self.program.grace)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the whole process group, as a crash would."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()
        if self.record is not None:
            self.record.unlink(missing_ok=True)

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of its log."""
        return tail(self.program.log, lines)


def launch(program: Program, records: Path | None = None) -> Running:
    """Start a program in a session of its own, its output in its log. With `records`, the next run can clean it up."""
    program.log.parent.mkdir(parents=True, exist_ok=True)
    account = program.account
    with program.log.open("ab") as log, _signals_held() as started:
        popen = subprocess.Popen(
            list(program.argv),
            env=dict(program.env),
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Safe here: this package starts programs from the main thread and has no other.
            preexec_fn=dies_with_parent(program.orphan_signal),  # noqa: PLW1509 - as said above
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        started.append(popen)
    record = None
    if records is not None:
        records.mkdir(parents=True, exist_ok=True)
        record = records / f"{program.name}.json"
        record.write_text(
            json.dumps(
                {
                    "pid": popen.pid,
                    "identity": identity(popen.pid),
                    "signal": int(program.stop_signal),
                    "grace": program.grace,
                },
            ),
        )
    return Running(program, popen, record)


@contextmanager
def _signals_held() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Let Ctrl-C and the like wait until the block is over; if there was one, what the block has started is ended.

    What a signal's handler raises in the middle of a fork is ignored by Python, and the request to stop would be lost.
    """
    started: list[subprocess.Popen[bytes]] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    try:
        yield started
    finally:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except BaseException:
            for popen in started:  # nobody will ever know of it
                popen.kill()
                popen.wait()
            raise


def dies_with_parent(sent: signal.Signals) -> Callable[[], None]:
    """Make a `preexec_fn` that lets the kernel signal the child when we die (where it can), and takes signals again."""
    libc, parent = _LIBC, os.getpid()

    def in_child() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
        if libc is None:
            return
        libc.prctl(_PR_SET_PDEATHSIG, int(sent), 0, 0, 0)
        if os.getppid() != parent:  # died between fork and prctl
            os._exit(1)

    return in_child


def identity(pid: int) -> str | None:
    """Return what tells this process from a later one with the same id; None when there is no such process."""
    if _LIBC is not None:  # Linux
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        after_name = stat.rpartition(")")[2].split()  # the name may contain spaces and brackets
        state, start_ticks = after_name[0], after_name[19]
        return None if state == "Z" else f"{boot}/{start_ticks}"
    return _identity_by_ps(pid)


def _identity_by_ps(pid: int) -> str | None:
    shown = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def stop_leftovers(records: Path) -> list[str]:
    """End what an earlier run left behind. Only a process whose identity matches its record is touched."""
    ended = []
    for record in sorted(records.glob("*.json")):
        try:
            told = json.loads(record.read_text())
            pid, known = int(told["pid"]), told["identity"]
            sent, grace = signal.Signals(told["signal"]), float(told["grace"])
        except (ValueError, KeyError, TypeError):  # cut off in the middle of writing
            record.unlink(missing_ok=True)
            continue
        if known is not None and identity(pid) == known:
            _end(pid, known, sent, grace, record.stem)
            ended.append(record.stem)
        record.unlink(missing_ok=True)
    return ended


def _end(pid: int, known: str, sent: signal.Signals, grace: float, name: str) -> None:
    for step in (sent, signal.SIGKILL):
        try:
            os.kill(pid, step)
        except ProcessLookupError:
            return
        except PermissionError as refused:
            message = f"{name} of an earlier run (process {pid}) belongs to another user; stop it, then start again."
            raise Trouble(message) from refused
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline:
            if identity(pid) != known:
                return
            time.sleep(0.05)


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, or a word that there are none."""
    if not log.exists():
        return "(no output)"
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:]) or "(no output)"
