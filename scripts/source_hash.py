"""One hash over a contract's source and everything it imports, without a compiler.

`export_artifacts.py` writes it into the artifacts and a test of the application compares it with the sources, so that
an artifact older than its contract is noticed where no Ape is installed. Standard library only.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CONTRACTS = ("TicketCollection", "CollectionFactory", "ResaleMarket", "BKS")
"""The contracts whose artifacts the backend uses; each is `contracts/<name>.sol`."""

ARTIFACTS = ROOT / "backend" / "chain" / "evm" / "artifacts"
"""Where their artifacts are kept."""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_IMPORT = re.compile(r"""\bimport\b[^;"']*["']([^"']+)["']""")


def source_hash(contract: str, root: Path = ROOT) -> str:
    """Return `0x` and the SHA-256 over a contract's sources.

    Each file counts with its name and its bytes: relative to the repository for ours, as it is imported for packages
    (`solady/src/...`), so that the hash is the same on every machine. A source that cannot be found raises
    FileNotFoundError.
    """
    digest = hashlib.sha256()
    for name, path in sorted(_sources(root / "contracts" / f"{contract}.sol", root).items()):
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"0x{digest.hexdigest()}"


def _sources(first: Path, root: Path) -> dict[str, Path]:
    """Every file that compiling `first` reads, by name."""
    found: dict[str, Path] = {}
    waiting = [first.resolve()]
    while waiting:
        path = waiting.pop()
        name = _name(path, root)
        if name in found:
            continue
        found[name] = path
        for imported in _IMPORT.findall(_COMMENT.sub("", path.read_text(encoding="utf-8"))):
            base = path.parent if imported.startswith(".") else root / "node_modules"
            waiting.append((base / imported).resolve(strict=True))
    return found


def _name(path: Path, root: Path) -> str:
    modules = (root / "node_modules").resolve()
    base = modules if path.is_relative_to(modules) else root.resolve()
    return path.relative_to(base).as_posix()


def main() -> None:
    """Print the hash of each contract, or of those named on the command line."""
    for contract in sys.argv[1:] or CONTRACTS:
        print(f"{source_hash(contract)}  {contract}")


if __name__ == "__main__":
    main()
