"""Figures read from the database when somebody asks for /metrics.

A capability puts its gauges into `gauges.py`; the row is the truth, so nothing is counted in a process's memory.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

Reading = dict[tuple[str, ...], float]
Reader = Callable[[Session], Reading]


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure: its name without prefix, what it means, its label names, and how to read it."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    read: Reader


registered: dict[str, Gauge] = {}


def gauge(name: str, meaning: str, labels: tuple[str, ...] = ()) -> Callable[[Reader], Reader]:
    """Register the decorated reader; it returns one value per tuple of label values."""

    def keep(read: Reader) -> Reader:
        if name in registered and registered[name].read.__module__ != read.__module__:
            raise ValueError(f"two gauges are called {name}")
        registered[name] = Gauge(name, meaning, labels, read)
        return read

    return keep
