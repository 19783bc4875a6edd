"""The named steps: where in which process something dies, and what. A step whose function is gone is refused."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import FunctionType
from typing import Any


class At(StrEnum):
    """Which moment of a function."""

    BEFORE = "before"
    AFTER = "after"
    BEFORE_COMMIT = "before commit of"
    """Before the transaction commits in which the function took part."""
    AFTER_COMMIT = "after commit of"
    """Committed, and nothing that follows the commit (a nudge, an answer) has happened."""


SELF = "self"
"""The process that reached the step."""
NOBODY = "nobody"
"""Nobody dies: the thread stands still until its lease and the broker's visibility timeout are over."""
REORG = "reorg"
"""Needed beside a step: blocks must be undone for it to be reached."""


@dataclass(frozen=True)
class Step:
    """One named step."""

    process: str
    """`api`, `worker`, `indexer` or `beat`."""
    what: str
    at: At
    point: str
    """`module:function` or `module:Class.method`."""
    victim: str
    """Who is killed with -9: a process or a server; SELF has become the process's name."""
    needs: str | None = None

    @property
    def name(self) -> str:
        """How the table calls it."""
        fate = f"{self.victim} dies" if self.victim != NOBODY else "stands still"
        return f"{self.process}: {self.at.value} {self.what} - {fate}"


_B, _A, _BC, _AC = At.BEFORE, At.AFTER, At.BEFORE_COMMIT, At.AFTER_COMMIT

_SEND = "backend.chain.send"
_TABLE: tuple[tuple[str, str, str, tuple[tuple[At, tuple[str, ...]], ...]], ...] = (
    ("api", "the order", "backend.orders.place:place", ((_BC, (SELF, "postgres")), (_AC, (SELF,)))),
    ("api", "opening the checkout", "backend.payments.begin:ask", ((_B, (SELF,)), (_A, (SELF,)))),
    ("api", "the webhook", "backend.payments.inbox:store", ((_BC, (SELF, "postgres")), (_AC, (SELF, "redis")))),
    ("worker", "asking who paid", "backend.payments.settle:_ask", ((_A, (SELF, NOBODY)),)),
    ("worker", "the money", "backend.payments.settle:apply", ((_BC, (SELF, "postgres")), (_AC, (SELF,)))),
    ("worker", "the batch", "backend.tickets.batches:close", ((_BC, (SELF, "postgres")), (_AC, (SELF, "redis")))),
    ("worker", "the nonce", "backend.chain.signers:allot", ((_BC, (SELF,)), (_AC, (SELF,)))),
    ("worker", "sign", f"{_SEND}:_sign", ((_B, (SELF, NOBODY)), (_A, (SELF,)))),
    ("worker", "store", f"{_SEND}:_store", ((_BC, (SELF, "postgres")), (_AC, (SELF,)))),
    (
        "worker",
        "send",
        "backend.chain.evm.client:EvmChain.send_raw",
        ((_B, (SELF, "anvil")), (_A, (SELF, "anvil"))),
    ),
    ("worker", "ack", f"{_SEND}:_acknowledge", ((_BC, (SELF, "postgres")), (_AC, (SELF,)))),
    ("worker", "receipt", "backend.tickets.minted:mined", ((_BC, (SELF, "postgres")), (_AC, (SELF, "anvil")))),
    ("worker", "the final receipt", "backend.tickets.minted:final", ((_BC, (SELF,)), (_AC, (SELF,)))),
    (
        "worker",
        "the message's ack",
        "celery.worker.request:Request.acknowledge",
        ((_B, (SELF, "redis")), (_A, (SELF,))),
    ),
    ("indexer", "the logs", "backend.tickets.holdings:apply", ((_BC, (SELF, "postgres")), (_AC, (SELF, "anvil")))),
    (
        "indexer",
        "the final logs",
        "backend.tickets.final:tokens_settled",
        ((_BC, (SELF, "postgres")), (_AC, (SELF,))),
    ),
    ("beat", "a tick", "celery.beat:Scheduler.apply_async", ((_B, (SELF, "redis")), (_A, (SELF,)))),
)

STEPS: tuple[Step, ...] = (
    *(
        Step(process, what, at, point, process if victim == SELF else victim)
        for process, what, point, moments in _TABLE
        for at, victims in moments
        for victim in victims
    ),
    Step("indexer", "undoing blocks", _BC, "backend.tickets.holdings:undo", "indexer", needs=REORG),
    Step("worker", "a receipt undone", _BC, "backend.tickets.minted:unmined", "worker", needs=REORG),
)


def resolve(point: str) -> FunctionType:
    """Return the plain function a point names. Raises LookupError when there is none that can be detoured."""
    module, _, path = point.partition(":")
    found: Any
    try:
        found = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as gone:
        raise LookupError(f"{point} does not exist any more: {gone}") from gone
    if not isinstance(found, FunctionType) or found.__closure__:
        raise LookupError(f"{point} is no plain function any more, so nothing can be laid around it")
    return found


def missing(points: Iterable[str] | None = None) -> list[str]:
    """Say of every point that cannot be reached why: the campaign would pass without having tried it."""
    found = []
    for point in sorted({step.point for step in STEPS} if points is None else set(points)):
        try:
            resolve(point)
        except LookupError as gone:
            found.append(str(gone))
    return found


def of(process: str, only: Sequence[str] = ()) -> list[Step]:
    """Return the steps of one kind of process; `only` those of these things, if any are named."""
    return [step for step in STEPS if step.process == process and (not only or step.what in only)]


def named(name: str) -> Step:
    """Return a step by its name. Raises LookupError."""
    for step in STEPS:
        if step.name == name:
            return step
    raise LookupError(f"no step is called {name!r}")
