"""What happens to sessions, intents and refunds, and which events follow from it."""

import time
from typing import Any

from tests.simulators.stripe import cards
from tests.simulators.stripe.errors import StripeRefusal, missing
from tests.simulators.stripe.state import Json, State, new_id
from tests.simulators.stripe.webhooks import Postman

API_VERSION = "2026-10-28.endive"


class Desk:
    """The business end. Its methods are called inside `state.changing()`."""

    def __init__(self, state: State, postman: Postman) -> None:
        self.state, self.postman = state, postman

    def find(self, kind: str, object_id: str) -> Json:
        """Return an object, or raise Stripe's 404."""
        found = self.state[kind].get(object_id)
        if found is None:
            raise missing({"sessions": "checkout.session"}.get(kind, kind.rstrip("s")), object_id)
        if kind == "sessions" and found["status"] == "open" and found["expires_at"] <= time.time():
            self._close(found)
        return found

    def announce(self, kind: str, about: Json) -> Json:
        """Record an event with a copy of the object as it is now, and send it."""
        event = {
            "id": new_id("evt_"),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(time.time()),
            "data": {"object": dict(about)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self.state["events"][str(event["id"])] = event
        self.postman.post(event)
        return event

    def open_session(self, params: Json, base_url: str) -> Json:
        """Create a Checkout Session from checked parameters."""
        session_id = new_id("cs_test_")
        total = sum(item["price_data"]["unit_amount"] * item["quantity"] for item in params["line_items"])
        session = {
            "id": session_id,
            "object": "checkout.session",
            "allowed_payment_method_types": params.get("allowed_payment_method_types"),
            "amount_subtotal": total,
            "amount_total": total,
            "cancel_url": params.get("cancel_url"),
            "client_reference_id": params.get("client_reference_id"),
            "created": int(time.time()),
            "currency": params["line_items"][0]["price_data"]["currency"],
            "expires_at": params["expires_at"],
            "livemode": False,
            "metadata": params.get("metadata", {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_method_types": ["card"],
            "payment_status": "unpaid",
            "status": "open",
            "success_url": params["success_url"],
            "ui_mode": "hosted_page",
            "url": f"{base_url}/pay/{session_id}",
            # Not part of Stripe's object: what the page shows and what the intent will carry.
            "_description": params["line_items"][0]["price_data"]["product_data"]["name"],
            "_intent_metadata": params.get("payment_intent_data", {}).get("metadata", {}),
        }
        self.state["sessions"][session_id] = session
        return session

    def expire(self, session_id: str) -> Json:
        """Expire an open session; any other is refused."""
        session = self.find("sessions", session_id)
        if session["status"] != "open":
            raise StripeRefusal(
                400,
                'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status '
                f"of {session['status']}.",
            )
        self._close(session)
        return session

    def _close(self, session: Json) -> None:
        session.update(status="expired", url=None)
        intent = self.state["payment_intents"].get(session["payment_intent"])
        if intent is not None:
            intent["status"] = "canceled"
            self.announce("payment_intent.canceled", intent)
        self.announce("checkout.session.expired", session)

    def pay(self, session_id: str, card: str) -> cards.Decline | None:
        """Pay a session; None when it worked. Raises StripeRefusal unless the session is open."""
        session = self.find("sessions", session_id)
        if session["status"] != "open":
            raise StripeRefusal(409, f"This Checkout Session is {session['status']}.", code="session_not_open")
        intent = self._intent_of(session)
        decline = cards.charge(card)
        if decline is not None:
            intent.update(
                status="requires_payment_method",
                last_payment_error={
                    "type": "card_error",
                    "code": decline.code,
                    "decline_code": decline.decline_code,
                    "message": decline.message,
                },
            )
            self.announce("payment_intent.payment_failed", intent)
            return decline
        intent.update(status="succeeded", amount_received=intent["amount"], last_payment_error=None)
        session.update(status="complete", payment_status="paid", url=None)
        self.announce("payment_intent.succeeded", intent)
        self.announce("checkout.session.completed", session)
        return None

    def _intent_of(self, session: Json) -> Json:
        if session["payment_intent"] is None:
            intent = {
                "id": new_id("pi_"),
                "object": "payment_intent",
                "amount": session["amount_total"],
                "amount_received": 0,
                "capture_method": "automatic_async",
                "created": int(time.time()),
                "currency": session["currency"],
                "last_payment_error": None,
                "livemode": False,
                "metadata": session["_intent_metadata"],
                "payment_method_types": ["card"],
                "status": "requires_payment_method",
            }
            self.state["payment_intents"][str(intent["id"])] = intent
            session["payment_intent"] = intent["id"]
            self.announce("payment_intent.created", intent)
        return self.state["payment_intents"][session["payment_intent"]]

    def refund(self, params: Json) -> Json:
        """Give back part or all of a paid intent, never more than is left."""
        intent = self.find("payment_intents", params["payment_intent"])
        if intent["status"] != "succeeded":
            raise StripeRefusal(400, f"{intent['id']} has no successful charge to refund.")
        if any(one["payment_intent"] == intent["id"] and _is_open(one) for one in self.state["disputes"].values()):
            raise StripeRefusal(400, f"{intent['id']} has been charged back; cannot refund.", code="charge_disputed")
        gone = sum(
            refund["amount"]
            for refund in self.state["refunds"].values()
            if refund["payment_intent"] == intent["id"] and refund["status"] not in {"failed", "canceled"}
        )
        left = intent["amount_received"] - gone
        amount = params.get("amount", left)
        if not left:
            raise StripeRefusal(400, f"PaymentIntent {intent['id']} was refunded.", code="charge_already_refunded")
        if not 0 < amount <= left:
            raise StripeRefusal(400, f"Refund {amount} exceeds what is left: {left}", param="amount")
        refund = {
            "id": new_id("re_"),
            "object": "refund",
            "amount": amount,
            "charge": None,
            "created": int(time.time()),
            "currency": intent["currency"],
            "metadata": params.get("metadata", {}),
            "payment_intent": intent["id"],
            "reason": params.get("reason"),
            "status": "succeeded",
        }
        self.state["refunds"][str(refund["id"])] = refund
        self.announce("refund.created", refund)
        return refund

    def dispute(self, session_id: str, amount: int | None = None, reason: str = "fraudulent") -> Json:
        """Have the cardholder dispute a paid session's charge, or a part of it."""
        session = self.find("sessions", session_id)
        intent = self.state["payment_intents"].get(session["payment_intent"])
        if intent is None or intent["status"] != "succeeded":
            raise StripeRefusal(409, f"{session_id} has not been paid: there is nothing to dispute.")
        dispute = {
            "id": new_id("dp_"),
            "object": "dispute",
            "amount": amount or intent["amount_received"],
            "charge": None,
            "created": int(time.time()),
            "currency": intent["currency"],
            "evidence_details": {"due_by": int(time.time()) + 7 * 24 * 3600, "has_evidence": False},
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": intent["id"],
            "reason": reason,
            "status": "needs_response",
        }
        self.state["disputes"][str(dispute["id"])] = dispute
        self.announce("charge.dispute.created", dispute)
        self.announce("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def decide(self, dispute_id: str, outcome: str) -> Json:
        """Let the bank decide an open dispute: `won` or `lost`."""
        dispute = self.find("disputes", dispute_id)
        if not _is_open(dispute):
            raise StripeRefusal(409, f"{dispute_id} is {dispute['status']} already.")
        dispute["status"] = outcome
        self.announce("charge.dispute.updated", dispute)
        if outcome == "won":
            self.announce("charge.dispute.funds_reinstated", dispute)
        self.announce("charge.dispute.closed", dispute)
        return dispute

    def tick(self) -> None:
        """Expire the sessions whose time is over."""
        for session_id in list(self.state["sessions"]):
            self.find("sessions", session_id)


def _is_open(dispute: Json) -> bool:
    return dispute["status"] not in {"won", "lost"}


def shown(found: Json, expanded: dict[str, Any] | None = None) -> Json:
    """Return an object as Stripe would show it: without our own fields, with `expanded` ones put in."""
    return {name: value for name, value in {**found, **(expanded or {})}.items() if not name.startswith("_")}
