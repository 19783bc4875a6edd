"""How long orders may stand where they stand, and what a person then does."""

from backend.kit.alarms import Action, Machine, Rests, Waits, watch
from backend.orders.models import Order, OrderStatus

_MINUTE, _DAY = 60, 86_400
_REFUND = Action("refund", "/v1/admin/orders/{id}/refund")
_RESOLVE = Action("resolution", "/v1/admin/orders/{id}/resolution")
_PAYMENTS = Action("payments", "/v1/admin/payments?order_id={id}", "GET")
_DISPUTES = Action("disputes", "/v1/admin/disputes", "GET")
_JOBS = Action("mint_jobs", "/v1/admin/mint-jobs?order_id={id}", "GET")

watch(
    Machine(
        "order",
        Order,
        Order.changed_at,
        {
            "AWAITING_PAYMENT": Waits(
                120 * _MINUTE,
                "Its provider does not say whether it was paid: look at its payments, and at the provider.",
                (_PAYMENTS,),
            ),
            "PAID": Waits(30 * _MINUTE, "Paid and not fulfilled: look at its mint jobs, or refund.", (_JOBS, _REFUND)),
            "PAID_LATE": Waits(10 * _MINUTE, "Nobody has decided about late money: is the worker running?", (_REFUND,)),
            "REFUNDING": Waits(
                _DAY,
                "The money is not back yet: look at its refund, and at the provider or the wallet that owes it.",
                (_PAYMENTS,),
            ),
            "DISPUTED": Waits(
                14 * _DAY, "A bank decides; evidence goes to the provider before its deadline.", (_DISPUTES,)
            ),
            "STUCK": Waits(0, "Refund it, honour it or void it.", (_REFUND, _RESOLVE)),
            "FULFILLED": Rests("Its tickets are final."),
            "EXPIRED": Rests("Nobody paid; late money has a state of its own."),
            "CANCELLED": Rests("As EXPIRED."),
            "REFUNDED": Rests("The money is back."),
            "DISPUTE_LOST": Rests("The money is gone and the tickets are void."),
        },
        OrderStatus,
        reason=Order.last_error,
    )
)
