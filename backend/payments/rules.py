"""What a provider's word does to a payment, and how its requests are keyed. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from backend.kit.money import Money
from backend.payments.errors import CurrencyNotTaken
from backend.payments.models import PaymentStatus, RefundStatus
from backend.payments.port import ProviderPayment, RefundOutcome, RefundResult, Seen

SESSION_LIFE = timedelta(minutes=60)
"""How long a provider keeps a payment open by itself. Stripe allows 30 minutes to 24 hours from the moment it is asked
(https://docs.stripe.com/payments/checkout/managing-limited-inventory), so a first request may come half an hour late.
Holds are shorter: they end by `expire`, confirmed by the provider, never by this."""

LOOK_AGAIN = timedelta(minutes=2)
"""How long a pending payment is left alone before it is fetched without waiting for its webhook any longer."""

_LONGEST_LOOK = timedelta(minutes=15)

ON_CHAIN = "crypto"
"""The provider whose payments are purchases on chain: settled by the index, and nobody can pull the money back."""

TOKENS = frozenset({"BNB", "BKS"})
"""What is paid on chain; everything else is money a card knows."""

OPEN = frozenset({PaymentStatus.STARTED, PaymentStatus.PENDING})

_MEANING = {
    Seen.OPEN: PaymentStatus.PENDING,
    Seen.PAID: PaymentStatus.SUCCEEDED,
    Seen.FAILED: PaymentStatus.FAILED,
    Seen.EXPIRED: PaymentStatus.EXPIRED,
}


def next_status(status: PaymentStatus, seen: Seen) -> PaymentStatus:
    """Return the status after the provider said `seen`.

    Only forward: what two tasks fetched may be written in either order, so an older answer must never undo a newer.
    Money always counts, however late; STUCK waits for a person; nothing leaves SUCCEEDED.
    """
    if status in {PaymentStatus.SUCCEEDED, PaymentStatus.STUCK}:
        return status
    if status in OPEN or seen is Seen.PAID:
        return _MEANING[seen]
    return status


@dataclass(frozen=True, slots=True)
class Expected:
    """What we asked a provider for."""

    payment_id: UUID
    reference_id: UUID
    provider_ref: str | None
    amount: Money
    livemode: bool


def mismatch(expected: Expected, seen: ProviderPayment) -> str | None:
    """Return a short word for how the provider's payment differs from what was asked for, or None."""
    differences = {
        "livemode_mismatch": seen.livemode != expected.livemode,
        "payment_mismatch": seen.payment_id != expected.payment_id,
        "reference_mismatch": seen.reference_id != expected.reference_id,
        "other_session": expected.provider_ref not in {None, seen.reference},
        "amount_mismatch": seen.amount != expected.amount,
    }
    return next((word for word, differs in differences.items() if differs), None)


def status_after_mismatch(status: PaymentStatus, seen: Seen) -> PaymentStatus:
    """Return the status after the provider showed something else than we asked for: never success.

    A closed payment stays closed unless the puzzling thing was paid; what was paid properly stays so.
    """
    if status in OPEN or (seen is Seen.PAID and status is not PaymentStatus.SUCCEEDED):
        return PaymentStatus.STUCK
    return status


def look_pause(looks: int) -> timedelta:
    """Return how long to leave something pending alone after `looks` looks: doubling, up to 15 minutes."""
    return min(LOOK_AGAIN * (1 << min(looks, 8)), _LONGEST_LOOK)


def description(reference_id: UUID) -> str:
    """Return what the buyer reads on the provider's page. Part of the keyed request, so it depends on ids only."""
    return f"Tickets (order {reference_id})"


def check_takes(provider: str, currency: str) -> None:
    """Raise CurrencyNotTaken unless `provider` takes `currency`: tokens are paid on chain, and only they are."""
    if (provider == ON_CHAIN) != (currency in TOKENS):
        raise CurrencyNotTaken(provider=provider, currency=currency)


def open_until(provider: str, now: datetime, hold_ends_at: datetime) -> datetime:
    """Return when the provider stops taking money by itself.

    A quote ends with the hold, because nobody can take a signature back; a card's page stays longer and is closed
    through the provider.
    """
    return hold_ends_at if provider == ON_CHAIN else now + SESSION_LIFE


def begin_key(payment_id: UUID, attempt: int, amount: Money) -> str:
    """Return the idempotency key of opening a payment: another attempt or another amount is another request."""
    content = sha256(f"{amount.amount} {amount.currency}".encode()).hexdigest()[:16]
    return f"payment:{payment_id}:{attempt}:{content}"


def refund_status(status: RefundStatus, seen: RefundOutcome) -> RefundStatus:
    """Return the refund's status after the provider said `seen`: SUCCEEDED may still fail, as banks return refunds."""
    if status in {RefundStatus.FAILED, RefundStatus.STUCK}:
        return status
    if status is RefundStatus.SUCCEEDED and seen is RefundOutcome.PENDING:
        return status
    return RefundStatus(seen.value)


def refund_mismatch(refund_id: UUID, amount: Money, seen: RefundResult) -> str | None:
    """Return a short word for how the provider's refund differs from what was asked for, or None."""
    if seen.refund_id != refund_id:
        return "refund_mismatch"
    return None if seen.amount == amount else "amount_mismatch"
