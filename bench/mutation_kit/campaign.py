"""Try many mutants side by side, telling how it goes, keeping each result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Self

from bench.mutation_kit.compiler import Compiler
from bench.mutation_kit.coverage import tests_digest
from bench.mutation_kit.mutants import Mutant
from bench.mutation_kit.run import OPEN, SURVIVED, Baseline, Result, Trial, baseline
from bench.mutation_kit.state import State
from bench.mutation_kit.suite import Suite
from scripts.machine import say

_TELL_SECONDS = 30.0
_WIDEST = 160


class Campaign:
    """A baseline, and as many pairs of compiler and test suite as there are jobs."""

    def __init__(self, jobs: int, state: State) -> None:
        self._jobs = jobs
        self._state = state
        self._stack = ExitStack()
        self._idle: SimpleQueue[Trial] = SimpleQueue()
        self._codes: dict[str, str] = {}
        self._tests: frozenset[str] = frozenset()
        self._tests_digest = tests_digest()
        self.base: Baseline

    def __enter__(self) -> Self:
        """Start everything; see the tests pass on the contracts as they are."""
        first, suite = self._stack.enter_context(Compiler()), self._stack.enter_context(Suite(0))
        self.base = baseline(first, suite)
        self._tests = frozenset(suite.tests)
        trial = Trial(self.base, first, suite)
        self._codes = {mutant.source: "" for mutant in self.base.mutants}
        self._codes = {source: trial.code(source) for source in self._codes}
        self._idle.put(trial)
        for number in range(1, self._jobs):
            more = Trial(self.base, self._stack.enter_context(Compiler()), self._stack.enter_context(Suite(number)))
            self._idle.put(more)
        return self

    def __exit__(self, *_exception: object) -> None:
        """End what was started."""
        self._stack.close()

    def known(self, mutant: Mutant) -> Result | None:
        """Return the result of an earlier run that still holds."""
        return self._state.known(mutant.id, self._codes[mutant.source], self._tests_digest, self._tests)

    def run(self, mutants: Sequence[Mutant]) -> None:
        """Try those that are not known yet."""
        due = [mutant for mutant in mutants if self.known(mutant) is None]
        say.heading(f"{len(mutants)} mutants, {len(mutants) - len(due)} of them known from an earlier run")
        self._pass(due)
        left = [mutant for mutant in mutants if (known := self.known(mutant)) is not None and known.status == OPEN]
        if left:
            say.heading(f"{len(left)} of them passed the tests that reach them: all others that could notice")
            self._pass(left)

    def _pass(self, due: Sequence[Mutant]) -> None:
        began = told = time.monotonic()
        done = survived = 0
        with ThreadPoolExecutor(self._jobs) as pool:
            waiting = {pool.submit(self._one, mutant): mutant for mutant in due}
            try:
                while waiting:
                    finished, _ = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                    for future in finished:
                        done += 1
                        survived += self._tell(waiting.pop(future), future)
                    if time.monotonic() - told > _TELL_SECONDS:
                        told = time.monotonic()
                        _progress(done, len(due), survived, told - began)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._stack.close()  # ends the tests that the threads wait for
                raise

    def _one(self, mutant: Mutant) -> Result:
        trial = self._idle.get()
        try:
            result = trial.mutant(mutant, self.known(mutant), self._state.killer(mutant.id))
        finally:
            self._idle.put(trial)
        self._state.add(mutant.id, self._codes[mutant.source], self._tests_digest, result)
        return result

    def _tell(self, mutant: Mutant, future: Future[Result]) -> bool:
        result = future.result()
        if result.status == SURVIVED:
            line = mutant.line(self.base.sources[mutant.source])
            say.line(f"  survived  {mutant.source}:{line}  {mutant.id}  ({result.tests} tests)")
            say.note(f"- {_short(mutant.original)}")
            say.note(f"+ {_short(mutant.replacement)}")
        return result.status == SURVIVED


def _progress(done: int, due: int, survived: int, seconds: float) -> None:
    rate = done / seconds
    left = f"{(due - done) / rate / 60:.0f} min left" if rate else "no telling how long"
    say.note(f"{done} of {due}, {survived} survived, {rate * 60:.1f} a minute, {left}")


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _WIDEST else f"{one_line[:_WIDEST]}..."
