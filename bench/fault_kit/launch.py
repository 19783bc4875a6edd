"""Run one of our programs under the campaign: python -m bench.fault_kit.launch OPTIONS -- MODULE ARGUMENTS.

Lays the detours, has nudges repeated, makes waiting shorter if asked to, installs a broken variant if one is named, and
then runs the real program as `python -m MODULE ARGUMENTS` would.
"""

from __future__ import annotations

import argparse
import importlib
import random
import runpy
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.fault_kit import hooks, steps, variants
from bench.fault_kit.hooks import Hooks
from bench.fault_kit.wire import Line

_NUDGE = "backend.kit.broker:Sender.__call__"
_CLAIM = "backend.kit.jobs:claim"
POINTS = (_NUDGE, _CLAIM)
_MOST_COPIES = 3
_REPEATED_SHARE = 0.3
_LATE_SHARE = 0.1


@dataclass(frozen=True)
class Orders:
    """What the campaign wants of one process."""

    name: str
    control: str
    seed: str
    visibility: int
    """Seconds after which the broker gives an unacknowledged message to somebody else."""
    longest_lease: float
    stand_still: float
    variant: str | None


def read(arguments: list[str]) -> tuple[Orders, str, list[str]]:
    """Return the orders, the module to run, and its arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.fault_kit.launch")
    parser.add_argument("--name", required=True)
    parser.add_argument("--control", required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--visibility", type=int, required=True)
    parser.add_argument("--longest-lease", type=float, required=True)
    parser.add_argument("--stand-still", type=float, required=True)
    parser.add_argument("--variant", choices=sorted(variants.VARIANTS))
    parser.add_argument("module")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    given = vars(parser.parse_args(arguments))
    module, rest = given.pop("module"), given.pop("rest")
    return Orders(**given), module, rest


def prepare(orders: Orders) -> None:
    """Lay everything into this process."""
    process = orders.name.partition("-")[0]
    line = Line(orders.control, orders.name)
    around: dict[str, Callable[..., Any]] = {
        _NUDGE: _repeating(orders.seed, orders.visibility, line),
        _CLAIM: _shorter(orders.longest_lease),
    }
    if orders.variant is not None:
        around |= variants.VARIANTS[orders.variant].around
    hooks.install(Hooks(line, process, orders.stand_still), process, around)
    from backend.kit import broker  # noqa: PLC0415 - after the detours are laid

    broker._REDELIVER_AFTER_SECONDS = orders.visibility  # noqa: SLF001 - the product has no setting for it
    if process == "worker":
        _count_redelivered(line)


def _repeating(seed: str, visibility: int, line: Line) -> Callable[..., None]:
    """Send some nudges several times, and some once more when the broker would have given them to somebody else."""
    dice, lock = random.Random(seed), threading.Lock()  # noqa: S311 - seeded on purpose

    def send(real: Callable[..., None], sender: Any, task: str, subject: str) -> None:
        with lock:
            copies = dice.randint(1, _MOST_COPIES) if dice.random() < _REPEATED_SHARE else 0
            late = dice.random() < _LATE_SHARE
        for _ in range(1 + copies):
            real(sender, task, subject)
        if late:
            again = threading.Timer(visibility + 5, _quietly, (real, sender, task, subject))
            again.daemon = True
            again.start()
        for what, times in (("nudges_duplicated", copies), ("nudges_repeated_late", int(late))):
            if times:
                line.say(count=what, by=times)

    return send


def _quietly(real: Callable[..., None], *what: object) -> None:
    try:
        real(*what)
    except Exception:  # noqa: BLE001 - a copy that nobody needed was lost with the broker
        return


def _shorter(longest: float) -> Callable[..., Any]:
    """Let leases last no longer than `longest` seconds."""

    def claim(real: Callable[..., Any], session: Any, model: Any, job_id: Any, now: Any, *more: Any) -> Any:
        seconds, where = (more[0], more[1:]) if more else (60, ())
        return real(session, model, job_id, now, min(seconds, longest), *where)

    return claim


def _count_redelivered(line: Line) -> None:
    """Count the messages that the broker gives to somebody else since their visibility timeout is over.

    Those that a closing connection puts back are not among them.
    """
    redis: Any = importlib.import_module("kombu.transport.redis")  # only where tasks are run
    looking, restore_visible = threading.local(), redis.QoS.restore_visible
    put_back = redis.Channel._do_restore_message  # noqa: SLF001 - nothing else tells it

    def look(*args: Any, **kwargs: Any) -> Any:
        looking.now = True
        try:
            return restore_visible(*args, **kwargs)
        finally:
            looking.now = False

    def count(*args: Any, **kwargs: Any) -> Any:
        if getattr(looking, "now", False):
            line.say(count="redelivered", by=1)
        return put_back(*args, **kwargs)

    redis.QoS.restore_visible = look
    redis.Channel._do_restore_message = count  # noqa: SLF001 - as above


def main() -> None:
    """Prepare this process, then become the program."""
    orders, module, rest = read(sys.argv[1:])
    gone = steps.missing(step.point for step in steps.of(orders.name.partition("-")[0]))
    if gone:
        sys.exit("\n".join(gone))
    prepare(orders)
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
