"""What each operation of ours costs, kept in a file, so that a change which makes one dearer cannot pass unseen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from bench.gas_kit import deploys, operations, resale, unmatched
from bench.gas_kit.node import Node, wallets
from bench.gas_kit.ours import PROMOTER, Collection, house
from scripts.machine import layout

PLACE = layout.ROOT / "tests" / "bench" / "gas_snapshot.json"
REWRITE = "bench/gas --rewrite-snapshot"
DRIFT = 100
"""An operation may cost one part in so many more or less than what was kept."""

_SIZES = (50, 200)
_CHUNKS, _CHUNK = 10, 50


def measure(node: Node) -> dict[str, int]:
    """Return the gas of each operation of ours, in whole numbers."""
    ours = house(node)
    with node.undone():
        found = operations.measure(ours.collection(), _SIZES)
    with node.undone():
        found["buy"] = operations.buy_one(ours.collection())
    with node.undone():
        found |= _questions(ours.collection())
    with node.undone():
        found |= unmatched.measure(ours)
    found |= resale.ours(ours) | deploys.ours(ours)
    return {name: round(gas) for name, gas in sorted(found.items())}


def drifts(kept: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """Name what costs more or less than was kept, what is no longer measured, and what was never kept."""
    told = [f"{name}: {kept[name]:,} was kept and is not measured" for name in sorted(kept.keys() - found.keys())]
    told += [f"{name}: {found[name]:,} is measured and was not kept" for name in sorted(found.keys() - kept.keys())]
    for name in sorted(kept.keys() & found.keys()):
        more = found[name] - kept[name]
        if abs(more) * DRIFT > kept[name]:
            told.append(f"{name}: {found[name]:,}, kept {kept[name]:,} ({more / kept[name]:+.1%})")
    return told


def read(place: Path = PLACE) -> dict[str, int]:
    """Read what was kept."""
    found: dict[str, int] = json.loads(place.read_text(encoding="utf-8"))
    return found


def write(found: Mapping[str, int], place: Path = PLACE) -> None:
    """Keep what was measured."""
    place.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _questions(collection: Collection) -> dict[str, float]:
    """Ask, in transactions, for a ticket in the middle of batches that are one sorted run."""
    holders = wallets("asked about", _CHUNKS * _CHUNK)
    held: dict[bytes, int] = {}
    for start in range(0, len(holders), _CHUNK):
        _, tokens = collection.batch(holders[start : start + _CHUNK])
        held |= dict(zip(holders[start : start + _CHUNK], tokens, strict=True))
    asked = holders[len(holders) // 2]
    return {
        "owner_of": collection.contract.send(PROMOTER, "ownerOf", [held[asked]]).gas,
        "balance_of": collection.contract.send(PROMOTER, "balanceOf", [asked]).gas,
    }
