"""The metadata directory of a collection: `collection.json` (ERC-7572) and one `<tier number>.json` (ERC-721) a tier.

Pure and repeatable to the byte: the directory's content identifier is part of what the promoter signs.
"""

import json
from collections.abc import Mapping
from typing import Any

from backend.catalog.models import Event, Tier
from backend.tickets.ipfs.cid import directory_cid

SYMBOL = "TICKET"
_LONGEST_NAME = 200


def build(event: Event, tiers: list[Tier]) -> dict[str, str]:
    """Return file name -> JSON text. Prices are left out: they differ from sale to sale, a ticket's terms do not."""
    when = [
        {"trait_type": "Doors", "display_type": "date", "value": int(event.doors_at.timestamp())},
        {"trait_type": "Starts", "display_type": "date", "value": int(event.starts_at.timestamp())},
        {"trait_type": "Ends", "display_type": "date", "value": int(event.ends_at.timestamp())},
        {"trait_type": "Time zone", "value": event.zone},
    ]
    files = {
        "collection.json": _json({"name": event.title, "symbol": SYMBOL, "description": event.description}),
    }
    for tier in tiers:
        files[f"{tier.number}.json"] = _json(
            {
                "name": f"{event.title} - {tier.name}"[:_LONGEST_NAME],
                "description": event.description,
                "attributes": [{"trait_type": "Tier", "value": tier.name}, *when],
            }
        )
    return files


def as_bytes(files: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files as a content store takes them."""
    return {name: text.encode() for name, text in files.items()}


def cid(files: Mapping[str, str]) -> str:
    """Return the directory's CIDv1."""
    return directory_cid(as_bytes(files))


def base_uri(files: Mapping[str, str]) -> str:
    """Return what the contract puts before `<tier>.json`."""
    return f"ipfs://{cid(files)}/"


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
