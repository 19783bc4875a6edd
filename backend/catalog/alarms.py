"""Why no event waits for the house: its promoter moves it, by hand."""

from backend.catalog.models import Event, EventStatus
from backend.kit.alarms import Machine, Rests, watch

watch(
    Machine(
        "event",
        Event,
        Event.created_at,
        {
            "DRAFT": Rests("Its promoter writes it; a collection that does not get ready has the alarm."),
            "READY": Rests("Its promoter publishes it."),
            "ON_SALE": Rests("It sells; sales that are suspended show in sales_suspended_seconds."),
            "CLOSED": Rests("No more sales; its tickets stay good."),
            "CANCELLED": Rests("It will not happen; its orders are refunded one by one and have the alarm."),
        },
        EventStatus,
    )
)
