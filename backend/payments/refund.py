"""Giving money back: a row first, its id as the key at the provider, the provider's word last."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit import clock, jobs, logs
from backend.kit.db import locked, unit_of_work
from backend.kit.money import Money
from backend.kit.notices import announce
from backend.kit.nudges import nudge
from backend.payments import dispute, registry, rules
from backend.payments.errors import NotRefundable, PaymentDisputed, PaymentUnknown, RefundDiffers, RefundTooLarge
from backend.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from backend.payments.notices import RefundFailed, RefundSucceeded
from backend.payments.port import ProviderRefused, ProviderUnavailable, RefundResult, RequestKeyReused

_log = logs.get(__name__)
UNDER_WAY = (RefundStatus.REQUESTED, RefundStatus.PENDING)


def request_refund(session: Session, payment_id: UUID, amount: Money, reason: str, now: datetime) -> Refund:
    """Write down that `amount` of the payment goes back; a task then asks the provider.

    Once for each `reason` (`paid_late`, `ticket:<id>`): asking again returns the same refund. Raises PaymentUnknown,
    NotRefundable, PaymentDisputed, RefundTooLarge, RefundDiffers, CurrencyMismatch.

    What was paid on chain is OWED: nobody can be asked for it, a wallet has to send it. Who watches that says so by
    `wallet_paid` or `withdraw`.
    """
    payment = locked(session, Payment, payment_id)
    if payment is None:
        raise PaymentUnknown
    query = select(Refund).where(Refund.payment_id == payment_id, Refund.reason == reason)
    earlier = session.scalars(query).one_or_none()
    if earlier is not None:
        if earlier.amount != amount:
            raise RefundDiffers
        return earlier
    if payment.status != PaymentStatus.SUCCEEDED:
        raise NotRefundable(status=payment.status)
    if dispute.unsettled(session, payment_id):
        raise PaymentDisputed
    left = payment.amount - Money(payment.refunded_minor, payment.currency)
    if not Money(0, payment.currency) < amount or left < amount:
        raise RefundTooLarge(left_minor=str(left.amount), currency=left.currency)
    payment.refunded_minor += amount.amount
    asked = Refund(
        organisation_id=payment.organisation_id,
        payment_id=payment_id,
        reason=reason,
        amount_minor=amount.amount,
        currency=amount.currency,
        status=RefundStatus.OWED if payment.provider == rules.ON_CHAIN else RefundStatus.REQUESTED,
        created_at=now,
    )
    session.add(asked)
    session.flush()
    if asked.status == RefundStatus.REQUESTED:
        nudge(session, "payments.refund", asked.id)
    return asked


def wallet_paid(session: Session, refund_id: UUID, tx_hash: bytes | None, paid_from: str, now: datetime) -> None:
    """Write down that a wallet has sent an OWED refund, finally. `paid_from` names the account of the books.

    `tx_hash` None: a person says so. Else only for who has read the transaction from the chain. Twice is once.
    """
    rows = lock(session, refund_id)
    if rows is not None and rows[0].status == RefundStatus.OWED:
        rows[0].provider_ref = None if tx_hash is None else "0x" + tx_hash.hex()
        rows[0].paid_from = paid_from
        _move(session, rows, RefundStatus.SUCCEEDED, None, now)


def withdraw(session: Session, refund_id: UUID, problem: str | None, now: datetime) -> None:
    """Give an OWED refund up: nothing was sent. What that means for who was to get it, the caller knows."""
    rows = lock(session, refund_id)
    if rows is not None and rows[0].status == RefundStatus.OWED:
        refund, payment = rows
        refund.status, refund.problem, refund.settled_at = RefundStatus.WITHDRAWN, problem, now
        payment.refunded_minor -= refund.amount_minor
        session.flush()
        _log.info("refund_withdrawn", refund_id=str(refund_id), problem=problem)


def carry_out(refund_id: UUID) -> None:
    """Ask the provider for a requested refund, or how a pending one is doing. Harmless when repeated."""
    with unit_of_work() as session:
        refund = jobs.claim(session, Refund, refund_id, clock.now(), 60, Refund.status.in_(UNDER_WAY))
        if refund is None:
            return
        payment = session.get_one(Payment, refund.payment_id)
        # Asked for before the dispute came, and not at the provider yet: one of the two has to give way.
        is_disputed = refund.provider_ref is None and dispute.unsettled(session, payment.id)
    try:
        answer: RefundResult | ProviderRefused = (
            ProviderRefused(reason=PaymentDisputed.code) if is_disputed else _ask(payment, refund)
        )
    except ProviderUnavailable as error:
        with unit_of_work() as session:
            jobs.retry_later(jobs.held(session, Refund, refund_id, refund.lease_id), clock.now(), error.code)
        return
    except ProviderRefused as refused:
        answer = refused
    with jobs.given_back(Refund, refund_id, refund.lease_id), unit_of_work() as session:
        if isinstance(answer, RefundResult):
            apply(session, refund_id, answer, clock.now())
        else:
            _refused(session, refund_id, answer, clock.now())
        mine = session.get_one(Refund, refund_id)
        if mine.status == RefundStatus.PENDING and mine.lease_id == refund.lease_id:
            looks = mine.attempts + 1
            jobs.release(mine)
            mine.attempts, mine.run_after = looks, clock.now() + rules.look_pause(looks)


def _ask(payment: Payment, refund: Refund) -> RefundResult:
    provider = registry.get(payment.provider)
    if refund.provider_ref is not None:
        return provider.fetch_refund(refund.provider_ref)
    return provider.refund(payment.provider_ref or "", refund.amount, refund.id)


def apply(session: Session, refund_id: UUID | None, answer: RefundResult, now: datetime) -> str | None:
    """Write what the provider has into the refund and announce what changed. Returns a problem's word, or None.

    A refund that is not ours was made behind our back, by hand at the provider: a person must look.
    """
    locked_rows = lock(session, refund_id)
    if locked_rows is None:
        return "unknown_refund"
    refund = locked_rows[0]
    problem = rules.refund_mismatch(refund.id, refund.amount, answer)
    before = RefundStatus(refund.status)
    after = rules.refund_status(before, answer.status) if problem is None else RefundStatus.STUCK
    refund.provider_ref = refund.provider_ref or answer.reference
    if after != before:
        _move(session, locked_rows, after, problem, now)
    return problem


def _refused(session: Session, refund_id: UUID, refusal: ProviderRefused, now: datetime) -> None:
    locked_rows = lock(session, refund_id)
    if locked_rows is None or locked_rows[0].status not in UNDER_WAY:
        return
    # Under a reused key the provider may have paid something out, and one it has made before has certainly been asked
    # for: only a person can say.
    unclear = isinstance(refusal, RequestKeyReused) or locked_rows[0].provider_ref is not None
    after = RefundStatus.STUCK if unclear else RefundStatus.FAILED
    _move(session, locked_rows, after, str(refusal.details.get("reason", refusal.code)), now)


def lock(session: Session, refund_id: UUID | None) -> tuple[Refund, Payment] | None:
    """Lock the payment, then its refund: the same order as when it was requested."""
    payment_id = session.scalar(select(Refund.payment_id).where(Refund.id == refund_id))
    payment = locked(session, Payment, payment_id) if payment_id is not None else None
    refund = locked(session, Refund, refund_id)
    return (refund, payment) if refund is not None and payment is not None else None


def _move(
    session: Session, rows: tuple[Refund, Payment], after: RefundStatus, problem: str | None, now: datetime
) -> None:
    refund, payment = rows
    refund.status, refund.problem = after, problem
    if after is RefundStatus.PENDING:
        return
    refund.settled_at = now
    jobs.release(refund)
    if after is RefundStatus.FAILED:
        payment.refunded_minor -= refund.amount_minor
    session.flush()
    log = _log.info if after is RefundStatus.SUCCEEDED else _log.error
    log("refund_settled", refund_id=str(refund.id), status=after.value, problem=problem)
    if after is RefundStatus.SUCCEEDED:
        announce(session, RefundSucceeded(refund.id, payment.id, payment.reference_id))
    else:
        announce(session, RefundFailed(refund.id, payment.id, payment.reference_id))
