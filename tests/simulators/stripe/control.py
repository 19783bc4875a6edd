"""Levers for demos and tests, under `/_sim`. The real Stripe has none of them."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query

from tests.simulators.stripe.desk import Desk
from tests.simulators.stripe.errors import StripeRefusal
from tests.simulators.stripe.faults import Faults, Kind
from tests.simulators.stripe.state import Json

_MOST_TIMES = 1000


def make_router(desk: Desk, faults: Faults) -> APIRouter:
    """Return the levers on `desk`."""
    router = APIRouter(prefix="/_sim")
    state = desk.state
    _banks_levers(router, desk)

    @router.get("/events")
    def events(reference: str | None = None) -> list[Json]:
        """List events, oldest first; `reference` picks those about one object, or about a session's intent."""
        with state.changing():
            session = state["sessions"].get(reference or "", {})
            wanted = {reference, session.get("payment_intent")} - {None}
            return [e for e in state["events"].values() if reference is None or e["data"]["object"]["id"] in wanted]

    @router.post("/events/{event_id}/redeliver")
    def redeliver(event_id: str, times: Annotated[int, Query(ge=1, le=_MOST_TIMES)] = 1) -> dict[str, list[str]]:
        """Send an event again, `times` times, ten at once."""
        with state.changing():
            try:
                event = desk.find("events", event_id)
            except StripeRefusal as refusal:
                raise HTTPException(refusal.status, refusal.message) from refusal
            return {"deliveries": desk.postman.post(event, times)}

    @router.get("/deliveries")
    def deliveries(event: str | None = None) -> list[Json]:
        """List deliveries with every answer they got."""
        with state.changing():
            return [dict(d) for d in state["deliveries"].values() if event is None or d["event"] == event]

    @router.get("/webhooks")
    def webhooks() -> dict[str, bool]:
        """Say whether webhooks are paused."""
        return {"paused": state.paused}

    @router.post("/webhooks/{lever}")
    def pull(lever: Literal["pause", "resume"]) -> dict[str, bool]:
        """Keep all messages back, or let them go."""
        with state.changing():
            state.paused = lever == "pause"
        desk.postman.wake()
        return {"paused": state.paused}

    @router.post("/faults/{kind}")
    def fail(kind: Kind, calls: Annotated[int, Query(ge=0, le=_MOST_TIMES)] = 1) -> dict[str, int]:
        """Let the next `calls` API calls fail."""
        faults.ask_for(kind, calls)
        return {kind: calls}

    return router


def _banks_levers(router: APIRouter, desk: Desk) -> None:
    """Add what a cardholder and the bank do."""

    def carried_out(work: Callable[[], Json]) -> Json:
        with desk.state.changing():
            try:
                return work()
            except StripeRefusal as refusal:
                raise HTTPException(refusal.status, refusal.message) from refusal

    @router.post("/sessions/{session_id}/dispute")
    def dispute(session_id: str, amount: Annotated[int | None, Query(ge=1)] = None) -> Json:
        """Have the cardholder dispute what paid the session, or `amount` of it."""
        return carried_out(lambda: desk.dispute(session_id, amount))

    @router.post("/disputes/{dispute_id}/{outcome}")
    def decide(dispute_id: str, outcome: Literal["won", "lost"]) -> Json:
        """Let the bank decide."""
        return carried_out(lambda: desk.decide(dispute_id, outcome))
