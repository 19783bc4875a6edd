"""Cards through Stripe Checkout, by Stripe's own SDK: the only file that imports it or knows its words.

A payment is a Checkout Session in mode `payment` (https://docs.stripe.com/api/checkout/sessions), captured
automatically. Our ids travel in `client_reference_id` and `metadata`; what comes back is compared with them.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import stripe
from stripe.params.checkout import SessionCreateParams

from backend.kit import logs
from backend.kit.money import Money
from backend.payments.port import (
    BadMessage,
    BadSignature,
    BeginRequest,
    Begun,
    DisputeSeen,
    Incoming,
    ProviderDispute,
    ProviderPayment,
    ProviderRefused,
    ProviderUnavailable,
    RefundOutcome,
    RefundResult,
    RequestKeyReused,
    Seen,
    Subject,
    UnknownAtProvider,
)
from backend.payments.providers.stripe_amounts import from_stripe, to_stripe
from backend.settings import Settings

API_VERSION = "2026-10-28.endive"
"""Pinned, so that an upgrade of the account or of the SDK never changes what we read unseen."""

SIGNATURE_HEADER = "Stripe-Signature"
_TOLERANCE_SECONDS = 300
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 20.0
_NETWORK_RETRIES = 2
_NOT_FOUND, _CONFLICT = 404, 409

_PAYMENT_TYPES = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    }
)
_REFUND_TYPES = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_DISPUTES = "charge.dispute."
_ALARMS = ("radar.early_fraud_warning.", "review.opened")
_REFUND_OUTCOMES = {
    "pending": RefundOutcome.PENDING,
    "requires_action": RefundOutcome.PENDING,
    "succeeded": RefundOutcome.SUCCEEDED,
    "failed": RefundOutcome.FAILED,
    "canceled": RefundOutcome.FAILED,
}
# Without `won` and `lost`, all are open: an appeal may still bring money that was lost back.
_DISPUTE_ENDS = {
    "won": DisputeSeen.WON,
    "warning_closed": DisputeSeen.WON,
    "prevented": DisputeSeen.WON,
    "lost": DisputeSeen.LOST,
}
_log = logs.get(__name__)


@contextmanager
def _our_errors() -> Iterator[None]:
    """Translate the SDK's errors: those that asking again may cure, and those it will not."""
    try:
        yield
    except stripe.IdempotencyError as error:
        if error.http_status == _CONFLICT:
            raise ProviderUnavailable from error
        raise RequestKeyReused from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        # Ours to cure, by settings; the rows wait meanwhile.
        _log.error("stripe_key_refused", error=str(error), request_id=error.request_id)
        raise ProviderUnavailable from error
    except stripe.InvalidRequestError as error:
        if error.http_status == _NOT_FOUND or error.code == "resource_missing":
            raise UnknownAtProvider from error
        _log.warning("stripe_refused", error=str(error), code=error.code, request_id=error.request_id)
        raise ProviderRefused(reason=error.code or "invalid_request") from error
    except stripe.CardError as error:
        raise ProviderRefused(reason=error.code or "card_error") from error
    except stripe.StripeError as error:
        raise ProviderUnavailable from error


def _our_id(value: object) -> UUID | None:
    """Return the UUID somebody wrote into a field, or None when it is not one."""
    try:
        return UUID(str(value)) if value else None
    except ValueError:
        return None


def _our_id_in(metadata: stripe.StripeObject | None, name: str) -> UUID | None:
    return _our_id(metadata.to_dict().get(name)) if metadata is not None else None


def _seen(session: stripe.checkout.Session, intent: stripe.PaymentIntent | None) -> Seen:
    if session.payment_status == "paid":
        return Seen.PAID
    if session.status == "expired":
        return Seen.EXPIRED
    # Completed and still unpaid: a slow way to pay that is under way, or one that was refused in the end.
    if session.status == "complete" and intent is not None and intent.status in {"canceled", "requires_payment_method"}:
        return Seen.FAILED
    return Seen.OPEN


