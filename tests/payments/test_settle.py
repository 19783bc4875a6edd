from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import select, text

from backend.kit import clock
from backend.kit.money import Money
from backend.payments import settle
from backend.payments.models import Payment, PaymentStatus, ProviderEvent, ProviderEventStatus
from backend.payments.notices import PaymentExpired, PaymentFailed, PaymentStuck, PaymentSucceeded
from backend.payments.port import Seen, Subject
from backend.payments.service import begin, expire
from backend.payments.tasks import sweep_events, sweep_missed, sweep_payments
from tests.factories.payments import incoming, make_begun, make_event, make_payment

E = ProviderEventStatus


@pytest.fixture
def payment(session, provider, heard, now):
    return make_begun(session, now)


def _tell(session, now, payment, **message):
    event = make_event(session, now, incoming(payment.provider_ref, **message))
    settle.settle_event(event.id)
    session.refresh(event)
    session.refresh(payment)
    return event


def test_a_paid_payment_succeeds_and_is_announced_once(session, provider, payment, heard, now):
    provider.becomes(payment.provider_ref, Seen.PAID)

    for _ in range(3):
        assert _tell(session, now, payment).status == E.SETTLED

    assert payment.status == PaymentStatus.SUCCEEDED
    assert payment.settled_at == now
    assert heard == [PaymentSucceeded(payment.id, payment.reference_id)]


def test_settling_the_same_event_twice_asks_the_provider_once(session, provider, payment, heard, now):
    provider.becomes(payment.provider_ref, Seen.PAID)
    event = _tell(session, now, payment)
    calls = len(provider.calls)

    settle.settle_event(event.id)

    assert len(provider.calls) == calls
    assert len(heard) == 1


def test_a_message_is_not_believed_when_the_provider_says_otherwise(session, provider, payment, heard, now):
    event = _tell(session, now, payment, kind="checkout.session.completed")

    assert event.status == E.SETTLED
    assert payment.status == PaymentStatus.PENDING
    assert heard == []


@pytest.mark.parametrize(
    ("seen", "status", "notice"),
    [
        (Seen.FAILED, PaymentStatus.FAILED, PaymentFailed),
        (Seen.EXPIRED, PaymentStatus.EXPIRED, PaymentExpired),
    ],
)
def test_what_the_provider_closed_is_closed(session, provider, payment, heard, now, seen, status, notice):
    provider.becomes(payment.provider_ref, seen)
    _tell(session, now, payment)

    assert payment.status == status
    assert heard == [notice(payment.id, payment.reference_id)]


@pytest.mark.parametrize("amount", [Money(99_799, "SEK"), Money(99_801, "SEK"), Money(99_800, "EUR")])
def test_another_amount_or_currency_is_stuck_and_never_success(session, provider, payment, heard, now, amount):
    provider.becomes(payment.provider_ref, Seen.PAID, amount)
    event = _tell(session, now, payment)

    assert (event.status, event.problem) == (E.STUCK, "amount_mismatch")
    assert (payment.status, payment.problem) == (PaymentStatus.STUCK, "amount_mismatch")
    assert heard == [PaymentStuck(payment.id, payment.reference_id)]


def test_late_money_is_announced_although_the_payment_had_expired(session, provider, payment, heard, now):
    assert expire(payment.id) == PaymentStatus.EXPIRED
    provider.becomes(payment.provider_ref, Seen.PAID)
    _tell(session, now, payment)

    assert payment.status == PaymentStatus.SUCCEEDED
    assert [type(notice) for notice in heard] == [PaymentExpired, PaymentSucceeded]


def test_an_event_about_nothing_of_ours_waits_for_a_person(session, provider, payment, heard, now):
    provider.becomes(payment.provider_ref, Seen.PAID)
    stranger = provider.payments[payment.provider_ref]
    from dataclasses import replace

    provider.payments["fake_x"] = replace(stranger, reference="fake_x", payment_id=None)
    assert _settle(session, now, "fake_x").problem == "unknown_reference"
    assert _settle(session, now, "fake_nowhere").problem == "unknown_at_provider"
    session.refresh(payment)
    assert payment.status == PaymentStatus.PENDING
    assert heard == []


