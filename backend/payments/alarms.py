"""How long payments, refunds, messages and disputes may stand where they stand, and what a person then does."""

from typing import Any
from uuid import UUID

from backend.kit.alarms import Action, Machine, Rests, Waits, watch
from backend.payments.models import (
    Dispute,
    DisputeStatus,
    Payment,
    PaymentStatus,
    ProviderEvent,
    ProviderEventStatus,
    Refund,
    RefundStatus,
)

_MINUTE, _DAY = 60, 86_400
_RETRY = Action("retry", "/v1/admin/refunds/{id}/retry")
_REFUNDS = Action("refunds", "/v1/admin/refunds?payment_id={payment_id}", "GET")
_RETRY_PAYMENT = Action("retry", "/v1/admin/payments/{id}/retry")
_RETRY_EVENT = Action("retry", "/v1/admin/provider-events/{id}/retry")
_ALL = Action("payments", "/v1/admin/payments", "GET")
_EVENTS = Action("provider_events", "/v1/admin/provider-events", "GET")
_DISPUTES = Action("disputes", "/v1/admin/disputes", "GET")


def _of_refund(row: Any) -> dict[str, UUID | None]:
    return {"id": row.id, "payment_id": row.payment_id}


watch(
    Machine(
        "refund",
        Refund,
        Refund.created_at,
        {
            "REQUESTED": Waits(30 * _MINUTE, "The provider does not answer: it is asked again by itself.", (_REFUNDS,)),
            "PENDING": Waits(10 * _DAY, "The provider works on it: ask there.", (_REFUNDS,)),
            "OWED": Waits(_DAY, "A wallet has to send it: its payout has the alarm and the actions.", (_REFUNDS,)),
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
watch(
    Machine(
        "payment",
        Payment,
        Payment.created_at,
        {
            "STARTED": Waits(
                30 * _MINUTE,
                "Its provider was not asked yet, or does not answer: it is asked again by itself.",
                (_ALL,),
            ),
            "PENDING": Waits(
                2 * _DAY,
                "The provider says neither paid nor expired: look there, and at our messages from it.",
                (_ALL,),
            ),
            "STUCK": Waits(
                0, "What the provider has is not what was asked for: compare, then retry.", (_RETRY_PAYMENT,)
            ),
            "SUCCEEDED": Rests("Paid; its order has the alarm."),
            "FAILED": Rests("Refused; another attempt may be started."),
            "EXPIRED": Rests("The provider says that it cannot be paid any more."),
            "CANCELLED": Rests("Withdrawn before the provider was asked."),
        },
        PaymentStatus,
        reason=Payment.problem,
    )
)
watch(
    Machine(
        "provider_event",
        ProviderEvent,
        ProviderEvent.received_at,
        {
            "RECEIVED": Waits(10 * _MINUTE, "Stored and not acted on: is the worker running?", (_EVENTS,)),
            "STUCK": Waits(0, "Read its problem, remove it, then retry.", (_RETRY_EVENT,)),
            "SETTLED": Rests("Our rows agree with the provider's object."),
            "IGNORED": Rests("It changes nothing here."),
        },
        ProviderEventStatus,
        reason=ProviderEvent.problem,
    )
)
watch(
    Machine(
        "dispute",
        Dispute,
        Dispute.opened_at,
        {
            "OPEN": Waits(7 * _DAY, "Evidence goes to the provider before its deadline; a bank decides.", (_DISPUTES,)),
            "WON": Rests("The money stays."),
            "LOST": Rests("The money is gone; the order's tickets are void."),
        },
        DisputeStatus,
        reason=Dispute.reason,
    )
)
