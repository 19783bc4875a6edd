"""The local chain and the local database tell one story; one without the other would make no sense of it."""

from __future__ import annotations

import json

from scripts.machine import anvil, layout
from scripts.machine.trouble import Trouble
from scripts.machine.vault import write_private

_PAIR = layout.DATA / "pair.json"
_ADVICE = "Run scripts/start --fresh to begin both anew."


def check(node: anvil.Anvil, *, database_is_new: bool) -> None:
    """Compare the chain's first block with the one this database began with. Raises Trouble when they differ."""
    genesis = node.genesis()
    if not _PAIR.exists():
        write_private(_PAIR, json.dumps({"genesis": genesis}))
        return
    if database_is_new:
        raise Trouble(f"The local database is new, but the local chain in {layout.DATA} is older. {_ADVICE}")
    if json.loads(_PAIR.read_text())["genesis"] != genesis:
        raise Trouble(f"The local chain is not the one that the database in {layout.DATA} knows. {_ADVICE}")
