"""The port every way to pay goes through, shaped by what we need and spoken in our words.

A provider's own vocabulary stops at its file in `providers/`. Every method but `read_webhook` crosses the network and
must not be called inside a transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from backend.kit.errors import BusinessError, Invalid, Retryable, Unavailable
from backend.kit.money import Money


class Seen(StrEnum):
    """What a provider says of a payment, in our words."""

    OPEN = "OPEN"  # can still be paid
    PAID = "PAID"  # captured in full
    FAILED = "FAILED"  # refused for good
    EXPIRED = "EXPIRED"  # cannot be paid any more, and was not


class Subject(StrEnum):
    """What a provider's message is about."""

    PAYMENT = "PAYMENT"  # `reference` is a payment's provider_ref
    REFUND = "REFUND"  # `reference` is a refund's provider_ref
    DISPUTE = "DISPUTE"  # `reference` is a dispute's provider_ref
    ALARM = "ALARM"  # a person must look: a warning of fraud, a review
    OTHER = "OTHER"  # changes nothing here


class RefundOutcome(StrEnum):
    """What a provider says of a refund."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class DisputeSeen(StrEnum):
    """What a provider says of a dispute."""

    OPEN = "OPEN"
    WON = "WON"  # the money stays
    LOST = "LOST"  # the money has gone back to the cardholder


@dataclass(frozen=True, slots=True)
class BeginRequest:
    """Everything a provider needs to open one payment. The same `key` and content always mean the same payment."""

    payment_id: UUID
    reference_id: UUID
    amount: Money
    description: str
    expires_at: datetime
    key: str
    """Idempotency key: asked again with it, the provider answers with what it opened the first time."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A payment the provider opened: its own name for it, where the buyer pays, until when."""

    reference: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """A payment as the provider has it now. Ids are None when it does not carry ours."""

    reference: str
    status: Seen
    amount: Money | None
    """None when the provider names an amount or currency we cannot express: a mismatch, whatever was asked."""
    payment_id: UUID | None
    reference_id: UUID | None
    livemode: bool


@dataclass(frozen=True, slots=True)
class RefundResult:
    """A refund as the provider has it now."""

    reference: str
    status: RefundOutcome
    amount: Money | None
    refund_id: UUID | None


@dataclass(frozen=True, slots=True)
class ProviderDispute:
    """A dispute as the provider has it now."""

    reference: str
    status: DisputeSeen
    amount: Money | None
    payment_id: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message whose signature was good. Only its ids and kind are used; the rest is kept for people."""

    external_id: str
    type: str
    subject: Subject
    reference: str | None
    livemode: bool
    payload: dict[str, Any]


class BadSignature(BusinessError):
    """The message does not carry a valid, recent signature of the provider."""

    code = "bad_signature"
    status = 400


class BadMessage(Invalid):
    """The message is signed but is not one we can read."""

    code = "bad_message"
    status = 400


class ProviderUnavailable(Unavailable, Retryable):
    """The payment provider does not answer; nothing was lost, try again shortly."""

    code = "provider_unavailable"


class ProviderRefused(BusinessError):
    """The payment provider refused the request."""

    code = "provider_refused"
    status = 409


class UnknownAtProvider(ProviderRefused):
    """The payment provider has nothing under this reference."""

    code = "unknown_at_provider"


class RequestKeyReused(ProviderRefused):
    """The provider knows this request with other contents: what it opened then may still be paid."""

    code = "request_key_reused"


class PaymentProvider(Protocol):
    """One way to pay. All methods raise ProviderUnavailable when asking again may help, else ProviderRefused."""

    name: str
    livemode: bool
    """Whether it moves real money: what says otherwise is refused."""

    def begin(self, request: BeginRequest) -> Begun:
        """Open the payment, or return it if `request.key` opened it before."""

    def fetch(self, reference: str) -> ProviderPayment:
        """Return the payment as the provider has it now. Raises UnknownAtProvider."""

    def expire(self, reference: str) -> bool:
        """Close the payment to the buyer. True when it can no longer be paid and was not; False when it is settled."""

    def refund(self, reference: str, amount: Money, key: UUID) -> RefundResult:
        """Give `amount` of a paid payment back, once for each `key` (the refund's id)."""

    def fetch_refund(self, reference: str) -> RefundResult:
        """Return the refund as the provider has it now. Raises UnknownAtProvider."""

    def fetch_dispute(self, reference: str) -> ProviderDispute:
        """Return the dispute as the provider has it now. Raises UnknownAtProvider."""

    def read_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Incoming:
        """Verify the raw bytes of a message and say what it is about. Raises BadSignature or BadMessage.

        Fails closed: without a configured secret every message is refused.
        """

    def missed(self, since: datetime) -> list[Incoming]:
        """Return the messages since then that the provider could not deliver to us."""