def _settle(session, now, reference, **message):
    event = make_event(session, now, incoming(reference, **message))
    settle.settle_event(event.id)
    session.refresh(event)
    assert event.status == E.STUCK
    return event


def test_a_second_session_that_names_our_payment_is_a_mismatch(session, provider, payment, heard, now):
    from dataclasses import replace

    provider.payments["fake_y"] = replace(provider.payments[payment.provider_ref], reference="fake_y", status=Seen.PAID)
    assert _settle(session, now, "fake_y").problem == "other_session"
    session.refresh(payment)
    assert payment.status == PaymentStatus.STUCK


def test_a_message_of_the_other_mode_is_stuck_and_nobody_is_asked(session, provider, payment, heard, now):
    calls = len(provider.calls)
    provider.becomes(payment.provider_ref, Seen.PAID)
    event = _tell(session, now, payment, livemode=True)

    assert (event.status, event.problem) == (E.STUCK, "livemode_mismatch")
    assert len(provider.calls) == calls
    assert payment.status == PaymentStatus.PENDING


def test_a_test_payment_fetched_in_live_mode_is_stuck(session, provider, payment, heard, now):
    provider.becomes(payment.provider_ref, Seen.PAID)
    provider.livemode = True
    event = _tell(session, now, payment, livemode=True)

    assert event.problem == "livemode_mismatch"
    assert payment.status == PaymentStatus.STUCK


def test_alarms_wait_for_a_person_and_the_rest_is_ignored(session, provider, payment, now):
    dispute = _tell(session, now, payment, subject=Subject.ALARM, kind="radar.early_fraud_warning.created")
    other = _tell(session, now, payment, subject=Subject.OTHER, kind="customer.created")

    assert (dispute.status, dispute.problem) == (E.STUCK, "radar.early_fraud_warning.created")
    assert other.status == E.IGNORED


def test_an_event_that_overtakes_the_answer_to_begin_finds_its_payment(session, provider, heard, now):
    started = make_payment(session, now)
    provider.lost_answers = 1
    with pytest.raises(Exception, match="does not answer"):
        begin(started.id)
    [reference] = provider.payments
    provider.becomes(reference, Seen.PAID)
    event = make_event(session, now, incoming(reference))
    settle.settle_event(event.id)
    session.refresh(started)

    assert (started.status, started.provider_ref) == (PaymentStatus.SUCCEEDED, reference)
    assert begin(started.id).status == PaymentStatus.SUCCEEDED


def test_an_event_waits_while_the_provider_is_away_and_the_sweeper_settles_it(session, provider, payment, heard, now):
    provider.becomes(payment.provider_ref, Seen.PAID)
    provider.unavailable = 1
    event = _tell(session, now, payment)
    assert (event.status, event.attempts) == (E.RECEIVED, 1)

    sweep_events()
    session.refresh(event)
    assert event.status == E.RECEIVED  # its pause is not over

    with clock.frozen(now + timedelta(seconds=10)):
        sweep_events()
    session.refresh(event)
    assert event.status == E.SETTLED
    assert len(heard) == 1


def test_an_event_whose_nudge_was_lost_is_swept_up(session, provider, payment, heard, now):
    provider.becomes(payment.provider_ref, Seen.PAID)
    event = make_event(session, now, incoming(payment.provider_ref))

    sweep_events()

    session.refresh(event)
    assert event.status == E.SETTLED
    assert len(heard) == 1


def test_a_payment_whose_webhook_never_came_is_looked_at_after_a_while(session, provider, payment, heard, now):
    provider.becomes(payment.provider_ref, Seen.PAID)

    with clock.frozen(now + timedelta(seconds=90)):
        sweep_payments()
    assert heard == []
    with clock.frozen(now + timedelta(minutes=3)):
        sweep_payments()
    assert heard == [PaymentSucceeded(payment.id, payment.reference_id)]


def test_a_payment_that_is_still_open_is_looked_at_ever_more_rarely(session, provider, payment, now):
    looked = []
    for minute in range(60):
        calls = len(provider.calls)
        with clock.frozen(now + timedelta(minutes=minute)):
            sweep_payments()
        if len(provider.calls) > calls:
            looked.append(minute)
    assert looked == [2, 6, 14, 29, 44, 59]


