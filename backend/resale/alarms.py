"""Why no resale waits for the house: where an order stands follows from facts, and nobody sets it."""

from backend.kit.alarms import Machine, Rests, watch
from backend.resale.models import MarketOrder
from backend.resale.states import Status

watch(
    Machine(
        "market_order",
        MarketOrder,
        MarketOrder.created_at,
        {
            "DRAFT": Rests("Nobody has signed it; it ends by itself."),
            "LISTED": Rests("It waits for a buyer, until it expires."),
            "SETTLING": Rests("Sold on chain and not final here: that is the index's to do, and it has the alarm."),
            "SETTLED": Rests("Sold for good."),
            "WITHDRAWN": Rests("Off this house; it ends by its own expiry, or by its signer on chain."),
            "CANCELLED": Rests("Dead: on chain, or never signed."),
            "EXPIRED": Rests("Dead by its own word."),
            "INVALID": Rests("The market would refuse it; its signer is told why, and it may become good again."),
        },
        Status,
        reason=MarketOrder.reason,
    )
)
