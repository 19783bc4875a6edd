"""What is known so far, one line a mutant: a run that was killed goes on where it stopped."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from bench.mutation_kit.run import KILLED, OPEN, SURVIVED, Result
from bench.mutation_kit.suite import WORK
from scripts.machine.trouble import Trouble

RESULTS: Final = WORK / "results.jsonl"
EXPLAINED: Final = Path(__file__).with_name("equivalent.toml")


class State:
    """Results by mutant. One is believed as long as its code and, for a survivor, the tests are the same."""

    def __init__(self, path: Path = RESULTS) -> None:
        self._path = path
        self._lock = Lock()
        self._lines: dict[str, dict[str, object]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._take(line)

    def forget(self) -> None:
        """Begin anew."""
        self._path.unlink(missing_ok=True)
        self._lines.clear()

    def known(self, mutant: str, code: str, tests_digest: str, tests: Collection[str]) -> Result | None:
        """Return the result of a mutant if it still holds."""
        line = self._lines.get(mutant)
        if line is None or line["code"] != code:
            return None
        result = Result(**line["result"])  # type: ignore[arg-type]
        if result.status in {SURVIVED, OPEN} and line["tests"] != tests_digest:
            return None
        if result.status == KILLED and result.killer not in tests and not result.killer.startswith("("):
            return None
        return result

    def killer(self, mutant: str) -> str:
        """Return the test that failed on a mutant when it was last tried, even if that no longer counts; or nothing."""
        line = self._lines.get(mutant)
        return "" if line is None else Result(**line["result"]).killer  # type: ignore[arg-type]

    def add(self, mutant: str, code: str, tests_digest: str, result: Result) -> None:
        """Keep a result, on disk before it is used."""
        line: dict[str, object] = {"id": mutant, "code": code, "tests": tests_digest, "result": asdict(result)}
        with self._lock:
            self._lines[mutant] = line
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                # The newline first: a line that was cut off by a kill does not spoil the next.
                file.write("\n" + json.dumps(line))
                file.flush()
                os.fsync(file.fileno())

    def _take(self, line: str) -> None:
        try:
            told = json.loads(line)
            self._lines[told["id"]] = told
        except (ValueError, KeyError, TypeError):
            return  # empty, or cut off in the middle


@dataclass(frozen=True)
class Explanation:
    """Why a mutant is no fault: nobody can tell it from the original, through anything the contracts offer."""

    id: str
    change: str
    reason: str


def explanations(path: Path = EXPLAINED) -> Mapping[str, Explanation]:
    """Return what people have explained, by the mutant's id. Raises Trouble when an entry is incomplete."""
    found: dict[str, Explanation] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", []):
        try:
            one = Explanation(entry["id"], entry["change"], entry["reason"])
        except KeyError as missing:
            raise Trouble(f"{path.name}: an entry lacks {missing}: {entry}") from missing
        if not one.reason.strip():
            raise Trouble(f"{path.name}: {one.id} has no reason")
        if one.id in found:
            raise Trouble(f"{path.name}: {one.id} stands there twice")
        found[one.id] = one
    return found
