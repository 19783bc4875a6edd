"""How long a reader of logs may stand still, and what a person then does."""

from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from backend.chain.models import ChainCursor, CursorStatus
from backend.kit.alarms import Action, Machine, Rests, Waits, watch

_HEALTH = Action("health", "/health", "GET")


def _of_cursor(row: Any) -> dict[str, UUID | None]:
    # A cursor is known by its network and its name; the id only makes two of them different.
    return {"id": uuid5(NAMESPACE_OID, f"cursor:{row.network}:{row.name}")}


watch(
    Machine(
        "index_cursor",
        ChainCursor,
        ChainCursor.updated_at,
        {
            "RUNNING": Rests("Whether it moves is its lag, in /health."),
            "STUCK": Waits(
                0, "Its handler fails: `python -m indexer status` has the error; it is tried again.", (_HEALTH,)
            ),
            "HALTED": Waits(0, "A reorg deeper than finality: docs/runbooks/deep-reorg.md.", (_HEALTH,)),
        },
        CursorStatus,
        reason=ChainCursor.error,
        identify=_of_cursor,
    )
)
