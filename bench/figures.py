"""What a measurement tells: figures, what each is held against, and whether its goal was met."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from scripts.machine import say


@dataclass(frozen=True)
class Figure:
    """One measured number. `reference` is what it is compared with, in words or as a number of the same run."""

    name: str
    value: float
    unit: str
    reference: str | float | None
    goal: str | None
    met: bool


def report(figures: Sequence[Figure], *, as_json: bool) -> int:
    """Print the figures, for people as a table, for programs as one last line of JSON. Returns the exit status."""
    say.line()
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        mark = "ok  " if figure.met else "MISS"
        reference = "" if figure.reference is None else f"  (reference: {figure.reference})"
        goal = "" if figure.goal is None else f"  goal {figure.goal}"
        say.line(f"  {mark}  {figure.name:<{width}}  {figure.value:>14,.6g} {figure.unit}{goal}{reference}")
    if as_json:
        say.line(json.dumps({"figures": [asdict(figure) for figure in figures]}))
    return 0 if all(figure.met for figure in figures) else 1