def test_a_payment_whose_beginning_got_lost_is_found_by_the_sweeper(session, provider, heard, now):
    started = make_payment(session, now)
    provider.lost_answers = 1
    with pytest.raises(Exception, match="does not answer"):
        begin(started.id)

    with clock.frozen(now + timedelta(minutes=3)):
        sweep_payments()

    session.refresh(started)
    assert started.status == PaymentStatus.PENDING
    assert started.provider_ref in provider.payments


_STORY = [
    ("payment_intent.created", Subject.OTHER),
    ("payment_intent.payment_failed", Subject.OTHER),
    ("payment_intent.succeeded", Subject.OTHER),
    ("checkout.session.completed", Subject.PAYMENT),
    ("checkout.session.expired", Subject.PAYMENT),
]


@given(
    order=st.permutations(range(len(_STORY))),
    copies=st.lists(st.integers(0, len(_STORY) - 1), max_size=10),
    outcome=st.sampled_from([Seen.PAID, Seen.EXPIRED, Seen.FAILED]),
    turns_after=st.integers(0, len(_STORY)),
    expire_at=st.integers(0, len(_STORY)) | st.none(),
)
@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_events_of_one_payment_in_any_order_any_number_of_times_end_the_same(
    session, provider, heard, now, order, copies, outcome, turns_after, expire_at
):
    heard.clear()
    savepoint = session.begin_nested()
    payment = make_begun(session, now)
    deliveries = [*order, *copies]
    for number, index in enumerate(deliveries):
        if number == expire_at:
            expire(payment.id)
        if number == turns_after and provider.payments[payment.provider_ref].status is Seen.OPEN:
            provider.becomes(payment.provider_ref, outcome)
        kind, subject = _STORY[index]
        # A copy carries the id of the first: the inbox drops it.
        message = incoming(payment.provider_ref, kind=kind, subject=subject)
        event = make_event(session, now, message)
        settle.settle_event(event.id)
        settle.settle_event(event.id)
    with clock.frozen(now + timedelta(minutes=3)):
        sweep_payments()
    session.refresh(payment)

    truth = provider.payments[payment.provider_ref].status
    if truth is not Seen.OPEN:
        assert (
            payment.status
            == {
                Seen.PAID: PaymentStatus.SUCCEEDED,
                Seen.EXPIRED: PaymentStatus.EXPIRED,
                Seen.FAILED: PaymentStatus.FAILED,
            }[truth]
        )
        assert len(heard) == 1
    left = session.scalars(select(ProviderEvent).where(ProviderEvent.status.in_([E.RECEIVED, E.STUCK]))).all()
    assert left == []
    savepoint.rollback()


def test_a_status_outside_the_vocabulary_is_refused_by_the_database(session, payment):
    with pytest.raises(Exception, match="ck_payments_status"), session.begin_nested():
        session.execute(text("UPDATE payments SET status = 'PAIDISH' WHERE id = :id"), {"id": payment.id})
    assert session.get_one(Payment, payment.id).status == PaymentStatus.PENDING


def test_messages_the_provider_could_not_deliver_are_fetched_and_settled(
    session, provider, payment, heard, now, settings
):
    settings(stripe_api_key=None)
    provider.becomes(payment.provider_ref, Seen.PAID)
    provider.undelivered = [
        incoming(payment.provider_ref),
        incoming(None, subject=Subject.ALARM, kind="radar.early_fraud_warning.created"),
    ]

    for _ in range(2):
        sweep_missed()
        sweep_events()

    assert heard == [PaymentSucceeded(payment.id, payment.reference_id)]
    statuses = session.scalars(select(ProviderEvent.status).order_by(ProviderEvent.status)).all()
    assert statuses == [E.SETTLED, E.STUCK]


def test_a_provider_that_does_not_answer_is_asked_for_missed_messages_another_time(session, provider, settings):
    settings(stripe_api_key=None)
    provider.unavailable = 1
    sweep_missed()
    assert provider.calls == ["missed"]
