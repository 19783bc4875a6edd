"""What a campaign found, by source and by operator, and every survivor with its line and its change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.mutation_kit.mutants import OPERATORS, Mutant
from bench.mutation_kit.run import KILLED, OPEN, SURVIVED, Result
from bench.mutation_kit.state import Explanation
from scripts.machine import say

_WIDTH = 42


@dataclass(frozen=True)
class Tally:
    """Mutants counted by what became of them."""

    killed: int
    survived: int
    explained: int
    untried: int
    left_out: int
    """Those that do not compile, or compile to the code that ships."""

    @property
    def counted(self) -> int:
        """Those that the score is about."""
        return self.killed + self.survived

    @property
    def score(self) -> float:
        """Killed among counted, in percent; 100 where nothing counts."""
        return 100.0 * self.killed / self.counted if self.counted else 100.0

    @classmethod
    def of(
        cls, mutants: Iterable[Mutant], results: Mapping[str, Result], explained: Mapping[str, Explanation]
    ) -> Tally:
        """Count."""
        killed = survived = known = untried = left_out = 0
        for mutant in mutants:
            result = results.get(mutant.id)
            if mutant.id in explained:
                known += 1
            elif result is None or result.status == OPEN:
                untried += 1
            elif result.status == KILLED:
                killed += 1
            elif result.status == SURVIVED:
                survived += 1
            else:
                left_out += 1
        return cls(killed, survived, known, untried, left_out)


def show(
    mutants: Sequence[Mutant],
    results: Mapping[str, Result],
    explained: Mapping[str, Explanation],
    sources: Mapping[str, str],
) -> None:
    """Print it all."""
    _by("By source", mutants, results, explained, lambda mutant: mutant.source)
    _by(
        "By operator",
        mutants,
        results,
        explained,
        lambda mutant: f"{mutant.operator:<4} {OPERATORS[mutant.operator]}",
    )
    survivors = [mutant for mutant in mutants if _survived(results.get(mutant.id))]
    say.heading(f"Survivors: {len(survivors)}")
    for mutant in sorted(survivors, key=lambda one: (one.source, one.span)):
        critical = f"  critical: {', '.join(mutant.groups)}" if mutant.groups else ""
        say.line(f"  {mutant.source}:{mutant.line(sources[mutant.source])}  {mutant.id}{critical}")
        for before, after in zip(_lines(mutant.original, "-"), _lines(mutant.replacement, "+"), strict=False):
            say.note(before)
            say.note(after)


def _by(
    title: str,
    mutants: Sequence[Mutant],
    results: Mapping[str, Result],
    explained: Mapping[str, Explanation],
    key: Callable[[Mutant], str],
) -> None:
    say.heading(f"{title:<{_WIDTH + 2}} killed survived explained left out untried  score")
    for name in sorted({key(mutant) for mutant in mutants}):
        tally = Tally.of((mutant for mutant in mutants if key(mutant) == name), results, explained)
        say.line(
            f"  {name:<{_WIDTH}} {tally.killed:>6} {tally.survived:>8} {tally.explained:>9}"
            f" {tally.left_out:>8} {tally.untried:>7} {tally.score:>5.1f} %"
        )


def _survived(result: Result | None) -> bool:
    return result is not None and result.status == SURVIVED


def _lines(text: str, mark: str) -> list[str]:
    return [f"{mark} {' '.join(text.split()) or '(nothing)'}"]
