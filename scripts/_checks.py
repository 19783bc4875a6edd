"""What was found beside what was expected, as a table for people or as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import click


class _Unstated:
    """Nobody said what to expect."""


UNSTATED = _Unstated()


class Result(StrEnum):
    """What comparing came to."""

    OK = "ok"
    MISMATCH = "MISMATCH"
    SHOWN = "shown"
    """Nothing to compare it with."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    where: str
    what: str
    found: Any
    expected: Any = UNSTATED

    @property
    def result(self) -> Result:
        """Whether it is as expected."""
        if self.expected is UNSTATED:
            return Result.SHOWN
        return Result.OK if plain(self.found) == plain(self.expected) else Result.MISMATCH


def plain(value: Any) -> Any:
    """Return a value as it is compared: numbers and addresses as text, whatever wrote them."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    text = str(value)
    return text.lower() if isinstance(value, bool) or text.startswith("0x") else text


def show(checks: Sequence[Check], *, as_json: bool) -> bool:
    """Print them; tell whether nothing differs."""
    wrong = [check for check in checks if check.result is Result.MISMATCH]
    if as_json:
        click.echo(json.dumps({"ok": not wrong, "checks": [_as_json(check) for check in checks]}, indent=1))
        return not wrong
    for check in checks:
        line = f"{check.result:8}  {check.where:18} {check.what:18} {_text(check.found)}"
        click.echo(line if check.result is not Result.MISMATCH else f"{line}  expected {_text(check.expected)}")
    compared = sum(check.result is not Result.SHOWN for check in checks)
    click.echo(f"{compared - len(wrong)} of {compared} as expected" + (f", {len(wrong)} not" if wrong else ""))
    return not wrong


def _text(value: Any) -> str:
    told = plain(value)
    if isinstance(told, dict):
        return " ".join(f"{key}={_text(one)}" for key, one in told.items())
    return f"[{', '.join(_text(one) for one in told)}]" if isinstance(told, list) else str(value if told else '""')


def _as_json(check: Check) -> dict[str, Any]:
    told = {"where": check.where, "what": check.what, "result": str(check.result), "found": plain(check.found)}
    return told if check.expected is UNSTATED else told | {"expected": plain(check.expected)}
