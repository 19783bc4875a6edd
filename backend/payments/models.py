"""Payments, refunds, and the inbox of what providers told us."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.kit.jobs import Leased
from backend.kit.money import Money

PaymentId = NewType("PaymentId", UUID)
RefundId = NewType("RefundId", UUID)


class PaymentStatus(StrEnum):
    """How far a payment has come."""

    STARTED = "STARTED"  # a row; the provider may or may not have been asked yet
    PENDING = "PENDING"  # the provider waits for the buyer
    SUCCEEDED = "SUCCEEDED"  # paid in full, confirmed by fetching it from the provider
    FAILED = "FAILED"  # refused for good; another attempt may be started
    EXPIRED = "EXPIRED"  # the provider confirmed that it can no longer be paid
    CANCELLED = "CANCELLED"  # withdrawn before the provider was ever asked
    STUCK = "STUCK"  # what the provider has does not match what we asked for: a person must look


class ProviderEventStatus(StrEnum):
    """What became of something a provider told us."""

    RECEIVED = "RECEIVED"  # stored and acknowledged, not yet acted on
    SETTLED = "SETTLED"  # the object was fetched again and our rows agree with it
    IGNORED = "IGNORED"  # of a kind that changes nothing here
    STUCK = "STUCK"  # a person must look; `problem` says why


class RefundStatus(StrEnum):
    """How far a refund has come."""

    REQUESTED = "REQUESTED"  # a row; the provider may or may not have been asked yet
    PENDING = "PENDING"  # the provider took it and is working on it
    SUCCEEDED = "SUCCEEDED"  # the money is on its way back
    FAILED = "FAILED"  # refused for good: the money is still ours to return
    OWED = "OWED"  # paid on chain: it is on its way when a person's wallet has sent it, and no provider is asked
    WITHDRAWN = "WITHDRAWN"  # it was not sent and will not be: the tickets are good again
    STUCK = "STUCK"  # the provider's answer does not match what we asked for: a person must look


class DisputeStatus(StrEnum):
    """How a cardholder's dispute stands."""

    OPEN = "OPEN"  # the provider, or a bank, has yet to decide
    WON = "WON"  # the money stays
    LOST = "LOST"  # the money has gone back to the cardholder


def _one_of(words: type[StrEnum]) -> str:
    return f"status IN ({', '.join(repr(word.value) for word in words)})"


class Payment(Leased, Base):
    """One attempt to collect the price of one thing (an order) through one provider."""

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("reference_id", "attempt"),
        UniqueConstraint("provider", "provider_ref"),
        # What refunds refer to: a refund cannot belong to another organisation than its payment.
        UniqueConstraint("id", "organisation_id"),
        CheckConstraint(_one_of(PaymentStatus), name="status"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="refunded_minor"),
        # One way to pay stands open at a time, so that a buyer cannot pay the same order twice.
        Index(
            "uq_payments_open",
            "reference_id",
            unique=True,
            postgresql_where=text("status IN ('STARTED', 'PENDING')"),
        ),
        Index("ix_payments_status_created_at", "status", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    reference_id: Mapped[UUID]
    """What is paid for: the order's id. No foreign key, because orders live a floor above."""
    provider: Mapped[str]
    attempt: Mapped[int]
    """1 for the first try at this reference; a new attempt is a new payment with new idempotency keys."""
    status: Mapped[str] = mapped_column(default=PaymentStatus.STARTED)
    amount_minor: Mapped[Wei]
    currency: Mapped[str]
    refunded_minor: Mapped[Wei] = mapped_column(default=0, server_default="0")
    """The sum of all refunds that have not failed: the database refuses to let it pass the amount."""
    provider_ref: Mapped[str | None] = mapped_column(default=None)
    """The provider's name for it: a Checkout Session's id."""
    checkout_url: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """When the provider is told to stop taking money by itself. We usually expire it long before."""
    begun_at: Mapped[datetime | None] = mapped_column(default=None)
    """Written before the provider is first asked: NULL means it cannot know of this payment."""
    settled_at: Mapped[datetime | None] = mapped_column(default=None)
    """When it reached the status it has now, other than by waiting."""
    problem: Mapped[str | None] = mapped_column(default=None)
    """Why it is STUCK or FAILED, as a short word."""

    @property
    def amount(self) -> Money:
        """What has to be paid."""
        return Money(self.amount_minor, self.currency)


class ProviderEvent(Leased, Base):
    """One message of a provider, kept for ever so that the same one is never acted on twice."""

    __tablename__ = "provider_events"
    __table_args__ = (
        UniqueConstraint("provider", "external_id"),
        CheckConstraint(_one_of(ProviderEventStatus), name="status"),
        Index("ix_provider_events_status_received_at", "status", "received_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider: Mapped[str]
    external_id: Mapped[str]
    type: Mapped[str]
    subject: Mapped[str]
    """What it is about, in our words: PAYMENT, REFUND, DISPUTE, ALARM or OTHER."""
    reference: Mapped[str | None]
    """The provider's id of the object it is about. Its contents are never used: the object is fetched again."""
    livemode: Mapped[bool]
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(default=ProviderEventStatus.RECEIVED)
    settled_at: Mapped[datetime | None] = mapped_column(default=None)
    problem: Mapped[str | None] = mapped_column(default=None)


class Refund(Leased, Base):
    """Money to give back, or given back. Its id is the idempotency key at the provider."""

    __tablename__ = "refunds"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id", "organisation_id"], ["payments.id", "payments.organisation_id"]),
        UniqueConstraint("payment_id", "reason"),
        CheckConstraint(_one_of(RefundStatus), name="status"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        Index("ix_refunds_status_created_at", "status", "created_at"),
        Index("ix_refunds_provider_ref", "provider_ref"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(index=True)
    payment_id: Mapped[UUID]
    reason: Mapped[str]
    """What for, once a payment: `paid_late`, `ticket:<id>`. Asking twice for the same reason refunds once."""
    amount_minor: Mapped[Wei]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default=RefundStatus.REQUESTED)
    provider_ref: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None] = mapped_column(default=None)
    problem: Mapped[str | None] = mapped_column(default=None)
    paid_from: Mapped[str | None] = mapped_column(default=None)
    """The account of the books whose money it was; NULL: what the provider owes us."""

    @property
    def amount(self) -> Money:
        """What goes back."""
        return Money(self.amount_minor, self.currency)


class Dispute(Base):
    """A cardholder has asked the bank to take a payment back. The provider's word, fetched from it."""

    __tablename__ = "disputes"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id", "organisation_id"], ["payments.id", "payments.organisation_id"]),
        UniqueConstraint("provider", "provider_ref"),
        CheckConstraint(_one_of(DisputeStatus), name="status"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        Index("ix_disputes_status_opened_at", "status", "opened_at"),
        Index("ix_disputes_payment_id", "payment_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(index=True)
    payment_id: Mapped[UUID]
    provider: Mapped[str]
    provider_ref: Mapped[str]
    status: Mapped[str] = mapped_column(default=DisputeStatus.OPEN)
    reason: Mapped[str]
    """The provider's word for what the cardholder says: `fraudulent`, `product_not_received`."""
    amount_minor: Mapped[Wei]
    currency: Mapped[str]
    opened_at: Mapped[datetime]
    settled_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def amount(self) -> Money:
        """What is disputed."""
        return Money(self.amount_minor, self.currency)
