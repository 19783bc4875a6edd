"""What slither found, held against what has been explained."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.machine.trouble import Trouble

EXPLAINED = Path(__file__).with_name("explained.toml")
"""The list of what a reviewer has accepted."""

HELD = ("High", "Medium")
"""Impacts for which there must be an explanation."""


@dataclass(frozen=True)
class Finding:
    """One result, without line numbers: they change with every edit above."""

    impact: str
    check: str
    file: str
    place: str
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What an explanation names."""
        return self.check, self.file, self.place


@dataclass(frozen=True)
class Verdict:
    """Findings of high and medium impact, apart; and explanations of what is not found."""

    unexplained: Sequence[Finding]
    explained: Sequence[Finding]
    stale: Sequence[tuple[str, str, str]]


def read(report: dict[str, Any]) -> list[Finding]:
    """Read slither's own JSON. Raises Trouble when it did not come to an end."""
    if not report.get("success"):
        raise Trouble(f"slither failed: {report.get('error')}")
    return [_finding(result) for result in report["results"].get("detectors", [])]


def _finding(result: dict[str, Any]) -> Finding:
    first = result["elements"][0] if result["elements"] else {}
    return Finding(
        impact=result["impact"],
        check=result["check"],
        file=first.get("source_mapping", {}).get("filename_relative", ""),
        place=_place(first),
        text=result["description"].strip(),
    )


def _place(element: dict[str, Any]) -> str:
    """Name the function something is in; of what is in none, itself."""
    if element.get("type") in {"variable", "node"}:
        parent: dict[str, Any] = element.get("type_specific_fields", {}).get("parent", {})
        if parent.get("type") == "function":
            return str(parent["name"])
    return str(element.get("name", ""))


def explanations(path: Path = EXPLAINED) -> set[tuple[str, str, str]]:
    """Return what has been explained: (check, file, place). Raises Trouble for an entry without a reason."""
    known = set()
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("finding", []):
        if not entry.get("reason", "").strip():
            raise Trouble(f"{path.name}: {entry.get('check')} in {entry.get('file')} has no reason")
        known |= {(entry["check"], entry["file"], place) for place in entry["in"]}
    return known


def judge(findings: Iterable[Finding], known: set[tuple[str, str, str]]) -> Verdict:
    """Tell what still wants an explanation, and which explanations want to be removed."""
    held = [finding for finding in findings if finding.impact in HELD]
    return Verdict(
        unexplained=[finding for finding in held if finding.key not in known],
        explained=[finding for finding in held if finding.key in known],
        stale=sorted(known - {finding.key for finding in held}),
    )
