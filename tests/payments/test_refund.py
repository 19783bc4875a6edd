from datetime import timedelta

import pytest
from sqlalchemy import text

from backend.kit import clock
from backend.kit.money import CurrencyMismatch, Money
from backend.payments import refund, settle
from backend.payments.errors import NotRefundable, RefundDiffers, RefundTooLarge
from backend.payments.models import PaymentStatus, ProviderEventStatus, RefundStatus
from backend.payments.notices import RefundFailed, RefundSucceeded
from backend.payments.port import RefundOutcome, RefundResult, Seen, Subject
from backend.payments.service import request_refund
from backend.payments.tasks import sweep_refunds
from tests.factories.payments import incoming, make_begun, make_event

ALL = Money(99_800, "SEK")


@pytest.fixture
def payment(session, provider, heard, now):
    made = make_begun(session, now, amount=ALL.amount)
    provider.becomes(made.provider_ref, Seen.PAID)
    settle.look(made.id)
    with clock.frozen(now + timedelta(minutes=3)):
        settle.look(made.id)
    session.refresh(made)
    assert made.status == PaymentStatus.SUCCEEDED
    heard.clear()
    return made


def _carry_out(session, *rows):
    for row in rows:
        refund.carry_out(row.id)
        session.refresh(row)


def test_a_refund_is_asked_for_once_a_reason_and_paid_once(session, provider, payment, heard, nudged, now):
    asked = request_refund(session, payment.id, ALL, "paid_late", now)
    again = request_refund(session, payment.id, ALL, "paid_late", now)
    assert again.id == asked.id

    _carry_out(session, asked, asked)
    assert asked.status == RefundStatus.SUCCEEDED
    assert len(provider.refunds) == 1
    assert heard == [RefundSucceeded(asked.id, payment.id, payment.reference_id)]


def test_an_answer_that_got_lost_refunds_once(session, provider, payment, heard, now):
    asked = request_refund(session, payment.id, ALL, "paid_late", now)
    provider.lost_answers = 1
    _carry_out(session, asked)
    assert (asked.status, asked.attempts) == (RefundStatus.REQUESTED, 1)

    with clock.frozen(now + timedelta(seconds=10)):
        sweep_refunds()
    session.refresh(asked)
    assert asked.status == RefundStatus.SUCCEEDED
    assert len(provider.refunds) == 1


def test_refunds_never_add_up_to_more_than_was_paid(session, provider, payment, now):
    request_refund(session, payment.id, Money(99_000, "SEK"), "ticket:1", now)

    with pytest.raises(RefundTooLarge) as refusal:
        request_refund(session, payment.id, Money(801, "SEK"), "ticket:2", now)
    assert refusal.value.details == {"left_minor": "800", "currency": "SEK"}
    request_refund(session, payment.id, Money(800, "SEK"), "ticket:2", now)
    for nothing in (0, -1):
        with pytest.raises(RefundTooLarge):
            request_refund(session, payment.id, Money(nothing, "SEK"), "ticket:3", now)


def test_the_database_itself_refuses_to_refund_more_than_was_paid(session, payment):
    with pytest.raises(Exception, match="ck_payments_refunded_minor"), session.begin_nested():
        session.execute(text("UPDATE payments SET refunded_minor = amount_minor + 1"))


def test_only_what_was_paid_is_refunded_in_its_own_currency(session, provider, payment, now):
    with pytest.raises(CurrencyMismatch):
        request_refund(session, payment.id, Money(1, "EUR"), "paid_late", now)
    unpaid = make_begun(session, now)
    with pytest.raises(NotRefundable):
        request_refund(session, unpaid.id, Money(1, "SEK"), "paid_late", now)


def test_another_amount_for_the_same_reason_is_refused(session, payment, now):
    request_refund(session, payment.id, Money(1, "SEK"), "ticket:1", now)
    with pytest.raises(RefundDiffers):
        request_refund(session, payment.id, Money(2, "SEK"), "ticket:1", now)


def test_a_refused_refund_fails_aloud_and_frees_its_amount(session, provider, payment, heard, now):
    asked = request_refund(session, payment.id, ALL, "paid_late", now)
    provider.refusal = "charge_disputed"
    _carry_out(session, asked)
    session.refresh(payment)

    assert (asked.status, asked.problem) == (RefundStatus.FAILED, "charge_disputed")
    assert payment.refunded_minor == 0
    assert heard == [RefundFailed(asked.id, payment.id, payment.reference_id)]


def test_a_slow_refund_is_asked_about_until_it_is_done(session, provider, payment, heard, now):
    provider.refund_outcome = RefundOutcome.PENDING
    asked = request_refund(session, payment.id, ALL, "paid_late", now)
    _carry_out(session, asked)
    assert asked.status == RefundStatus.PENDING
    assert heard == []

    provider.refund_becomes(asked.provider_ref, RefundOutcome.SUCCEEDED)
    with clock.frozen(now + timedelta(minutes=5)):
        sweep_refunds()
    session.refresh(asked)
    assert asked.status == RefundStatus.SUCCEEDED


def test_a_bank_that_returns_a_refund_is_heard(session, provider, payment, heard, now):
    asked = request_refund(session, payment.id, ALL, "paid_late", now)
    _carry_out(session, asked)
    provider.refund_becomes(asked.provider_ref, RefundOutcome.FAILED)
    event = make_event(session, now, incoming(asked.provider_ref, subject=Subject.REFUND, kind="refund.failed"))
    settle.settle_event(event.id)
    session.refresh(asked)
    session.refresh(event)
    session.refresh(payment)

    assert event.status == ProviderEventStatus.SETTLED
    assert (asked.status, payment.refunded_minor) == (RefundStatus.FAILED, 0)
    assert [type(notice) for notice in heard] == [RefundSucceeded, RefundFailed]


def test_a_refund_made_behind_our_back_waits_for_a_person(session, provider, payment, heard, now):
    provider.refunds["re_x"] = RefundResult("re_x", RefundOutcome.SUCCEEDED, ALL, None)
    event = make_event(session, now, incoming("re_x", subject=Subject.REFUND, kind="refund.created"))
    settle.settle_event(event.id)
    session.refresh(event)

    assert (event.status, event.problem) == (ProviderEventStatus.STUCK, "unknown_refund")
    assert heard == []


def test_a_refund_of_another_amount_than_asked_is_stuck(session, provider, payment, heard, now):
    asked = request_refund(session, payment.id, ALL, "paid_late", now)
    provider.refunds["re_y"] = RefundResult("re_y", RefundOutcome.SUCCEEDED, Money(1, "SEK"), asked.id)
    _carry_out(session, asked)

    assert (asked.status, asked.problem) == (RefundStatus.STUCK, "amount_mismatch")
    assert heard == [RefundFailed(asked.id, payment.id, payment.reference_id)]
