"""What payments tell the floors above."""

from dataclasses import dataclass
from uuid import UUID

from backend.kit.notices import Notice


@dataclass(frozen=True)
class PaymentSucceeded(Notice):
    """The whole amount was paid, perhaps after the payment had expired here: what that means, orders decide."""

    payment_id: UUID
    reference_id: UUID


@dataclass(frozen=True)
class PaymentFailed(Notice):
    """The attempt was refused for good; the buyer may start another."""

    payment_id: UUID
    reference_id: UUID


@dataclass(frozen=True)
class PaymentExpired(Notice):
    """Nobody can pay this attempt any more: the provider said so, or was never asked to take it."""

    payment_id: UUID
    reference_id: UUID


@dataclass(frozen=True)
class PaymentStuck(Notice):
    """What the provider holds does not match what was asked for; a person must look."""

    payment_id: UUID
    reference_id: UUID


@dataclass(frozen=True)
class RefundSucceeded(Notice):
    """The money is on its way back."""

    refund_id: UUID
    payment_id: UUID
    reference_id: UUID


@dataclass(frozen=True)
class RefundFailed(Notice):
    """The provider refused to give the money back this way."""

    refund_id: UUID
    payment_id: UUID
    reference_id: UUID


@dataclass(frozen=True)
class RefundRetried(Notice):
    """A person has a stuck refund asked for again; whoever hears it may refuse."""

    refund_id: UUID
    payment_id: UUID
    reference_id: UUID


@dataclass(frozen=True)
class DisputeOpened(Notice):
    """A cardholder disputes the payment, or a part of it."""

    dispute_id: UUID
    payment_id: UUID
    reference_id: UUID


@dataclass(frozen=True)
class DisputeWon(Notice):
    """A dispute ended and the money stays; others of the same payment may be open."""

    dispute_id: UUID
    payment_id: UUID
    reference_id: UUID


@dataclass(frozen=True)
class DisputeLost(Notice):
    """A dispute ended and its money has gone back to the cardholder."""

    dispute_id: UUID
    payment_id: UUID
    reference_id: UUID
