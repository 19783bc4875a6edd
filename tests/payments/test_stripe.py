"""The Stripe provider through the real SDK, against the simulator."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from backend.kit.money import Money
from backend.payments.port import (
    BadSignature,
    BeginRequest,
    DisputeSeen,
    ProviderRefused,
    ProviderUnavailable,
    RefundOutcome,
    RequestKeyReused,
    Seen,
    Subject,
    UnknownAtProvider,
)
from backend.payments.providers.stripe import StripeProvider
from backend.payments.providers.stripe_amounts import from_stripe, to_stripe
from tests.simulators.receiver import receiving
from tests.simulators.stripe.running import running

SECRET = "whsec_of_the_tests"
PRICE = Money(99_800, "SEK")


@pytest.fixture(scope="module")
def receiver():
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def simulator(receiver):
    with running(receiver.url, SECRET) as made:
        yield made


def _provider(simulator, key="sk_test_1", base=None):
    return StripeProvider(key, SECRET, base or simulator.url, "http://localhost/paid", "http://localhost/no")


@pytest.fixture
def provider(simulator):
    return _provider(simulator)


@pytest.fixture
def request_():
    payment_id = uuid4()
    return BeginRequest(
        payment_id=payment_id,
        reference_id=uuid4(),
        amount=PRICE,
        description="Tickets",
        expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1),
        key=f"payment:{payment_id}:1",
    )


def _pay(begun, card="4242424242424242"):
    return httpx.post(begun.url, json={"card": card}).status_code


def test_a_payment_is_opened_paid_and_fetched(provider, request_):
    begun = provider.begin(request_)
    assert begun.expires_at == request_.expires_at
    open_ = provider.fetch(begun.reference)
    assert (open_.status, open_.amount) == (Seen.OPEN, PRICE)
    assert (open_.payment_id, open_.reference_id) == (request_.payment_id, request_.reference_id)
    assert open_.livemode is False

    assert _pay(begun) == 200
    assert provider.fetch(begun.reference) == replace(open_, status=Seen.PAID)


def test_opening_twice_with_one_key_is_one_session_and_other_contents_are_noticed(provider, request_):
    begun = provider.begin(request_)

    assert provider.begin(request_) == begun
    with pytest.raises(RequestKeyReused):
        provider.begin(replace(request_, amount=Money(1_000, "SEK")))


def test_a_declined_card_may_try_again(provider, request_):
    begun = provider.begin(request_)
    assert _pay(begun, "4000000000000002") == 402
    assert provider.fetch(begun.reference).status is Seen.OPEN
    assert _pay(begun) == 200
    assert provider.fetch(begun.reference).status is Seen.PAID


def test_an_expired_payment_cannot_be_paid_and_expiring_twice_says_the_same(provider, request_):
    begun = provider.begin(request_)

    assert provider.expire(begun.reference) is True
    assert provider.expire(begun.reference) is True
    assert _pay(begun) == 409
    assert provider.fetch(begun.reference).status is Seen.EXPIRED


def test_a_paid_payment_does_not_expire(provider, request_):
    begun = provider.begin(request_)
    _pay(begun)

    assert provider.expire(begun.reference) is False


def test_a_refund_happens_once_for_each_key_and_never_exceeds_the_payment(provider, request_):
    begun = provider.begin(request_)
    with pytest.raises(ProviderRefused):
        provider.refund(begun.reference, PRICE, uuid4())
    _pay(begun)
    key = uuid4()

    made = provider.refund(begun.reference, Money(60_000, "SEK"), key)
    assert provider.refund(begun.reference, Money(60_000, "SEK"), key) == made
    assert (made.status, made.amount, made.refund_id) == (RefundOutcome.SUCCEEDED, Money(60_000, "SEK"), key)
    assert provider.fetch_refund(made.reference) == made
    with pytest.raises(ProviderRefused):
        provider.refund(begun.reference, Money(60_000, "SEK"), uuid4())


def test_what_stripe_does_not_have_is_unknown(provider):
    for ask in (provider.fetch, provider.expire, provider.fetch_refund):
        with pytest.raises(UnknownAtProvider):
            ask("nothing_1")


def test_a_wrong_key_or_a_dead_network_is_worth_another_try(simulator, request_):
    for broken in (
        _provider(simulator, key="sk_live_never"),
        _provider(simulator, key=None),
        _provider(simulator, base="http://127.0.0.1:9"),
    ):
        with pytest.raises(ProviderUnavailable):
            broken.begin(request_)


def test_answers_that_get_lost_are_brought_back_by_the_sdk_and_the_key(simulator, provider, request_):
    httpx.post(f"{simulator.url}/_sim/faults/lost_answer?calls=2")
    begun = provider.begin(request_)

    assert provider.begin(request_) == begun


def test_a_request_stripe_refuses_is_refused_here(provider, request_):
    with pytest.raises(ProviderRefused):
        provider.begin(replace(request_, expires_at=datetime.now(UTC) + timedelta(minutes=5)))


def test_a_dispute_is_told_by_a_signed_message_and_fetched_with_our_payment(provider, request_, simulator, receiver):
    begun = provider.begin(request_)
    _pay(begun)
    levers = f"{simulator.url}/_sim"
    made = httpx.post(f"{levers}/sessions/{begun.reference}/dispute").json()
    receiver.wait_until(lambda: any(b"charge.dispute.created" in raw for _, raw in receiver.got))
    headers, raw = next(one for one in receiver.got if b"charge.dispute.created" in one[1])
    told = provider.read_webhook(raw, headers)
    assert (told.subject, told.reference) == (Subject.DISPUTE, made["id"])
    with pytest.raises(BadSignature):
        provider.read_webhook(raw.replace(b"needs_response", b"lost"), headers)
    seen = provider.fetch_dispute(made["id"])
    assert (seen.status, seen.amount, seen.payment_id) == (DisputeSeen.OPEN, PRICE, request_.payment_id)
    with pytest.raises(ProviderRefused):
        provider.refund(begun.reference, PRICE, uuid4())
    httpx.post(f"{levers}/disputes/{made['id']}/lost")
    assert provider.fetch_dispute(made["id"]).status is DisputeSeen.LOST
    with pytest.raises(UnknownAtProvider):
        provider.fetch_dispute("dp_none")


def test_webhooks_name_the_payment_they_are_about(provider, request_, receiver):
    receiver.got.clear()
    begun = provider.begin(request_)
    _pay(begun)

    read = [provider.read_webhook(raw, headers) for headers, raw in receiver.wait_for(3)]
    about = {message.type: (message.subject, message.reference) for message in read}
    assert about["checkout.session.completed"] == (Subject.PAYMENT, begun.reference)
    assert about["payment_intent.succeeded"][0] is Subject.OTHER


def test_only_live_keys_are_live(simulator):
    assert [_provider(simulator, key).livemode for key in ("sk_live_1", "rk_live_1", "sk_test_1", None)] == [
        True,
        True,
        False,
        False,
    ]


def test_stripes_own_smallest_units_are_translated():
    assert to_stripe(Money(5, "ISK")) == 500
    assert to_stripe(Money(5, "VND")) == 5
    assert from_stripe(500, "isk") == Money(5, "ISK")
    assert from_stripe(501, "isk") is None
    assert from_stripe(1, "xyz") is None
    assert from_stripe(None, "sek") is None


def test_messages_that_could_not_be_delivered_are_listed(simulator, provider, request_, receiver):
    httpx.post(f"{simulator.url}/_sim/webhooks/pause")
    begun = provider.begin(request_)
    _pay(begun)
    since = datetime.now(UTC) - timedelta(minutes=5)

    missed = {message.type: message for message in provider.missed(since)}
    assert missed["checkout.session.completed"].reference == begun.reference
    assert missed["checkout.session.completed"].payload["data"]["object"]["metadata"] == {
        "payment_id": str(request_.payment_id),
        "reference_id": str(request_.reference_id),
    }
    assert provider.missed(datetime.now(UTC) + timedelta(minutes=5)) == []

    httpx.post(f"{simulator.url}/_sim/webhooks/resume")
    receiver.wait_until(lambda: provider.missed(since) == [])
