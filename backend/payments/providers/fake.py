"""A provider that lives in memory, for unit tests alone: `registry.use` refuses it outside of the test environment.

It keeps the promises of the port (keys, closed stays closed, no over-refund) and has levers for trouble.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from backend.kit.money import Money
from backend.payments.port import (
    BadMessage,
    BadSignature,
    BeginRequest,
    Begun,
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

SIGNATURE_HEADER = "Fake-Signature"


@dataclass
class FakeProvider:
    """The provider's side of the payments, in memory."""

    name: str = "fake"
    livemode: bool = False
    secret: str = "fake secret"  # noqa: S105 - protects nothing
    payments: dict[str, ProviderPayment] = field(default_factory=dict)
    refunds: dict[str, RefundResult] = field(default_factory=dict)
    disputes: dict[str, ProviderDispute] = field(default_factory=dict)
    refusal: str | None = None
    """When set, `begin` and `refund` are refused for this reason."""
    refund_outcome: RefundOutcome = RefundOutcome.SUCCEEDED
    unavailable: int = 0
    """How many of the next calls fail before doing anything."""
    lost_answers: int = 0
    """How many of the next `begin` and `refund` calls act and then fail."""
    undelivered: list[Incoming] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    _opened: dict[str, tuple[BeginRequest, Begun]] = field(default_factory=dict)

    def begin(self, request: BeginRequest) -> Begun:
        """Open the payment, or return what the key opened."""
        self._called("begin")
        if request.key not in self._opened:
            if self.refusal:
                raise ProviderRefused(reason=self.refusal)
            reference = f"fake_{len(self._opened) + 1}_{request.payment_id.hex[-6:]}"
            begun = Begun(reference, f"https://fake.test/pay/{reference}", request.expires_at)
            self._opened[request.key] = request, begun
            self.payments[reference] = ProviderPayment(
                reference, Seen.OPEN, request.amount, request.payment_id, request.reference_id, self.livemode
            )
        first, begun = self._opened[request.key]
        if first != request:
            raise RequestKeyReused
        self._lose_answer()
        return begun

    def fetch(self, reference: str) -> ProviderPayment:
        """Return the payment as it is."""
        self._called("fetch")
        if reference not in self.payments:
            raise UnknownAtProvider
        return self.payments[reference]

    def expire(self, reference: str) -> bool:
        """Close the payment unless it was paid."""
        self._called("expire")
        if reference not in self.payments:
            raise UnknownAtProvider
        if self.payments[reference].status is Seen.OPEN:
            self.becomes(reference, Seen.EXPIRED)
        return self.payments[reference].status is Seen.EXPIRED

    def refund(self, reference: str, amount: Money, key: UUID) -> RefundResult:
        """Give money back once for each key."""
        self._called("refund")
        known = next((made for made in self.refunds.values() if made.refund_id == key), None)
        if known is None:
            if self.refusal:
                raise ProviderRefused(reason=self.refusal)
            if self.fetch(reference).status is not Seen.PAID:
                raise ProviderRefused(reason="not_paid")
            known = RefundResult(f"fake_re_{len(self.refunds) + 1}", self.refund_outcome, amount, key)
            self.refunds[known.reference] = known
        self._lose_answer()
        return known

    def fetch_refund(self, reference: str) -> RefundResult:
        """Return the refund as it is."""
        self._called("fetch_refund")
        if reference not in self.refunds:
            raise UnknownAtProvider
        return self.refunds[reference]

    def fetch_dispute(self, reference: str) -> ProviderDispute:
        """Return the dispute as a test put it."""
        self._called("fetch_dispute")
        if reference not in self.disputes:
            raise UnknownAtProvider
        return self.disputes[reference]

    def read_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Incoming:
        """Take a message whose header is the secret."""
        if not self.secret or headers.get(SIGNATURE_HEADER) != self.secret:
            raise BadSignature
        try:
            message = json.loads(raw)
            return Incoming(
                message["id"],
                message["type"],
                Subject(message["subject"]),
                message["reference"],
                self.livemode,
                message,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadMessage from error

    def missed(self, since: datetime) -> list[Incoming]:  # noqa: ARG002 - the port has it
        """Return what was put into `undelivered`."""
        self._called("missed")
        return list(self.undelivered)

    def becomes(self, reference: str, status: Seen, amount: Money | None = None) -> None:
        """Let the payment be `status` from now on; `amount` overrides what was received."""
        before = self.payments[reference]
        self.payments[reference] = replace(before, status=status, amount=amount or before.amount)

    def refund_becomes(self, reference: str, status: RefundOutcome) -> None:
        """Let the refund be `status` from now on."""
        self.refunds[reference] = replace(self.refunds[reference], status=status)

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.unavailable:
            self.unavailable -= 1
            raise ProviderUnavailable

    def _lose_answer(self) -> None:
        if self.lost_answers:
            self.lost_answers -= 1
            raise ProviderUnavailable
