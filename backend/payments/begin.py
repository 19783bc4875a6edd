"""Opening a payment at its provider: write, commit, ask with a key, write the answer."""

from dataclasses import dataclass
from uuid import UUID

from backend.kit import clock, logs
from backend.kit.db import locked, unit_of_work
from backend.kit.notices import announce
from backend.payments import registry, rules
from backend.payments.errors import PaymentUnknown
from backend.payments.models import Payment, PaymentStatus
from backend.payments.notices import PaymentFailed, PaymentStuck
from backend.payments.port import BeginRequest, Begun, ProviderRefused, RequestKeyReused

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: PaymentStatus
    reason: str


def begin(payment_id: UUID) -> Payment:
    """Ask the provider to open the payment and return it with its `checkout_url`, or FAILED if it was refused.

    Safe to call again at any time, in parallel too: the idempotency key makes the provider answer the same.
    Not inside a transaction. Raises PaymentUnknown, and ProviderUnavailable when asking again may help.
    """
    with unit_of_work() as session:
        payment = locked(session, Payment, payment_id)
        if payment is None:
            raise PaymentUnknown
        if payment.status != PaymentStatus.STARTED:
            return payment
        # Before the call: from here on the provider may know of it, whatever becomes of this process.
        payment.begun_at = payment.begun_at or clock.now()
    answer = ask(payment)
    with unit_of_work() as session:
        payment = locked(session, Payment, payment_id)
        if payment is None:
            raise PaymentUnknown
        if isinstance(answer, _Refusal):
            if payment.status == PaymentStatus.STARTED:
                payment.status, payment.problem, payment.settled_at = answer.status, answer.reason, clock.now()
                kind = PaymentStuck if answer.status is PaymentStatus.STUCK else PaymentFailed
                session.flush()
                announce(session, kind(payment.id, payment.reference_id))
            return payment
        # A webhook may have overtaken us: its status stands, the address is news all the same.
        payment.provider_ref, payment.checkout_url = answer.reference, answer.url
        payment.expires_at = answer.expires_at
        if payment.status == PaymentStatus.STARTED:
            payment.status = PaymentStatus.PENDING
            payment.run_after = clock.now() + rules.LOOK_AGAIN
        return payment


def ask(payment: Payment) -> Begun | _Refusal:
    """Ask the provider to open `payment`, or what it opened before. Crosses the network."""
    request = BeginRequest(
        payment_id=payment.id,
        reference_id=payment.reference_id,
        amount=payment.amount,
        description=rules.description(payment.reference_id),
        expires_at=payment.expires_at,
        key=rules.begin_key(payment.id, payment.attempt, payment.amount),
    )
    try:
        return registry.get(payment.provider).begin(request)
    except RequestKeyReused as refused:
        # It holds something under our key that differs from this request, and that may be paid.
        _log.error("payment_stuck", payment_id=str(payment.id), problem=refused.code)
        return _Refusal(PaymentStatus.STUCK, refused.code)
    except ProviderRefused as refused:
        reason = str(refused.details.get("reason", refused.code))
        _log.warning("payment_refused", payment_id=str(payment.id), reason=reason)
        return _Refusal(PaymentStatus.FAILED, reason)
