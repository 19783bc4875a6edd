"""What admins see of payments, refunds and providers' messages. No payload: it may hold a buyer's name and address."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from backend.kit.money import exponent
from backend.kit.units import Units
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
from backend.payments.port import Subject

_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"
_NOON = "2027-03-01T12:00:00Z"


class PaymentShown(BaseModel):
    """One attempt to collect the price of an order."""

    id: UUID = Field(examples=[_ID])
    reference_id: UUID = Field(description="What is paid for: the order", examples=[_ID])
    provider: str = Field(examples=["stripe"])
    provider_ref: str | None = Field(description="The provider's name for it", examples=["cs_test_a1Example"])
    attempt: int = Field(examples=[1])
    status: PaymentStatus = Field(examples=["STUCK"])
    problem: str | None = Field(description="Why it is STUCK or FAILED", examples=["amount_mismatch"])
    amount_minor: Units = Field(description="In the currency's smallest unit", examples=["99800"])
    refunded_minor: Units = Field(description="Given back, or on its way back", examples=["0"])
    currency: str = Field(examples=["SEK"])
    exponent: int = Field(description="Decimal places of the currency's smallest unit", examples=[2])
    created_at: datetime = Field(examples=[_NOON])
    settled_at: datetime | None = Field(examples=[_NOON])
    last_error: str | None = Field(description="What the last try stumbled over", examples=["provider_unavailable"])

    @classmethod
    def of(cls, row: Payment) -> "PaymentShown":
        """Show a row."""
        return cls(
            id=row.id,
            reference_id=row.reference_id,
            provider=row.provider,
            provider_ref=row.provider_ref,
            attempt=row.attempt,
            status=PaymentStatus(row.status),
            problem=row.problem,
            amount_minor=row.amount_minor,
            refunded_minor=row.refunded_minor,
            currency=row.currency,
            exponent=exponent(row.currency),
            created_at=row.created_at,
            settled_at=row.settled_at,
            last_error=row.last_error,
        )


class RefundShown(BaseModel):
    """Money to give back, or given back."""

    id: UUID = Field(examples=[_ID])
    payment_id: UUID = Field(examples=[_ID])
    reason: str = Field(examples=["paid_late"])
    provider_ref: str | None = Field(description="The provider's name for it", examples=["re_1Example"])
    status: RefundStatus = Field(examples=["STUCK"])
    problem: str | None = Field(description="Why it is STUCK or FAILED", examples=["amount_mismatch"])
    amount_minor: Units = Field(description="In the currency's smallest unit", examples=["99800"])
    currency: str = Field(examples=["SEK"])
    exponent: int = Field(description="Decimal places of the currency's smallest unit", examples=[2])
    created_at: datetime = Field(examples=[_NOON])
    settled_at: datetime | None = Field(examples=[_NOON])
    last_error: str | None = Field(description="What the last try stumbled over", examples=["provider_unavailable"])

    @classmethod
    def of(cls, row: Refund) -> "RefundShown":
        """Show a row."""
        return cls(
            id=row.id,
            payment_id=row.payment_id,
            reason=row.reason,
            provider_ref=row.provider_ref,
            status=RefundStatus(row.status),
            problem=row.problem,
            amount_minor=row.amount_minor,
            currency=row.currency,
            exponent=exponent(row.currency),
            created_at=row.created_at,
            settled_at=row.settled_at,
            last_error=row.last_error,
        )


class DisputeShown(BaseModel):
    """A cardholder's dispute of a payment."""

    id: UUID = Field(examples=[_ID])
    payment_id: UUID = Field(examples=[_ID])
    provider_ref: str = Field(description="The provider's name for it", examples=["dp_1Example"])
    status: DisputeStatus = Field(examples=["OPEN"])
    reason: str = Field(description="In the provider's words", examples=["fraudulent"])
    amount_minor: Units = Field(description="In the currency's smallest unit", examples=["99800"])
    currency: str = Field(examples=["SEK"])
    exponent: int = Field(description="Decimal places of the currency's smallest unit", examples=[2])
    opened_at: datetime = Field(examples=[_NOON])
    settled_at: datetime | None = Field(examples=[_NOON])

    @classmethod
    def of(cls, row: Dispute) -> "DisputeShown":
        """Show a row."""
        return cls(
            id=row.id,
            payment_id=row.payment_id,
            provider_ref=row.provider_ref,
            status=DisputeStatus(row.status),
            reason=row.reason,
            amount_minor=row.amount_minor,
            currency=row.currency,
            exponent=exponent(row.currency),
            opened_at=row.opened_at,
            settled_at=row.settled_at,
        )


class ProviderEventShown(BaseModel):
    """One message of a provider."""

    id: UUID = Field(examples=[_ID])
    provider: str = Field(examples=["stripe"])
    external_id: str = Field(description="The provider's name for the message", examples=["evt_1QxExample"])
    type: str = Field(examples=["charge.dispute.created"])
    subject: Subject = Field(description="What it is about", examples=["ALARM"])
    reference: str | None = Field(description="The provider's name for that", examples=["cs_test_a1Example"])
    livemode: bool = Field(examples=[False])
    status: ProviderEventStatus = Field(examples=["STUCK"])
    problem: str | None = Field(description="Why it is STUCK", examples=["unknown_reference"])
    received_at: datetime = Field(examples=[_NOON])
    settled_at: datetime | None = Field(examples=[_NOON])

    @classmethod
    def of(cls, row: ProviderEvent) -> "ProviderEventShown":
        """Show a row."""
        return cls(
            id=row.id,
            provider=row.provider,
            external_id=row.external_id,
            type=row.type,
            subject=Subject(row.subject),
            reference=row.reference,
            livemode=row.livemode,
            status=ProviderEventStatus(row.status),
            problem=row.problem,
            received_at=row.received_at,
            settled_at=row.settled_at,
        )
