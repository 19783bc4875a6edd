"""The scopes that can be paused, by name: contracts/libraries/Words.sol keeps them as bits."""

from __future__ import annotations

from collections.abc import Sequence

SCOPES = {"sale": 1, "mint": 2, "resale": 4, "claim": 8}


def bits(names: Sequence[str]) -> int:
    """Return the bits of scopes; `all` is every one."""
    found = 0
    for name in names:
        found |= sum(SCOPES.values()) if name == "all" else SCOPES[name]
    return found


def words(value: int) -> str:
    """Return the names of what is paused."""
    return ", ".join(name for name, bit in SCOPES.items() if value & bit) or "nothing"
