"""Keep everything running; when something dies say so; when asked to stop, stop all of it in reverse order."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

from scripts.machine import layout, ports, say
from scripts.machine.processes import Program, Running, launch
from scripts.machine.trouble import Trouble

_RESTARTS, _RESTART_WINDOW_SECONDS = 5, 60.0
_POLL_SECONDS = 0.1


class Interrupted(BaseException):
    """Somebody asked us to stop: Ctrl-C, SIGTERM or SIGHUP."""


class Server(Protocol):
    """An embedded server: Postgres, Redis, anvil. Its death ends the run."""

    running: Running | None

    def start(self) -> None:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """Stop it in good order."""


@dataclass
class App:
    """One of our own processes. It may be killed at any moment: a dead one is started again, with a line about it.

    One that ends with a status of `halts` has stopped on purpose, for a person to decide: the rest goes on without it.
    """

    program: Program
    is_ready: Callable[[Running], bool]
    ready_seconds: float = 60.0
    halts: frozenset[int] = frozenset()
    way_out: str = ""
    """What a person can do when it has halted."""
    running: Running | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=_RESTARTS))

    def await_ready(self) -> Running:
        """Wait until it is ready. Raises Trouble with the end of its log."""
        running = self.running
        if running is None or not ports.wait_until(lambda: self.is_ready(running), running.alive, self.ready_seconds):
            if running is not None and self.has_halted(running):
                return running
            end = running.tail(30) if running else ""
            raise Trouble(f"{self.program.name} did not become ready. The end of {self.program.log}:\n{end}")
        return running

    def has_halted(self, running: Running) -> bool:
        """Tell whether it has stopped on purpose."""
        return not running.alive() and running.popen.returncode in self.halts

    def launch(self) -> None:
        """Start it without waiting."""
        self.running = launch(self.program, layout.RUN)

    def stop(self) -> None:
        """Stop it in good order."""
        if self.running is not None:
            self.running.stop()
            self.running = None


class Supervisor:
    """Holds what was started, in order."""

    def __init__(self) -> None:
        self._servers: list[tuple[str, Server]] = []
        self._apps: list[App] = []

    def start_server(self, title: str, server: Server, remark: str = "") -> None:
        """Start an embedded server, with a line."""
        with say.step(title) as remarks:
            self._servers.append((title, server))
            server.start()
            if remark:
                remarks.append(remark)

    def start_apps(self, apps: list[App]) -> None:
        """Start our own processes side by side and wait for each."""
        begun = time.monotonic()
        for app in apps:
            self._apps.append(app)
            app.launch()
        for app in apps:
            try:
                running = app.await_ready()
            except Trouble:
                say.failed(app.program.name, time.monotonic() - begun)
                raise
            say.done(app.program.name, time.monotonic() - begun, f"process {running.pid}")

    def look(self) -> None:
        """One look at everything. Raises Trouble when a server died or an app dies too often."""
        for title, server in self._servers:
            if server.running is not None and not server.running.alive():
                status = ended(server.running.popen.returncode)
                log = server.running.program.log
                raise Trouble(f"{title} {status}. The end of {log}:\n{server.running.tail()}")
        for app in self._apps:
            if app.running is not None and not app.running.alive():
                self._restart(app, app.running)

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Look after everything until the condition holds (or for ever: until interrupted)."""
        while not until():
            self.look()
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop everything, last started first. Servers outlive the apps that use them."""
        for app in self._apps:
            if app.running is not None:
                app.running.ask_to_stop()
        for app in reversed(self._apps):
            app.stop()
        for _, server in reversed(self._servers):
            server.stop()
        self._apps.clear()
        self._servers.clear()

    def _restart(self, app: App, dead: Running) -> None:
        name, status = app.program.name, ended(dead.popen.returncode)
        if app.has_halted(dead):
            app.running = None
            say.line(f"  !!    {name} {status} and stays down; the rest goes on. Its last words:\n{dead.tail(5)}")
            if app.way_out:
                say.line(f"        {app.way_out}")
            return
        now = time.monotonic()
        recent = len(app.deaths) == _RESTARTS and now - app.deaths[0] < _RESTART_WINDOW_SECONDS
        if recent:
            raise Trouble(f"{name} {status}. The end of {app.program.log}:\n{dead.tail(30)}")
        app.deaths.append(now)
        dead.kill()  # what is left of its process group
        app.launch()
        say.line(f"  !!    {name} {status}; started again as process {app.running.pid if app.running else '?'}")


def ended(status: int) -> str:
    """How a process ended, in words."""
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into Interrupted, once; while we then stop, further ones are ignored.

    Whoever started us with SIGHUP ignored (nohup) wants us to go on without a terminal.
    """
    watched = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        watched.append(signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        ignore()
        raise Interrupted

    def ignore() -> None:
        for number in watched:
            signal.signal(number, signal.SIG_IGN)

    before = {number: signal.signal(number, interrupt) for number in watched}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
