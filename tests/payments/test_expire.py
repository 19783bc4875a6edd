import pytest

from backend.payments.models import PaymentStatus
from backend.payments.notices import PaymentExpired, PaymentSucceeded
from backend.payments.port import ProviderUnavailable, Seen
from backend.payments.service import begin, expire
from tests.factories.payments import make_begun, make_payment


@pytest.fixture
def payment(session, provider, heard, now):
    return make_begun(session, now)


def test_a_payment_expires_once_its_provider_has_confirmed(session, provider, payment, heard):
    assert expire(payment.id) == PaymentStatus.EXPIRED
    assert expire(payment.id) == PaymentStatus.EXPIRED

    assert provider.payments[payment.provider_ref].status is Seen.EXPIRED
    assert heard == [PaymentExpired(payment.id, payment.reference_id)]


def test_money_that_was_faster_wins(session, provider, payment, heard):
    provider.becomes(payment.provider_ref, Seen.PAID)

    assert expire(payment.id) == PaymentStatus.SUCCEEDED
    assert heard == [PaymentSucceeded(payment.id, payment.reference_id)]


def test_nothing_expires_while_the_provider_does_not_answer(session, provider, payment, heard):
    provider.unavailable = 1
    with pytest.raises(ProviderUnavailable):
        expire(payment.id)
    session.refresh(payment)

    assert payment.status == PaymentStatus.PENDING
    assert heard == []


def test_a_payment_the_provider_was_never_asked_for_is_cancelled_without_asking(session, provider, heard, now):
    payment = make_payment(session, now)

    assert expire(payment.id) == PaymentStatus.CANCELLED
    assert provider.calls == []
    assert heard == [PaymentExpired(payment.id, payment.reference_id)]
    assert begin(payment.id).checkout_url is None


def test_a_payment_whose_opening_got_lost_is_found_and_closed_at_the_provider(session, provider, heard, now):
    payment = make_payment(session, now)
    provider.lost_answers = 1
    with pytest.raises(ProviderUnavailable):
        begin(payment.id)

    assert expire(payment.id) == PaymentStatus.EXPIRED
    [seen] = provider.payments.values()
    assert seen.status is Seen.EXPIRED
    assert heard == [PaymentExpired(payment.id, payment.reference_id)]
