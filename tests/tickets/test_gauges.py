"""Every state that somebody or something has to leave has an age, so that an alarm can watch it."""

from datetime import timedelta

import pytest

from backend.kit import clock, gauges
from backend.orders import gauges as order_gauges
from backend.orders.models import OrderStatus
from backend.payments import gauges as payment_gauges
from backend.payments.models import Dispute, Payment
from backend.rewards import gauges as reward_gauges
from backend.tickets import gauges as figures
from backend.tickets import service, status_changes
from backend.tickets.models import StatusChange
from tests.factories.tickets import make_minting, tickets_of

AGES = {
    "orders_oldest_seconds", "payments_oldest_seconds", "refunds_oldest_seconds", "provider_events_oldest_seconds",
    "disputes_oldest_seconds", "refund_payout_oldest_seconds", "ticket_purchase_oldest_seconds", "claim_oldest_seconds",
    "collection_oldest_seconds", "ticket_status_change_oldest_seconds", "mint_job_oldest_seconds",
    "batch_oldest_seconds", "reward_oldest_seconds",
}  # fmt: skip


def test_every_kind_of_row_that_waits_has_an_age():
    assert {order_gauges, payment_gauges, reward_gauges, figures}
    assert set(gauges.registered) >= AGES


def test_every_status_of_an_order_that_is_no_end_has_an_age(session):
    ends = {OrderStatus.FULFILLED, OrderStatus.EXPIRED, OrderStatus.CANCELLED, OrderStatus.REFUNDED}
    waiting = set(OrderStatus) - ends - {OrderStatus.DISPUTE_LOST}
    assert set(order_gauges.oldest(session)) == {(status.value,) for status in waiting}


@pytest.mark.parametrize("status", ["WAITING", "STUCK"])
def test_a_status_that_does_not_reach_the_chain_grows_old(session, now, status):
    minting = make_minting(session, quantity=1)
    service.mark_used(session, tickets_of(session, minting.order.id)[0].id, now)
    change = session.query(StatusChange).one()
    if status == "STUCK":
        status_changes.sent_reverted(session, change.id, "BadStatusChange")
    with clock.frozen(now + timedelta(hours=1)):
        assert figures.oldest_status_change(session) == {(status,): 3600}


def test_a_dispute_grows_old_and_a_settled_one_is_told_apart(session, now):
    minting = make_minting(session, quantity=1)
    payment = session.query(Payment).filter_by(reference_id=minting.order.id).one()
    dispute = Dispute(
        organisation_id=payment.organisation_id, payment_id=payment.id, provider="stripe", provider_ref="dp_1",
        reason="fraudulent", amount_minor=1, currency="SEK", opened_at=now,
    )  # fmt: skip
    session.add(dispute)
    session.flush()
    with clock.frozen(now + timedelta(hours=1)):
        assert payment_gauges.disputes_oldest(session) == {("OPEN",): 3600}
        dispute.status = "WON"
        session.flush()
        assert ("OPEN",) not in payment_gauges.disputes_oldest(session)