class StripeProvider:
    """Stripe behind the port."""

    name = "stripe"

    def __init__(
        self, api_key: str | None, webhook_secret: str | None, api_base: str | None, success_url: str, cancel_url: str
    ) -> None:
        """Keep one client for all threads. Without a key every call is refused as unavailable."""
        self._webhook_secret = webhook_secret
        self._success_url, self._cancel_url = success_url, cancel_url
        # `rk_live_` is a restricted key of the live account.
        self.livemode = (api_key or "").startswith(("sk_live_", "rk_live_"))
        self._stripe = stripe.StripeClient(
            api_key or "missing",
            stripe_version=API_VERSION,
            max_network_retries=_NETWORK_RETRIES,
            http_client=stripe.RequestsClient(timeout=(_CONNECT_SECONDS, _READ_SECONDS)),
            base_addresses={"api": api_base} if api_base else {},
        ).v1

    @classmethod
    def from_settings(cls, settings: Settings) -> "StripeProvider":
        """Build it from the process's settings."""
        return cls(
            settings.stripe_api_key,
            settings.stripe_webhook_secret,
            settings.stripe_api_base,
            settings.checkout_success_url,
            settings.checkout_cancel_url,
        )

    def begin(self, request: BeginRequest) -> Begun:
        """Create the Checkout Session. The key covers it, so that a second try returns the same one."""
        ids = {"payment_id": str(request.payment_id), "reference_id": str(request.reference_id)}
        params: SessionCreateParams = {
            "mode": "payment",
            "allowed_payment_method_types": ["card"],
            "client_reference_id": str(request.reference_id),
            "metadata": ids,
            "payment_intent_data": {"metadata": ids},
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": request.amount.currency.lower(),
                        "unit_amount": to_stripe(request.amount),
                        "product_data": {"name": request.description},
                    },
                }
            ],
            "expires_at": int(request.expires_at.timestamp()),
            "success_url": self._success_url,
            "cancel_url": self._cancel_url,
        }
        with _our_errors():
            session = self._stripe.checkout.sessions.create(params, {"idempotency_key": request.key})
        if session.url is None:
            raise ProviderRefused(reason="no_url")
        return Begun(session.id, session.url, datetime.fromtimestamp(session.expires_at, UTC))

    def _retrieve(self, reference: str) -> tuple[stripe.checkout.Session, stripe.PaymentIntent | None]:
        with _our_errors():
            session = self._stripe.checkout.sessions.retrieve(reference, {"expand": ["payment_intent"]})
        intent = session.payment_intent
        return session, intent if isinstance(intent, stripe.PaymentIntent) else None

    def fetch(self, reference: str) -> ProviderPayment:
        """Return the session as Stripe has it now; what was paid is what was received, not what was asked."""
        session, intent = self._retrieve(reference)
        seen = _seen(session, intent)
        minor, currency = session.amount_total, session.currency
        if seen is Seen.PAID:
            minor, currency = (intent.amount_received, intent.currency) if intent is not None else (None, None)
        return ProviderPayment(
            reference=session.id,
            status=seen,
            amount=from_stripe(minor, currency),
            payment_id=_our_id_in(session.metadata, "payment_id"),
            reference_id=_our_id(session.client_reference_id),
            livemode=session.livemode,
        )

    def expire(self, reference: str) -> bool:
        """Expire the session. Stripe refuses one that is not open, so what it is then decides the answer."""
        try:
            with _our_errors():
                return self._stripe.checkout.sessions.expire(reference).status == "expired"
        except UnknownAtProvider:
            raise
        except ProviderRefused:
            session, _ = self._retrieve(reference)
            if session.status == "open":
                raise
            return session.status == "expired"

    def refund(self, reference: str, amount: Money, key: UUID) -> RefundResult:
        """Refund part or all of the session's payment."""
        session, intent = self._retrieve(reference)
        if intent is None:
            raise ProviderRefused(reason="not_paid", session=session.id)
        with _our_errors():
            made = self._stripe.refunds.create(
                {
                    "payment_intent": intent.id,
                    "amount": to_stripe(amount),
                    "reason": "requested_by_customer",
                    "metadata": {"refund_id": str(key)},
                },
                {"idempotency_key": f"refund:{key}"},
            )
        return self._refund_result(made)

    def fetch_refund(self, reference: str) -> RefundResult:
        """Return the refund as Stripe has it now."""
        with _our_errors():
            found = self._stripe.refunds.retrieve(reference)
        return self._refund_result(found)

    def fetch_dispute(self, reference: str) -> ProviderDispute:
        """Return the dispute as Stripe has it now: https://docs.stripe.com/api/disputes/object."""
        with _our_errors():
            found = self._stripe.disputes.retrieve(reference, {"expand": ["payment_intent"]})
        intent = found.payment_intent if isinstance(found.payment_intent, stripe.PaymentIntent) else None
        return ProviderDispute(
            reference=found.id,
            status=_DISPUTE_ENDS.get(found.status, DisputeSeen.OPEN),
            amount=from_stripe(found.amount, found.currency),
            payment_id=_our_id_in(intent.metadata, "payment_id") if intent is not None else None,
            reason=found.reason,
        )

    @staticmethod
    def _refund_result(refund: stripe.Refund) -> RefundResult:
        outcome = _REFUND_OUTCOMES.get(refund.status or "")
        if outcome is None:
            raise ProviderRefused(reason="unknown_refund_status")
        return RefundResult(
            reference=refund.id,
            status=outcome,
            amount=from_stripe(refund.amount, refund.currency),
            refund_id=_our_id_in(refund.metadata, "refund_id"),
        )

    def missed(self, since: datetime) -> list[Incoming]:
        """List the events whose delivery failed or is still being tried, at most 30 days back (Stripe's own limit)."""
        with _our_errors():
            events = self._stripe.events.list(
                {"delivery_success": False, "created": {"gte": int(since.timestamp())}, "limit": 100}
            )
            return [incoming for event in events.auto_paging_iter() if (incoming := _readable(event)) is not None]

    def read_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Incoming:
        """Check `Stripe-Signature` over the raw bytes by the SDK, at most 300 seconds old, then read the envelope.

        https://docs.stripe.com/webhooks#verify-events
        """
        if not (self._webhook_secret or "").strip():
            _log.error("stripe_webhook_secret_missing")
            raise BadSignature
        header = next((value for name, value in headers.items() if name.lower() == SIGNATURE_HEADER.lower()), None)
        try:
            stripe.WebhookSignature.verify_header(raw, header, self._webhook_secret, _TOLERANCE_SECONDS)
        # Beside the SDK's own error, bytes that are no text and header characters it cannot compare.
        except (stripe.SignatureVerificationError, UnicodeError, TypeError, ValueError, OverflowError) as error:
            raise BadSignature from error
        return _read_event(raw)


