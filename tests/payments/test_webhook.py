"""The webhook route: what is not properly signed leaves no trace, what is comes in once."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from stripe import WebhookSignature

from backend.api import make_app
from backend.kit.db import unit_of_work
from backend.payments import registry
from backend.payments.models import Payment, PaymentStatus, ProviderEvent, ProviderEventStatus
from backend.payments.notices import PaymentSucceeded
from backend.payments.port import Seen
from backend.payments.providers.fake import FakeProvider
from backend.payments.providers.stripe import StripeProvider
from backend.payments.service import begin
from backend.payments.tasks import settle_event
from tests.factories.payments import make_payment

SECRET = "whsec_of_the_tests"
URL = "/v1/webhooks/stripe"
_numbers = count(1)


def _body(reference="cs_test_1", **changes):
    return json.dumps(
        {
            "id": f"evt_w{next(_numbers)}",
            "object": "event",
            "type": "checkout.session.completed",
            "livemode": False,
            "created": 1,
            "data": {"object": {"id": reference, "object": "checkout.session"}},
            **changes,
        }
    )


def _signed(body, secret=SECRET, age=0):
    return WebhookSignature.generate_signature_header(body, secret, int(time.time()) - age)


def _post(client, body, signature):
    headers = {"Stripe-Signature": signature} if signature is not None else {}
    return client.post(URL, content=body, headers={"Content-Type": "application/json", **headers})


def _rows(session):
    return session.scalar(select(func.count()).select_from(ProviderEvent))


def test_a_signed_message_is_kept_and_nudges_its_task(client, session, nudged):
    body = _body()
    answer = _post(client, body, _signed(body))

    assert (answer.status_code, answer.json()) == (200, {"status": "stored"})
    [event] = session.scalars(select(ProviderEvent)).all()
    assert (event.status, event.subject, event.reference) == ("RECEIVED", "PAYMENT", "cs_test_1")
    assert event.payload == json.loads(body)
    assert ("payments.settle_event", str(event.id)) in nudged


def test_the_same_message_again_is_acknowledged_and_changes_nothing(client, session):
    body = _body()
    answers = [_post(client, body, _signed(body)) for _ in range(10)]

    assert [a.json()["status"] for a in answers] == ["stored"] + ["known"] * 9
    assert _rows(session) == 1


def test_a_message_signed_under_300_seconds_ago_is_taken(client, session):
    body = _body()
    assert _post(client, body, _signed(body, age=295)).status_code == 200


def _tampered(body):
    return _signed(body.replace("cs_test_1", "cs_test_2"))


@pytest.mark.parametrize(
    "sign",
    [
        lambda _: None,
        lambda _: "",
        lambda _: "nonsense",
        lambda _: "t=,v1=",
        lambda _: "t=abc,v1=00",
        lambda _: f"t={'9' * 400},v1=00",
        lambda _: "t=1",
        lambda _: "v1=00",
        lambda _: "=,=,=",
        lambda _: "t=1,v1",
        lambda _: f"t={int(time.time())},v1=\u00e5".encode("latin-1"),
        lambda body: _signed(body).replace("v1=", "v0="),
        lambda body: _signed(body)[:-1],
        lambda body: _signed(body) + "0",
        lambda body: _signed(body, secret="whsec_another"),
        lambda body: _signed(body, secret=""),
        lambda body: _signed(body, age=301),
        _tampered,
    ],
)
def test_a_bad_signature_is_refused_and_leaves_no_row(client, session, sign):
    body = _body()
    answer = _post(client, body, sign(body))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_signature"
    assert _rows(session) == 0


@pytest.mark.parametrize("body", [b"\xff\xfe", b"", b"\x00"])
def test_bytes_that_are_no_text_are_refused(client, session, body):
    signature = f"t={int(time.time())},v1={'0' * 64}"
    assert _post(client, body, signature).status_code == 400
    assert _rows(session) == 0


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        "null",
        "{}",
        _body(id=7),
        _body(livemode="no"),
        _body(type=None),
        _body(data={"object": {"id": 5}}),
        _body(data={"object": "cs_test_1"}),
        _body(note="\x00"),
        _body(note="\ud800"),
        "[" * 50_000,
    ],
    ids=lambda body: body[:30],
)
def test_a_signed_message_we_cannot_read_is_refused_and_leaves_no_row(client, session, body):
    answer = _post(client, body, _signed(body))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_message"
    assert _rows(session) == 0


@pytest.mark.parametrize("secret", [None, "", "  "])
def test_without_a_secret_every_message_is_refused(client, session, secret, monkeypatch):
    closed = StripeProvider("sk_test_1", secret, None, "http://localhost", "http://localhost")
    registry.use("stripe", closed)
    try:
        body = _body()
        for signature in (_signed(body), _signed(body, secret=""), _signed(body, secret="  ")):
            assert _post(client, body, signature).status_code == 400
    finally:
        registry.use("stripe", None)
    assert _rows(session) == 0


def test_a_live_message_in_test_mode_is_kept_as_an_alarm(client, session, heard):
    body = _body(livemode=True)
    assert _post(client, body, _signed(body)).status_code == 200
    [event] = session.scalars(select(ProviderEvent)).all()

    settle_event(event.id)

    session.refresh(event)
    assert (event.status, event.problem) == (ProviderEventStatus.STUCK, "livemode_mismatch")
    assert heard == []


class _Readable(FakeProvider):
    """The fake's payments behind Stripe's signatures."""

    def read_webhook(self, raw, headers):
        return StripeProvider("sk_test_1", SECRET, None, "http://x", "http://x").read_webhook(raw, headers)


@pytest.fixture
def stripe_of_the_test(fresh_database):
    fake = _Readable(name="stripe")
    registry.use("stripe", fake)
    yield fake
    registry.use("stripe", None)


def _at_once(calls):
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.parametrize("distinct", [1, 10], ids=["the same ten times", "control: ten different ones"])
def test_ten_webhooks_at_once_settle_one_payment_once(stripe_of_the_test, heard, now, distinct):
    with unit_of_work() as session:
        payment_id = make_payment(session, now, provider="stripe").id
    reference = begin(payment_id).provider_ref
    stripe_of_the_test.becomes(reference, Seen.PAID)
    app = make_app()
    bodies = [_body(reference) for _ in range(distinct)] * (10 // distinct)

    answers = _at_once([lambda body=body: _post(TestClient(app), body, _signed(body)) for body in bodies])

    assert [answer.status_code for answer in answers] == [200] * 10
    assert sum(answer.json()["status"] == "stored" for answer in answers) == distinct
    with unit_of_work() as session:
        events = session.scalars(select(ProviderEvent.id)).all()
    assert len(events) == distinct

    _at_once([lambda event=event: settle_event(event) for event in list(events) * (10 // distinct)])

    assert heard == [PaymentSucceeded(payment_id, _reference_of(payment_id))]
    with unit_of_work() as session:
        assert set(session.scalars(select(ProviderEvent.status))) == {ProviderEventStatus.SETTLED}
        assert session.get_one(Payment, payment_id).status == PaymentStatus.SUCCEEDED


def _reference_of(payment_id):
    with unit_of_work() as session:
        return session.get_one(Payment, payment_id).reference_id


def test_the_document_shows_an_example_and_every_error(client):
    described = client.get("/openapi.json").json()["paths"][URL]["post"]

    assert described["requestBody"]["content"]["application/json"]["example"]["type"] == "checkout.session.completed"
    examples = described["responses"]["400"]["content"]["application/json"]["examples"]
    assert set(examples) >= {"bad_signature", "bad_message"}
    assert described["parameters"][0]["name"] == "Stripe-Signature"
