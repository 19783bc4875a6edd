"""The world outside, as a process of its own: buyers, and Stripe's post. python -m bench.fault_kit.crowd.

Buys until it is told to stop, finishes what it has begun, and writes what became of each purchase, a line each.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from bench.fault_kit.buyers import Crowd, Sale, Wish, persist
from bench.fault_kit.postman import Postman
from bench.fault_kit.wire import Line, Message
from scripts.demo.node import Node
from scripts.demo.people import Admin, Fan, Show
from scripts.demo.wallet import Wallet

_SIGN_IN_SECONDS = 60.0
_TELL_EVERY_SECONDS = 0.5


@dataclass(frozen=True)
class Spec:
    """What the crowd is told."""

    seed: int
    api: str
    rpc: str
    admin_key: str
    mail_port: int
    buyers: int
    fans: int
    rate: float
    sales: list[Sale]
    journal: str

    def to_file(self, file: Path) -> None:
        """Write it; it holds a key of the local chain."""
        file.touch(0o600)
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def from_file(cls, file: Path) -> Spec:
        """Read what `to_file` wrote."""
        told: dict[str, Any] = json.loads(file.read_text())
        told["sales"] = [Sale(Show(**sale.pop("show")), **sale) for sale in told["sales"]]
        return cls(**told)


class Counter:
    """How purchases came out, and the file that says it of each."""

    def __init__(self, journal: Path) -> None:
        """Write into `journal`."""
        self._file, self._lock = journal.open("w"), threading.Lock()
        self._begun = 0
        self._outcomes: dict[str, int] = {}

    def begin(self) -> None:
        """One more is under way."""
        with self._lock:
            self._begun += 1

    def end(self, told: dict[str, Any]) -> None:
        """Write down what became of one."""
        with self._lock:
            self._outcomes[told["outcome"]] = self._outcomes.get(told["outcome"], 0) + 1
            self._file.write(json.dumps(told) + "\n")
            self._file.flush()

    def told(self) -> dict[str, Any]:
        """Return the numbers."""
        with self._lock:
            under_way = self._begun - sum(self._outcomes.values())
            return {"outcomes": dict(self._outcomes), "under_way": under_way}


class Pace:
    """Lets the next purchase begin when it is time, one after the other."""

    def __init__(self, rate: float) -> None:
        """`rate` a second, at most."""
        self._pause, self._lock, self._numbers = 1 / rate, threading.Lock(), count()
        self._next = time.monotonic()
        self.stopped = threading.Event()

    def next(self) -> int | None:
        """Wait for the next number; None when it is over."""
        with self._lock:
            if self.stopped.wait(max(self._next - time.monotonic(), 0)):
                return None
            self._next = max(self._next + self._pause, time.monotonic() - 1)
            return next(self._numbers)


def _people(spec: Spec) -> Crowd:
    node = Node(spec.rpc)
    admin = Admin(spec.api, node, Wallet(spec.admin_key))
    fans = [Fan(spec.api, node, _wallet(spec.seed, number)) for number in range(spec.fans)]
    for person in (admin, *fans):
        persist(person.sign_in, time.monotonic() + _SIGN_IN_SECONDS)
    return Crowd(spec.seed, spec.api, spec.sales, fans, admin)


def _wallet(seed: int, number: int) -> Wallet:
    """Return the same wallet for the same seed; it holds nothing but tickets of a local chain."""
    return Wallet(f"0x{(0xFA45_0000_0000 + (seed << 16) + number):064x}")


def main() -> None:
    """Buy until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m bench.fault_kit.crowd")
    parser.add_argument("--control", required=True)
    parser.add_argument("--spec", type=Path, required=True)
    given = parser.parse_args()
    spec = Spec.from_file(given.spec)
    line = Line(given.control, "crowd")
    postman = Postman(spec.mail_port, spec.api.removeprefix("http://"), f"{spec.seed}:post")
    postman.start()
    pace, counter, crowd = Pace(spec.rate), Counter(Path(spec.journal)), _people(spec)

    def hear(message: Message) -> None:
        if "stop" in message:
            pace.stopped.set()

    def buy() -> None:
        while (number := pace.next()) is not None:
            counter.begin()
            counter.end(crowd.buy(Wish.draw(spec.seed, number, len(spec.sales), len(crowd.fans))))

    line.say(ready=True)
    line.listen(hear)
    threads = [threading.Thread(target=buy, daemon=True) for _ in range(spec.buyers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        line.say(crowd=counter.told(), **postman.told())
        time.sleep(_TELL_EVERY_SECONDS)
    line.say(crowd=counter.told(), **postman.told())
    while True:  # the post still comes
        line.say(done=True, letters=postman.waiting(), **postman.told())
        time.sleep(_TELL_EVERY_SECONDS)


if __name__ == "__main__":
    main()
