"""Believing a provider: what it was asked just now decides, not what a message said.

A stored event names an object; the object is fetched again, compared with what we asked for, and written in one
transaction together with what follows from it. Nothing here depends on the order or number of the events.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit import clock, jobs, logs
from backend.kit.db import locked, unit_of_work
from backend.kit.notices import Notice, announce
from backend.payments import dispute, refund, registry, rules
from backend.payments.begin import begin
from backend.payments.models import Payment, PaymentStatus, ProviderEvent, ProviderEventStatus
from backend.payments.notices import PaymentExpired, PaymentFailed, PaymentStuck, PaymentSucceeded
from backend.payments.port import (
    PaymentProvider,
    ProviderPayment,
    ProviderRefused,
    ProviderUnavailable,
    Subject,
)

_log = logs.get(__name__)
_NOTICES: dict[PaymentStatus, Callable[[UUID, UUID], Notice]] = {
    PaymentStatus.SUCCEEDED: PaymentSucceeded,
    PaymentStatus.FAILED: PaymentFailed,
    PaymentStatus.EXPIRED: PaymentExpired,
    PaymentStatus.STUCK: PaymentStuck,
}


def apply(session: Session, payment_id: UUID, seen: ProviderPayment, now: datetime) -> str | None:
    """Write what the provider has into the payment and announce what changed. Returns a problem's word, or None.

    Applying the same, or an older answer after a newer one, changes nothing.
    """
    payment = locked(session, Payment, payment_id)
    if payment is None:
        return "unknown_reference"
    expected = rules.Expected(
        payment.id,
        payment.reference_id,
        payment.provider_ref,
        payment.amount,
        registry.get(payment.provider).livemode,
    )
    problem = rules.mismatch(expected, seen)
    before = PaymentStatus(payment.status)
    if problem is None:
        payment.provider_ref = seen.reference
        after = rules.next_status(before, seen.status)
    else:
        after = rules.status_after_mismatch(before, seen.status)
        _log.error("payment_mismatch", payment_id=str(payment_id), problem=problem, provider_ref=seen.reference)
    if after == before:
        return problem
    payment.status, payment.problem = after, problem
    if after in _NOTICES:
        payment.settled_at = now
        jobs.release(payment)
        session.flush()
        _log.info("payment_settled", payment_id=str(payment_id), status=after.value)
        announce(session, _NOTICES[after](payment.id, payment.reference_id))
    return problem


def settle_event(event_id: UUID) -> None:
    """Act on one stored event: fetch what it is about, write it down, and mark the event. Harmless when repeated."""
    with unit_of_work() as session:
        event = jobs.claim(
            session, ProviderEvent, event_id, clock.now(), 60, ProviderEvent.status == ProviderEventStatus.RECEIVED
        )
        if event is None:
            return
        provider = registry.get(event.provider)
        verdict = _verdict_without_asking(event, provider)
        if verdict is not None:
            _close(event, *verdict)
            return
    try:
        write = _ask(event, provider)
    except ProviderUnavailable as error:
        with unit_of_work() as session:
            jobs.retry_later(jobs.held(session, ProviderEvent, event_id, event.lease_id), clock.now(), error.code)
        return
    except ProviderRefused as refused:
        problem = refused.code
        write = lambda _session: problem  # noqa: E731 - the same shape as what asking gives
    with jobs.given_back(ProviderEvent, event_id, event.lease_id), unit_of_work() as session:
        mine = jobs.held(session, ProviderEvent, event_id, event.lease_id)
        found = write(session)
        _close(mine, ProviderEventStatus.SETTLED if found is None else ProviderEventStatus.STUCK, found)


def _verdict_without_asking(
    event: ProviderEvent, provider: PaymentProvider
) -> tuple[ProviderEventStatus, str | None] | None:
    if event.livemode != provider.livemode:
        return ProviderEventStatus.STUCK, "livemode_mismatch"
    if event.subject == Subject.ALARM:
        return ProviderEventStatus.STUCK, event.type
    if event.subject == Subject.OTHER or event.reference is None:
        return ProviderEventStatus.IGNORED, None
    return None


def _ask(event: ProviderEvent, provider: PaymentProvider) -> Callable[[Session], str | None]:
    """Fetch the event's object; return what writes it down. The network is crossed here, and only here."""
    reference = event.reference or ""
    if event.subject == Subject.DISPUTE:
        return _ask_dispute(provider, reference)
    if event.subject == Subject.REFUND:
        answer = provider.fetch_refund(reference)
        return lambda session: refund.apply(session, answer.refund_id, answer, clock.now())
    seen = provider.fetch(reference)
    return lambda session: _apply_by_reference(session, event.provider, seen)


def _ask_dispute(provider: PaymentProvider, reference: str) -> Callable[[Session], str | None]:
    """Fetch a dispute, and its payment as well if that is not settled here yet: messages come in any order."""
    disputed = provider.fetch_dispute(reference)
    with unit_of_work() as session:
        payment = session.get(Payment, disputed.payment_id) if disputed.payment_id is not None else None
    waiting = payment is not None and payment.status != PaymentStatus.SUCCEEDED and payment.provider_ref is not None
    paid = provider.fetch(payment.provider_ref) if waiting and payment and payment.provider_ref else None

    def write(session: Session) -> str | None:
        if paid is not None and payment is not None:
            apply(session, payment.id, paid, clock.now())
        return dispute.apply(session, provider.name, disputed, clock.now())

    return write


def _apply_by_reference(session: Session, provider: str, seen: ProviderPayment) -> str | None:
    """Find the payment by its provider's name for it, else by our id inside: a webhook may overtake `begin`."""
    by_ref = select(Payment.id).where(Payment.provider == provider, Payment.provider_ref == seen.reference)
    payment_id = session.scalar(by_ref) or seen.payment_id
    if payment_id is None:
        return "unknown_reference"
    return apply(session, payment_id, seen, clock.now())


def _close(event: ProviderEvent, status: ProviderEventStatus, problem: str | None) -> None:
    jobs.release(event)
    event.status, event.problem, event.settled_at = status, problem, clock.now()
    if status is ProviderEventStatus.STUCK:
        _log.error("provider_event_stuck", event_id=str(event.id), external_id=event.external_id, problem=problem)


def look(payment_id: UUID) -> None:
    """Fetch an open payment without waiting for its webhook any longer."""
    with unit_of_work() as session:
        payment = jobs.claim(
            session, Payment, payment_id, clock.now(), 60, Payment.status.in_(rules.OPEN), Payment.begun_at.is_not(None)
        )
    if payment is None:
        return
    try:
        seen = _look_up(payment)
    except (ProviderUnavailable, ProviderRefused) as error:
        with unit_of_work() as session:
            jobs.retry_later(jobs.held(session, Payment, payment_id, payment.lease_id), clock.now(), error.code)
        return
    with jobs.given_back(Payment, payment_id, payment.lease_id), unit_of_work() as session:
        if seen is not None:
            apply(session, payment_id, seen, clock.now())
        mine = locked(session, Payment, payment_id)
        if mine is not None and mine.lease_id == payment.lease_id and mine.status in rules.OPEN:
            looks = mine.attempts + 1
            jobs.release(mine)
            mine.attempts, mine.run_after = looks, clock.now() + rules.look_pause(looks)


def _look_up(payment: Payment) -> ProviderPayment | None:
    # Asked once, and the answer never written down: the key brings it back.
    reference = payment.provider_ref or begin(payment.id).provider_ref
    return registry.get(payment.provider).fetch(reference) if reference else None
