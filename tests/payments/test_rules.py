from datetime import timedelta
from itertools import product
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from backend.kit.money import Money
from backend.payments import rules
from backend.payments.models import PaymentStatus, RefundStatus
from backend.payments.port import ProviderPayment, RefundOutcome, Seen

S = PaymentStatus


def test_money_counts_in_every_state_but_one_that_waits_for_a_person():
    for status in PaymentStatus:
        expected = S.STUCK if status is S.STUCK else S.SUCCEEDED
        assert rules.next_status(status, Seen.PAID) is expected


def test_nothing_leaves_success():
    assert {rules.next_status(S.SUCCEEDED, seen) for seen in Seen} == {S.SUCCEEDED}


def test_an_old_answer_never_reopens_a_closed_payment():
    for status, seen in product((S.FAILED, S.EXPIRED, S.CANCELLED), (Seen.OPEN, Seen.FAILED, Seen.EXPIRED)):
        assert rules.next_status(status, seen) is status


@given(st.permutations([Seen.OPEN, Seen.OPEN, Seen.EXPIRED, Seen.PAID, Seen.FAILED]))
def test_answers_written_in_any_order_end_in_success_if_one_of_them_was_paid(answers):
    status = S.STARTED
    for seen in answers:
        status = rules.next_status(status, seen)
    assert status is S.SUCCEEDED


def _expected(**changes):
    values = {
        "payment_id": uuid4(),
        "reference_id": uuid4(),
        "provider_ref": "cs_1",
        "amount": Money(100, "SEK"),
        "livemode": False,
    }
    return rules.Expected(**{**values, **changes})


def _seen(expected, **changes):
    values = {
        "reference": "cs_1",
        "status": Seen.PAID,
        "amount": expected.amount,
        "payment_id": expected.payment_id,
        "reference_id": expected.reference_id,
        "livemode": False,
    }
    return ProviderPayment(**{**values, **changes})


def test_what_matches_is_no_mismatch_also_before_the_reference_is_known():
    for ref in ("cs_1", None):
        expected = _expected(provider_ref=ref)
        assert rules.mismatch(expected, _seen(expected)) is None


def test_every_difference_has_its_word():
    expected = _expected()
    differences = {
        "livemode_mismatch": {"livemode": True},
        "payment_mismatch": {"payment_id": None},
        "reference_mismatch": {"reference_id": uuid4()},
        "other_session": {"reference": "cs_2"},
        "amount_mismatch": {"amount": Money(100, "EUR")},
    }
    for word, change in differences.items():
        assert rules.mismatch(expected, _seen(expected, **change)) == word
    assert rules.mismatch(expected, _seen(expected, amount=None)) == "amount_mismatch"
    assert rules.mismatch(expected, _seen(expected, amount=Money(99, "SEK"))) == "amount_mismatch"


def test_a_mismatch_is_never_success():
    for status, seen in product(PaymentStatus, Seen):
        after = rules.status_after_mismatch(status, seen)
        assert after in {status, S.STUCK}
        if seen is Seen.PAID:
            assert after is (S.SUCCEEDED if status is S.SUCCEEDED else S.STUCK)


def test_another_attempt_or_amount_has_another_key():
    payment_id = uuid4()
    keys = {
        rules.begin_key(payment_id, 1, Money(100, "SEK")),
        rules.begin_key(payment_id, 2, Money(100, "SEK")),
        rules.begin_key(payment_id, 1, Money(101, "SEK")),
        rules.begin_key(payment_id, 1, Money(100, "EUR")),
    }
    assert len(keys) == 4
    assert rules.begin_key(payment_id, 1, Money(100, "SEK")) in keys
    assert max(map(len, keys)) <= 255  # Stripe's limit


def test_a_refund_that_succeeded_may_still_come_back_but_a_failed_one_stays_failed():
    assert rules.refund_status(RefundStatus.SUCCEEDED, RefundOutcome.FAILED) is RefundStatus.FAILED
    assert rules.refund_status(RefundStatus.SUCCEEDED, RefundOutcome.PENDING) is RefundStatus.SUCCEEDED
    assert {rules.refund_status(RefundStatus.FAILED, seen) for seen in RefundOutcome} == {RefundStatus.FAILED}


def test_looks_grow_rarer_up_to_a_quarter_of_an_hour():
    assert rules.look_pause(0) == timedelta(minutes=2)
    assert rules.look_pause(1) == timedelta(minutes=4)
    assert rules.look_pause(1_000) == timedelta(minutes=15)
