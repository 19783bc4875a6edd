"""Where each contract keeps what: `python -m scripts.storage_layout` writes it down, a test notices when it moved.

A collection is a clone whose code never changes, but tools read storage by slot, a next version of a contract may be
meant for the same storage, and a variable put between two others moves all that follow. What Solady keeps (owners,
balances, allowances) lies at hashed slots that solc does not list; the lock file pins those. Standard library only.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.source_hash import CONTRACTS, ROOT

SNAPSHOT = ROOT / "tests" / "contracts" / "storage_layout.json"
"""What was written down last."""

_SOLC = ROOT / "scripts" / "solc" / "solc-v0.8.37"
_OUTPUTS = {"storage": "storageLayout", "transient": "transientStorageLayout"}


def layouts(root: Path = ROOT) -> dict[str, dict[str, list[str]]]:
    """Return each contract's variables in order, and the members of their structs, as lines of words.

    Only what the compiler finds before it generates code is asked for, so this takes a second or two. Raises ValueError
    with the compiler's words when the sources do not compile.
    """
    files = {name: f"contracts/{name}.sol" for name in CONTRACTS}
    asked = {
        "language": "Solidity",
        "sources": {file: {"content": (root / file).read_text(encoding="utf-8")} for file in files.values()},
        "settings": {
            "remappings": ["solady/=node_modules/solady/"],
            "outputSelection": {file: {name: list(_OUTPUTS.values())} for name, file in files.items()},
        },
    }
    ran = subprocess.run(
        [str(_SOLC), "--standard-json", "--base-path", str(root)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(ran.stdout)
    errors = [error["formattedMessage"] for error in told.get("errors", ()) if error["severity"] == "error"]
    if errors:
        raise ValueError("\n".join(errors))
    return {name: _words(told["contracts"][file][name]) for name, file in files.items()}


def render(found: dict[str, dict[str, list[str]]]) -> str:
    """Make the same bytes of the same layout."""
    return json.dumps(found, indent=1) + "\n"


def _words(contract: dict[str, Any]) -> dict[str, list[str]]:
    words: dict[str, list[str]] = {}
    for kind, output in _OUTPUTS.items():
        types: dict[str, Any] = contract[output]["types"] or {}
        words[kind] = [_variable(one, types) for one in contract[output]["storage"]]
        structs = {told["label"]: told for told in types.values() if "members" in told}
        for label, told in sorted(structs.items()):
            words[label] = [_variable(one, types) for one in told["members"]]
    return words


def _variable(one: dict[str, Any], types: dict[str, Any]) -> str:
    kind = types[one["type"]]
    return f"slot {one['slot']} byte {one['offset']}: {kind['label']} {one['label']} ({kind['numberOfBytes']} bytes)"


def main() -> None:
    """Write the layout as it is now."""
    SNAPSHOT.write_text(render(layouts()), encoding="utf-8")
    sys.stdout.write(f"written  {SNAPSHOT.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
