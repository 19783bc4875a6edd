"""The compiled contracts, never older than their sources.

Ape recompiles a file that changed and what it imports, not what imports it: a change in `contracts/libraries` would
leave yesterday's bytecode under today's sources. So everything is compiled anew when any source or setting changed.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ape import project

from scripts.source_hash import ROOT

_MARK = ROOT / ".build" / "sources.sha256"
_SETTINGS = ("ape-config.yaml", "package-lock.json")


def contracts() -> Any:
    """Return Ape's compiled contracts by name, compiled now if a source is newer than what is kept."""
    now = _everything()
    fresh = _MARK.exists() and _MARK.read_text() == now
    compiled = project.load_contracts(use_cache=fresh)
    _MARK.parent.mkdir(exist_ok=True)
    _MARK.write_text(now)
    return compiled


def _everything() -> str:
    digest = hashlib.sha256()
    # Packages are pinned by the lock file; Ape keeps copies of them in a hidden folder.
    ours = (path for path in (ROOT / "contracts").rglob("*.sol") if ".cache" not in path.parts)
    sources = sorted(ours)
    for path in [*sources, *(ROOT / name for name in _SETTINGS)]:
        digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
