"""Inside one of our processes: detours around the named functions.

A detour exchanges the code of a function, not its name, so that it is taken whoever holds the function and under
whatever name: tasks that were registered, `from x import f`, handlers in a list.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from bench.fault_kit import steps
from bench.fault_kit.steps import At, Step
from bench.fault_kit.wire import Line, Message

_POINTS = "fault_points"
_PATIENCE_SECONDS = 30.0
_CALM = {"api": (At.AFTER_COMMIT, 40), "worker": (At.AFTER_COMMIT, 12), "beat": (At.AFTER, 6)}
"""What a process gets done undisturbed after its start, half as much after each step: so many of these moments at its
points. Killed by the clock, on a slow machine it would die before it has done anything."""
_originals: dict[str, FunctionType] = {}
_around: dict[str, Callable[..., Any]] = {}
_here = threading.local()
_hooks: Hooks | None = None


class Hooks:
    """Which steps are armed in this process."""

    def __init__(self, line: Line, process: str, stand_still_seconds: float) -> None:
        """Listen to the campaign on `line` as a `process`, such as `worker`."""
        self._line, self._process, self._stand_still = line, process, stand_still_seconds
        self._work, self._calm = _CALM.get(process, (At.AFTER, 0))
        self._lock = threading.Lock()
        self._points = {step.point for step in steps.of(process)}
        self._armed: dict[tuple[str, At], Step] = {}
        self._go: dict[str, threading.Event] = {}
        line.listen(self._heard)

    def reach(self, point: str, at: At) -> None:
        """Do what is armed here, once."""
        with self._lock:
            if at is self._work and point in self._points:
                self._calm -= 1
            if self._calm > 0:
                return
            step = self._armed.pop((point, at), None)
            if step is None:
                return
            self._calm = _CALM.get(self._process, (At.AFTER, 0))[1] // 2
            go = self._go[step.name] = threading.Event()
        self._line.say(hit=step.name)
        if step.victim == self._process:
            os.kill(os.getpid(), signal.SIGKILL)
        elif step.victim == steps.NOBODY:
            time.sleep(self._stand_still)
        else:
            go.wait(_PATIENCE_SECONDS)

    def _heard(self, message: Message) -> None:
        with self._lock:
            if "arm" in message:
                step = steps.named(message["arm"])
                self._armed[step.point, step.at] = step
            elif "disarm" in message:
                step = steps.named(message["disarm"])
                self._armed.pop((step.point, step.at), None)
            elif message.get("go") in self._go:
                self._go[message["go"]].set()


def install(hooks: Hooks, process: str, around: Mapping[str, Callable[..., Any]]) -> None:
    """Lay detours around every point of this process, and around those of `around`, whose functions then decide.

    A function of `around` gets the real one first, then what the caller gave.
    """
    global _hooks
    _hooks = hooks
    for point in {step.point for step in steps.of(process)} | set(around):
        _lay(point)
    _around.update(around)
    event.listen(Session, "before_commit", _before_commit)
    # First of all listeners: what follows a commit (nudges) has not happened yet.
    event.listen(Session, "after_commit", _after_commit, insert=True)


def through(point: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function of a detour, with its moments around it."""
    hooks, original = _hooks, _originals[point]
    if hooks is None:
        return original(*args, **kwargs)
    if args and isinstance(args[0], Session):
        args[0].info.setdefault(_POINTS, set()).add(point)
    hooks.reach(point, At.BEFORE)
    inside: list[str] = _inside()
    inside.append(point)
    try:
        around = _around.get(point)
        result = original(*args, **kwargs) if around is None else around(original, *args, **kwargs)
    finally:
        inside.remove(point)
    hooks.reach(point, At.AFTER)
    return result


def _detour(*args: Any, **kwargs: Any) -> Any:
    from bench.fault_kit import hooks  # noqa: PLC0415, PLW0406 - this code runs with the globals of another module

    return hooks.through("POINT", args, kwargs)


def _lay(point: str) -> None:
    function = steps.resolve(point)
    original = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    _originals[point] = original
    code = _detour.__code__
    constants = tuple(point if constant == "POINT" else constant for constant in code.co_consts)
    function.__code__ = code.replace(co_consts=constants, co_name=function.__name__)


def _inside() -> list[str]:
    """Return the points this thread is inside of."""
    if not hasattr(_here, "points"):
        _here.points = []
    points: list[str] = _here.points
    return points


def _before_commit(session: Session) -> None:
    _commit(session, At.BEFORE_COMMIT)


def _after_commit(session: Session) -> None:
    _commit(session, At.AFTER_COMMIT)
    if not session.in_nested_transaction():
        session.info.pop(_POINTS, None)


def _commit(session: Session, at: At) -> None:
    if _hooks is None or session.in_nested_transaction():
        return
    for point in [*session.info.get(_POINTS, ()), *_inside()]:
        _hooks.reach(point, at)
