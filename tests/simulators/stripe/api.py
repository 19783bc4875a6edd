"""The calls of Stripe's API that Backstage makes, under `/v1`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from tests.simulators.stripe import params
from tests.simulators.stripe.calls import Calls
from tests.simulators.stripe.desk import Desk, shown
from tests.simulators.stripe.errors import StripeRefusal
from tests.simulators.stripe.faults import Faults
from tests.simulators.stripe.state import Json
from tests.simulators.stripe.webhooks import delivered


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


class Api:
    """One method a call."""

    def __init__(self, desk: Desk, faults: Faults) -> None:
        self._desk, self._state, self._calls = desk, desk.state, Calls(desk.state, faults)

    def create_session(self, request: Request, raw: Body) -> Response:
        """POST /v1/checkout/sessions."""
        base_url = str(request.base_url).rstrip("/")
        return self._calls.write(
            request, raw, lambda asked: shown(self._desk.open_session(params.session(asked), base_url))
        )

    def list_sessions(self, request: Request) -> Response:
        """GET /v1/checkout/sessions."""

        def work(asked: Json) -> Json:
            found = [shown(session) for session in self._state["sessions"].values()]
            return params.page(asked, found, "/v1/checkout/sessions", {"payment_intent", "status"})

        return self._calls.read(request, work)

    def retrieve_session(self, request: Request, session_id: str) -> Response:
        """GET /v1/checkout/sessions/{id}."""

        def work(asked: Json) -> Json:
            session, expand = self._desk.find("sessions", session_id), asked.get("expand", [])
            if any(name != "payment_intent" for name in expand):
                raise StripeRefusal(400, "This simulator expands payment_intent only", param="expand")
            intent = self._state["payment_intents"].get(session["payment_intent"])
            return shown(session, {"payment_intent": intent} if expand and intent is not None else None)

        return self._calls.read(request, work)

    def expire_session(self, request: Request, session_id: str, raw: Body) -> Response:
        """POST /v1/checkout/sessions/{id}/expire."""
        return self._calls.write(request, raw, lambda _asked: shown(self._desk.expire(session_id)))

    def retrieve_intent(self, request: Request, intent_id: str) -> Response:
        """GET /v1/payment_intents/{id}."""
        return self._calls.read(request, lambda _asked: shown(self._desk.find("payment_intents", intent_id)))

    def create_refund(self, request: Request, raw: Body) -> Response:
        """POST /v1/refunds."""
        return self._calls.write(request, raw, lambda asked: shown(self._desk.refund(params.refund(asked))))

    def retrieve_refund(self, request: Request, refund_id: str) -> Response:
        """GET /v1/refunds/{id}."""
        return self._calls.read(request, lambda _asked: shown(self._desk.find("refunds", refund_id)))

    def retrieve_dispute(self, request: Request, dispute_id: str) -> Response:
        """GET /v1/disputes/{id}."""

        def work(asked: Json) -> Json:
            dispute, expand = self._desk.find("disputes", dispute_id), asked.get("expand", [])
            if any(name != "payment_intent" for name in expand):
                raise StripeRefusal(400, "This simulator expands payment_intent only", param="expand")
            intent = self._state["payment_intents"][dispute["payment_intent"]]
            return shown(dispute, {"payment_intent": intent} if expand else None)

        return self._calls.read(request, work)

    def list_events(self, request: Request) -> Response:
        """GET /v1/events; `delivery_success=false` picks those no webhook has taken, `created[gte]` recent ones."""

        def work(asked: Json) -> Json:
            success, created = asked.pop("delivery_success", None), asked.pop("created", {})
            params.only(created, {"gte"}, "created.")
            since = params.whole(created.get("gte", 0), "created[gte]")
            events = [event for event in self._state["events"].values() if event["created"] >= since]
            if success is not None:
                events = [event for event in events if delivered(self._state, event["id"]) == (success == "true")]
            return params.page(asked, events, "/v1/events", {"type"})

        return self._calls.read(request, work)

    def retrieve_event(self, request: Request, event_id: str) -> Response:
        """GET /v1/events/{id}."""
        return self._calls.read(request, lambda _asked: self._desk.find("events", event_id))


def make_router(desk: Desk, faults: Faults) -> APIRouter:
    """Return the API on `desk`."""
    api, router = Api(desk, faults), APIRouter(prefix="/v1")
    router.add_api_route("/checkout/sessions", api.create_session, methods=["POST"])
    router.add_api_route("/checkout/sessions", api.list_sessions, methods=["GET"])
    router.add_api_route("/checkout/sessions/{session_id}", api.retrieve_session, methods=["GET"])
    router.add_api_route("/checkout/sessions/{session_id}/expire", api.expire_session, methods=["POST"])
    router.add_api_route("/payment_intents/{intent_id}", api.retrieve_intent, methods=["GET"])
    router.add_api_route("/refunds", api.create_refund, methods=["POST"])
    router.add_api_route("/refunds/{refund_id}", api.retrieve_refund, methods=["GET"])
    router.add_api_route("/disputes/{dispute_id}", api.retrieve_dispute, methods=["GET"])
    router.add_api_route("/events", api.list_events, methods=["GET"])
    router.add_api_route("/events/{event_id}", api.retrieve_event, methods=["GET"])
    return router
