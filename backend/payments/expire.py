"""Closing a payment unpaid: it counts as closed only when the provider has confirmed it."""

from uuid import UUID

from backend.kit import clock, logs
from backend.kit.db import locked, unit_of_work
from backend.kit.notices import announce
from backend.payments import registry, rules, settle
from backend.payments.begin import begin
from backend.payments.errors import PaymentUnknown
from backend.payments.models import Payment, PaymentStatus
from backend.payments.notices import PaymentExpired

_log = logs.get(__name__)


def expire(payment_id: UUID) -> PaymentStatus:
    """Close the payment to its buyer and return what it then is: EXPIRED or CANCELLED, or SUCCEEDED if money won.

    Announces whatever it finds out. Safe to call again at any time. Not inside a transaction. Raises PaymentUnknown,
    and ProviderUnavailable or ProviderRefused while the provider does not confirm; the payment then stays open.
    """
    with unit_of_work() as session:
        payment = locked(session, Payment, payment_id)
        if payment is None:
            raise PaymentUnknown
        if payment.status not in rules.OPEN:
            return PaymentStatus(payment.status)
        if payment.begun_at is None:
            payment.status, payment.settled_at = PaymentStatus.CANCELLED, clock.now()
            session.flush()
            announce(session, PaymentExpired(payment.id, payment.reference_id))
            return PaymentStatus.CANCELLED
    if payment.provider_ref is None:
        # Asked, but the answer got lost. The key brings it back, so that what was opened then can be closed now.
        payment = begin(payment_id)
        if payment.provider_ref is None or payment.status not in rules.OPEN:
            return PaymentStatus(payment.status)
    provider = registry.get(payment.provider)
    is_closed = provider.expire(payment.provider_ref)
    seen = provider.fetch(payment.provider_ref)
    _log.info("payment_expire", payment_id=str(payment_id), is_closed=is_closed, seen=seen.status.value)
    with unit_of_work() as session:
        settle.apply(session, payment_id, seen, clock.now())
        return PaymentStatus(session.get_one(Payment, payment_id).status)