def _read_event(raw: bytes) -> Incoming:
    try:
        event: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadMessage from error
    return _incoming(event)


def _readable(event: stripe.Event) -> Incoming | None:
    """Return the event, or None for one we cannot keep: it must not hide those listed after it."""
    try:
        return _incoming(event.to_dict())
    except BadMessage:
        _log.error("stripe_event_unreadable", event_id=event.id)
        return None


def _incoming(event: Any) -> Incoming:
    try:
        kind, about = event["type"], event["data"]["object"]
        external_id, livemode, reference = event["id"], event["livemode"], about.get("id")
        # What Postgres cannot keep as JSON: NUL and half surrogate pairs.
        storable = "\\u0000" not in json.dumps(event, ensure_ascii=False).encode().decode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadMessage from error
    readable = isinstance(kind, str) and isinstance(external_id, str) and isinstance(livemode, bool)
    if not readable or not storable or not isinstance(reference, str | None):
        raise BadMessage
    return Incoming(external_id, kind, _subject(kind, reference), reference, livemode, event)


def _subject(kind: str, reference: str | None) -> Subject:
    if kind in _PAYMENT_TYPES and reference:
        return Subject.PAYMENT
    if kind in _REFUND_TYPES and reference:
        return Subject.REFUND
    if kind.startswith(_DISPUTES) and reference:
        return Subject.DISPUTE
    return Subject.ALARM if kind.startswith(_ALARMS) else Subject.OTHER
