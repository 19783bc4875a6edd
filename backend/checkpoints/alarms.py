"""How long a check of the index may wait, and what a person does about a mismatch: docs/runbooks/index-mismatch.md."""

from backend.checkpoints.models import IndexCheck
from backend.checkpoints.states import CheckStatus
from backend.kit.alarms import Action, Machine, Rests, Waits, watch

_HOUR = 3_600
_REPEAT = Action("repeat", "/v1/admin/index-checks/{id}/repeat")

watch(
    Machine(
        "index_check",
        IndexCheck,
        IndexCheck.status_since,
        {
            "DUE": Waits(
                _HOUR, "Is the worker running? Does the node answer for final blocks? last_error says.", (_REPEAT,)
            ),
            "MISMATCH": Waits(
                0, "Follow docs/runbooks/index-mismatch.md: stop the doors, verify, rebuild, repeat.", (_REPEAT,)
            ),
            "AGREED": Rests("The index is what the chain is."),
            "REPAIRED": Rests("A later check looked at everything and agreed."),
            "PASSED_OVER": Rests("A newer check of its kind looked instead."),
        },
        CheckStatus,
        reason=IndexCheck.reason,
    )
)
