from uuid import uuid4

import pytest

from backend.kit.db import unit_of_work
from backend.kit.money import Money
from backend.payments import settle
from backend.payments.errors import AlreadyPaid, PaymentOpen, PaymentUnknown
from backend.payments.models import PaymentStatus
from backend.payments.notices import PaymentFailed, PaymentStuck
from backend.payments.port import ProviderUnavailable, Seen
from backend.payments.providers.fake import FakeProvider
from backend.payments.registry import UnknownProvider, get, use
from backend.payments.service import begin, start
from tests.factories.payments import make_payment


def test_a_begun_payment_has_an_address_to_pay_at(session, provider, now):
    payment = begin(make_payment(session, now).id)

    assert payment.status == PaymentStatus.PENDING
    assert payment.checkout_url.startswith("https://fake.test/pay/")
    assert payment.begun_at == now
    seen = provider.payments[payment.provider_ref]
    assert (seen.payment_id, seen.reference_id) == (payment.id, payment.reference_id)


def test_beginning_twice_opens_one_payment(session, provider, now):
    payment = make_payment(session, now)
    first = begin(payment.id).checkout_url

    assert begin(payment.id).checkout_url == first
    assert len(provider.payments) == 1


def test_an_answer_that_got_lost_is_brought_back_by_the_key(session, provider, now):
    payment = make_payment(session, now)
    provider.lost_answers = 1
    with pytest.raises(ProviderUnavailable):
        begin(payment.id)
    session.refresh(payment)
    assert (payment.status, payment.provider_ref) == (PaymentStatus.STARTED, None)

    assert begin(payment.id).provider_ref in provider.payments
    assert len(provider.payments) == 1


def test_a_refused_attempt_fails_and_another_may_be_started(session, provider, heard, now):
    payment = make_payment(session, now)
    provider.refusal = "amount_too_small"

    assert begin(payment.id).status == PaymentStatus.FAILED
    session.refresh(payment)
    assert payment.problem == "amount_too_small"
    assert heard == [PaymentFailed(payment.id, payment.reference_id)]

    provider.refusal = None
    second = start(session, payment.organisation_id, payment.reference_id, payment.amount, "fake", now)
    assert second.attempt == 2
    assert begin(second.id).status == PaymentStatus.PENDING


def test_a_key_the_provider_knows_with_other_contents_waits_for_a_person(session, provider, heard, now):
    payment = make_payment(session, now)
    provider.lost_answers = 1
    with pytest.raises(ProviderUnavailable):
        begin(payment.id)
    [(key, (request, begun))] = provider._opened.items()
    provider._opened[key] = (request.__class__(*(uuid4(), *list(_values(request))[1:])), begun)

    assert begin(payment.id).status == PaymentStatus.STUCK
    assert heard == [PaymentStuck(payment.id, payment.reference_id)]


def _values(request):
    return (getattr(request, name) for name in request.__slots__)


def test_starting_again_returns_the_open_payment(session, provider, now):
    payment = make_payment(session, now)

    assert start(session, payment.organisation_id, payment.reference_id, payment.amount, "fake", now) is payment


def test_a_second_way_to_pay_is_refused_while_one_is_open(session, provider, now):
    payment = make_payment(session, now)

    with pytest.raises(PaymentOpen):
        start(session, payment.organisation_id, payment.reference_id, payment.amount, "stripe", now)
    with pytest.raises(PaymentOpen):
        start(session, payment.organisation_id, payment.reference_id, Money(1, "SEK"), "fake", now)


def test_what_is_paid_cannot_be_paid_again(session, provider, now):
    payment = make_payment(session, now)
    payment.status = PaymentStatus.SUCCEEDED
    session.flush()

    with pytest.raises(AlreadyPaid):
        start(session, payment.organisation_id, payment.reference_id, payment.amount, "fake", now)


def test_a_webhook_that_overtook_us_is_not_undone(session, provider, heard, now):
    payment = make_payment(session, now)
    open_then_pay = provider.begin

    def slow(request):
        begun = open_then_pay(request)
        provider.becomes(begun.reference, Seen.PAID)
        with unit_of_work() as webhook:
            settle.apply(webhook, payment.id, provider.payments[begun.reference], now)
        return begun

    provider.begin = slow
    assert begin(payment.id).status == PaymentStatus.SUCCEEDED
    session.refresh(payment)
    assert payment.checkout_url


def test_an_unknown_payment_or_provider_is_refused(session, now):
    with pytest.raises(PaymentUnknown):
        begin(uuid4())
    with pytest.raises(UnknownProvider):
        make_payment(session, now, provider="cash")


def test_the_provider_of_the_tests_exists_in_tests_only(settings):
    with pytest.raises(UnknownProvider):
        get("fake")
    settings(environment="development")
    with pytest.raises(RuntimeError):
        use("fake", FakeProvider())
