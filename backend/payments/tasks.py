"""Payments' jobs, and the sweepers that find what a lost nudge or a lost webhook left behind."""

from uuid import UUID

from backend.kit import clock, jobs
from backend.kit.db import unit_of_work
from backend.payments import inbox, refund, rules, settle
from backend.payments.models import Payment, ProviderEvent, ProviderEventStatus, Refund


@jobs.task("payments.settle_event")
def settle_event(event_id: UUID) -> None:
    """Act on one message of a provider."""
    settle.settle_event(event_id)


@jobs.task("payments.look")
def look(payment_id: UUID) -> None:
    """Ask the provider about a payment whose webhook has not come."""
    settle.look(payment_id)


@jobs.task("payments.refund")
def carry_out_refund(refund_id: UUID) -> None:
    """Give money back, or ask how giving it back is going."""
    refund.carry_out(refund_id)


@jobs.every(seconds=5)
@jobs.task("payments.sweep_events")
def sweep_events() -> None:
    """Settle the events whose nudge was lost."""
    with unit_of_work() as session:
        waiting = jobs.due(session, ProviderEvent, clock.now(), ProviderEvent.status == ProviderEventStatus.RECEIVED)
    jobs.swept(waiting, settle.settle_event)


@jobs.every(seconds=30)
@jobs.task("payments.sweep_payments")
def sweep_payments() -> None:
    """Look at open payments that have been quiet for a while."""
    with unit_of_work() as session:
        now = clock.now()
        quiet = jobs.due(
            session, Payment, now, Payment.status.in_(rules.OPEN), Payment.begun_at <= now - rules.LOOK_AGAIN
        )
    jobs.swept(quiet, settle.look)


@jobs.every(seconds=10)
@jobs.task("payments.sweep_refunds")
def sweep_refunds() -> None:
    """Carry on with refunds that are under way."""
    with unit_of_work() as session:
        waiting = jobs.due(session, Refund, clock.now(), Refund.status.in_(refund.UNDER_WAY))
    jobs.swept(waiting, refund.carry_out)


@jobs.every(seconds=600)
@jobs.task("payments.sweep_missed")
def sweep_missed() -> None:
    """Fetch the messages that providers could not deliver."""
    inbox.collect_missed(clock.now())
