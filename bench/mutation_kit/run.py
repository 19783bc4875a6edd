"""Try one change of the contracts: compile what it touches, run the tests most about it first."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.mutation_kit.compiler import Built, Compiler, DoesNotCompile, dependents, read_sources
from bench.mutation_kit.coverage import Coverage, measure
from bench.mutation_kit.mutants import Mutant, all_mutants
from bench.mutation_kit.suite import Suite, Verdict
from scripts.machine import say

_PATIENCE = 5.0
"""A mutant may take this many times as long as the contracts as they are before its time is up."""
_LEAST_SECONDS = 60.0
_TRIES = 3
_NOISE = re.compile(r"ReadTimeout|Read timed out|ConnectionError|Connection refused|Max retries|RPCTimeout")

KILLED, SURVIVED, OPEN, INVALID, SAME = "killed", "survived", "open", "invalid", "same"
"""`open` has passed the tests that reach it, others are still to be run; `invalid` does not compile; `same` compiles
to the very code that ships. The last two are no mutants that count."""


@dataclass(frozen=True)
class Baseline:
    """The contracts as they are, how the tests reach them, and how long each test takes."""

    sources: Mapping[str, str]
    builds: Mapping[str, Built]
    mutants: Sequence[Mutant]
    coverage: Coverage


@dataclass(frozen=True)
class Result:
    """What became of a change."""

    status: str
    killer: str = ""
    why: str = ""
    seconds: float = 0.0
    tests: int = 0


def baseline(compiler: Compiler, suite: Suite) -> Baseline:
    """Compile the contracts and see every test pass on them. Raises Trouble if one does not."""
    sources = read_sources()
    with say.step("contracts compiled, without the optimizer"):
        trees = compiler.syntax_trees(sources)
        builds = {one.name: one for one in compiler.build(sources, sources, with_abi=True)}
    with say.step("every test passes on the contracts as they are") as remarks:
        coverage = measure(compiler, suite, sources, trees, builds.values())
        remarks.append(f"{len(coverage.reached)} tests, {sum(coverage.seconds.values()):.0f} s")
    return Baseline(sources, builds, all_mutants(trees, sources), coverage)


class Trial:
    """Tries changes against a baseline."""

    def __init__(self, base: Baseline, compiler: Compiler, suite: Suite) -> None:
        self._base = base
        self._compiler = compiler
        self._suite = suite
        self._shipped: dict[str, str] = {}

    def mutant(self, mutant: Mutant, known: Result | None, killer: str = "") -> Result:
        """Try one mutant: the tests that reach it or, if those are known to pass, all others that could notice.

        `killer` is the test that once failed on it, if any: that one is run first.
        """
        sources = {**self._base.sources, mutant.source: mutant.apply(self._base.sources[mutant.source])}
        try:
            builds = self._changed(sources, mutant.source)
        except DoesNotCompile as refused:
            return Result(INVALID, why=str(refused).splitlines()[0])
        if not builds:
            return Result(SAME)
        coverage = self._base.coverage
        at_the_door = mutant.operator == "MOD"
        likely = coverage.likely(mutant.where, at_the_door=at_the_door)
        others = coverage.others(mutant.where, at_the_door=at_the_door)
        is_open = known is not None and known.status == OPEN
        tests = others if is_open or not likely else likely
        if killer in coverage.reached:
            tests = [killer, *(test for test in tests if test != killer)]
        result = self._judge(builds, tests)
        if result.status == SURVIVED and likely and others and not is_open:
            return replace(result, status=OPEN)
        if result.status == SURVIVED and self._ships_the_same(sources, mutant.source):
            return replace(result, status=SAME)
        return result

    def change(self, sources: Mapping[str, str], changed: str, where: str) -> Result:
        """Try sources of which one has changed: the tests that reach the function, then all others that could notice.

        Raises DoesNotCompile.
        """
        builds = self._changed(sources, changed)
        if not builds:
            return Result(SAME)
        coverage = self._base.coverage
        return self._judge(
            builds, [*coverage.likely(where, at_the_door=True), *coverage.others(where, at_the_door=True)]
        )

    def code(self, source: str) -> str:
        """Return a hash of the code that depends on a source: as long as it stands, so do results about the source."""
        names = {name: one.bytecode for name, one in self._base.builds.items()}
        wanted = dependents(self._base.sources, source)
        return hashlib.sha256(
            repr(
                sorted((name, names[name]) for name, one in self._base.builds.items() if one.source in wanted)
            ).encode()
        ).hexdigest()

    def _judge(self, builds: Mapping[str, Built], tests: Sequence[str]) -> Result:
        verdict = self._verdict([*{**self._base.builds, **builds}.values()], tests)
        if verdict.failed:
            return Result(KILLED, verdict.failed, verdict.why, verdict.seconds, len(verdict.passed) + 1)
        return Result(SURVIVED, seconds=verdict.seconds, tests=len(tests))

    def _verdict(self, builds: Sequence[Built], tests: Sequence[str]) -> Verdict:
        """Run the tests; again when the node did not answer in time, which is the machine's doing unless it lasts."""
        for _ in range(_TRIES - 1):
            verdict = self._suite.run(builds, tests, seconds=self._limit(tests))
            if not _NOISE.search(verdict.why):
                return verdict
        return self._suite.run(builds, tests, seconds=self._limit(tests))

    def _limit(self, tests: Sequence[str]) -> float:
        usual = sum(self._base.coverage.seconds.get(test, 0.0) for test in tests)
        return max(_LEAST_SECONDS, _PATIENCE * usual)

    def _changed(self, sources: Mapping[str, str], changed: str) -> dict[str, Built]:
        """Return the contracts whose code is another one now, under the interfaces they had."""
        built = self._compiler.build(sources, dependents(sources, changed))
        kept = self._base.builds
        return {
            one.name: replace(one, abi=kept[one.name].abi)
            for one in built
            if (one.bytecode, one.runtime) != (kept[one.name].bytecode, kept[one.name].runtime)
        }

    def _ships_the_same(self, sources: Mapping[str, str], changed: str) -> bool:
        wanted = [name for name in dependents(sources, changed) if "testdoubles" not in name]
        for name in wanted:
            if name not in self._shipped:
                self._shipped[name] = _digest(self._compiler.shipped(self._base.sources, [name]))
            if _digest(self._compiler.shipped(sources, [name])) != self._shipped[name]:
                return False
        return True


def _digest(builds: Sequence[Built]) -> str:
    told = sorted((one.name, one.bytecode) for one in builds)
    return hashlib.sha256(repr(told).encode()).hexdigest()
