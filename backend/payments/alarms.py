"""How long refunds may stand where they stand, and what a person then does."""

from typing import Any
from uuid import UUID

from backend.kit.alarms import Action, Machine, Rests, Waits, watch
from backend.payments.models import Refund, RefundStatus

_MINUTE, _DAY = 60, 86_400
_RETRY = Action("retry", "/v1/admin/refunds/{id}/retry")


def _of_refund(row: Any) -> dict[str, UUID | None]:
    return {"id": row.id, "payment_id": row.payment_id}


watch(
    Machine(
        "refund",
        Refund,
        Refund.created_at,
        {
            "REQUESTED": Waits(30 * _MINUTE, "The provider does not answer: it is asked again by itself."),
            "PENDING": Waits(10 * _DAY, "The provider works on it: ask there."),
            "OWED": Waits(_DAY, "A wallet has to send it: the order's refund page names the transaction."),
            "FAILED": Rests("Its order is STUCK and has the alarm; a new refund has another reason."),
            "STUCK": Waits(0, "Compare it with the provider's own list, then retry.", (_RETRY,)),
            "SUCCEEDED": Rests("The money is on its way back."),
            "WITHDRAWN": Rests("Nothing was sent and nothing will be."),
        },
        RefundStatus,
        reason=Refund.problem,
        identify=_of_refund,
    )
)
