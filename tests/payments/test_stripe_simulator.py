"""The simulator, driven through Stripe's own SDK."""

import json
import time

import httpx
import pytest
import stripe

from tests.simulators.receiver import receiving
from tests.simulators.stripe.desk import API_VERSION
from tests.simulators.stripe.running import running

SECRET = "whsec_simulated"
GOOD, DECLINED = "4242424242424242", "4000000000000002"


@pytest.fixture(scope="module")
def receiver():
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def simulator(receiver, tmp_path_factory):
    with running(receiver.url, SECRET, tmp_path_factory.mktemp("stripe") / "state.json") as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_before(receiver, simulator):
    receiver.answer = 200
    httpx.post(f"{simulator.url}/_sim/webhooks/resume")
    receiver.wait_until(lambda: all(d["status"] == "DELIVERED" for d in _get(simulator, "/_sim/deliveries")))
    receiver.got.clear()


def _get(simulator, path):
    return httpx.get(f"{simulator.url}{path}").json()


def _client(simulator, key="sk_test_1", retries=0):
    return stripe.StripeClient(
        key,
        base_addresses={"api": simulator.url},
        max_network_retries=retries,
        stripe_version=API_VERSION,
        http_client=stripe.RequestsClient(timeout=10),
    ).v1


@pytest.fixture
def api(simulator):
    return _client(simulator)


def _params(**changes):
    return {
        "mode": "payment",
        "client_reference_id": "order-1",
        "metadata": {"payment_id": "p-1"},
        "payment_intent_data": {"metadata": {"payment_id": "p-1"}},
        "allowed_payment_method_types": ["card"],
        "line_items": [
            {
                "quantity": 2,
                "price_data": {"currency": "sek", "unit_amount": 49_900, "product_data": {"name": "A <b>ticket</b>"}},
            }
        ],
        "expires_at": int(time.time()) + 3600,
        "success_url": "http://localhost/paid",
        "cancel_url": "http://localhost/cancelled",
        **changes,
    }


@pytest.fixture
def session(api):
    return api.checkout.sessions.create(_params())


def _pay(session, card=GOOD):
    return httpx.post(session.url, json={"card": card})


def test_a_session_is_opened_found_and_listed(api, session):
    assert session.id.startswith("cs_test_")
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 99_800)
    found = api.checkout.sessions.retrieve(session.id)
    assert found.metadata.to_dict() == {"payment_id": "p-1"}
    assert found.client_reference_id == "order-1"
    assert found.livemode is False
    assert api.checkout.sessions.list({"limit": 1}).data[0].id == session.id


def test_a_paid_session_is_complete_and_its_intent_received_the_money(api, session):
    answer = _pay(session)
    assert answer.json() == {"status": "complete", "redirect": "http://localhost/paid"}

    found = api.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (found.status, found.payment_status, found.url) == ("complete", "paid", None)
    assert found.payment_intent.amount_received == 99_800
    intent = api.payment_intents.retrieve(found.payment_intent.id)
    assert (intent.status, intent.metadata.to_dict()) == ("succeeded", {"payment_id": "p-1"})
    assert [s.id for s in api.checkout.sessions.list({"payment_intent": intent.id}).data] == [session.id]


def test_a_declined_card_leaves_the_session_open_for_another(api, session):
    refused = _pay(session, DECLINED)
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "card_declined")
    assert _pay(session, "4111111111111111").json()["error"]["decline_code"] == "test_mode_live_card"
    assert api.checkout.sessions.retrieve(session.id).status == "open"
    assert _pay(session).status_code == 200
    assert _pay(session).status_code == 409


def test_an_expired_session_cannot_be_paid_and_a_paid_one_not_expired(api, session):
    assert api.checkout.sessions.expire(session.id).status == "expired"
    assert _pay_at(session) == 409
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        api.checkout.sessions.expire(session.id)

    other = api.checkout.sessions.create(_params())
    _pay(other)
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        api.checkout.sessions.expire(other.id)


def _pay_at(session):
    return httpx.post(session.url, json={"card": GOOD}).status_code


def test_refunds_never_exceed_what_was_paid(api, session):
    with pytest.raises(stripe.InvalidRequestError):
        api.refunds.create({"payment_intent": "pi_none"})
    _pay(session)
    intent = api.checkout.sessions.retrieve(session.id).payment_intent

    first = api.refunds.create({"payment_intent": intent, "amount": 90_000, "metadata": {"refund_id": "r-1"}})
    assert api.refunds.retrieve(first.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="exceeds what is left: 9800"):
        api.refunds.create({"payment_intent": intent, "amount": 9_801})
    api.refunds.create({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.refunds.create({"payment_intent": intent, "amount": 1})
    assert refusal.value.code == "charge_already_refunded"


def test_the_same_key_gives_the_same_answer_and_other_parameters_are_refused(api):
    params = _params()
    first = api.checkout.sessions.create(params, {"idempotency_key": "k-1"})
    again = api.checkout.sessions.create(params, {"idempotency_key": "k-1"})

    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        api.checkout.sessions.create({**params, "client_reference_id": "order-2"}, {"idempotency_key": "k-1"})
    with pytest.raises(stripe.IdempotencyError):
        api.checkout.sessions.expire(first.id, None, {"idempotency_key": "k-1"})


def test_a_request_refused_for_its_parameters_leaves_its_key_free(api):
    with pytest.raises(stripe.InvalidRequestError):
        api.checkout.sessions.create(_params(expires_at=int(time.time())), {"idempotency_key": "k-2"})
    assert api.checkout.sessions.create(_params(), {"idempotency_key": "k-2"}).status == "open"


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": int(time.time()) + 60},
        {"expires_at": int(time.time()) + 25 * 3600},
        {"mode": "subscription"},
        {"line_items": []},
        {"payment_method_types": ["card"]},
        {"surprise": "1"},
        {"success_url": ""},
        {"line_items": [{"quantity": 0, "price_data": {"currency": "sek", "unit_amount": 1}}]},
    ],
)
def test_parameters_stripe_would_refuse_are_refused(api, changes):
    with pytest.raises(stripe.InvalidRequestError):
        api.checkout.sessions.create(_params(**changes))


def test_keys_are_checked_and_live_ones_refused(simulator):
    assert httpx.get(f"{simulator.url}/v1/events").status_code == 401
    for key in ("sk_live_1", "rk_live_1", "pk_test_1", "nonsense"):
        with pytest.raises(stripe.AuthenticationError):
            _client(simulator, key).events.list()


def test_what_does_not_exist_is_said_in_stripes_words(api):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.checkout.sessions.retrieve("cs_test_none")
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")


def test_webhooks_carry_signatures_the_sdk_accepts(api, session, receiver):
    _pay(session)
    got = receiver.wait_for(3)
    events = [
        stripe.Webhook.construct_event(raw, headers["Stripe-Signature"], SECRET, api_key="sk_test_1")
        for headers, raw in got
    ]

    assert {event.type for event in events} == {
        "payment_intent.created",
        "payment_intent.succeeded",
        "checkout.session.completed",
    }
    listed = api.events.list({"type": "checkout.session.completed", "limit": 1}).data[0]
    assert listed.id in {event.id for event in events}
    assert api.events.retrieve(listed.id).data.object["id"] == session.id
    for headers, raw in got:
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(raw + b" ", headers["Stripe-Signature"], SECRET, api_key="sk_test_1")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(raw, headers["Stripe-Signature"], "whsec_other", api_key="sk_test_1")


def test_a_webhook_is_repeated_until_it_is_taken(api, session, receiver, simulator):
    receiver.answer = 500
    api.checkout.sessions.expire(session.id)
    receiver.wait_for(3)
    missed = api.events.list({"delivery_success": False}).data
    assert [event.type for event in missed] == ["checkout.session.expired"]
    receiver.answer = 200
    receiver.wait_until(lambda: _get(simulator, f"/_sim/deliveries?event={missed[0].id}")[0]["status"] == "DELIVERED")
    assert len({json.loads(raw)["id"] for _, raw in receiver.got}) == 1


def test_webhooks_are_repeated_and_kept_back_on_request(api, session, receiver, simulator):
    httpx.post(f"{simulator.url}/_sim/webhooks/pause")
    api.checkout.sessions.expire(session.id)
    time.sleep(0.3)
    assert receiver.got == []
    httpx.post(f"{simulator.url}/_sim/webhooks/resume")
    receiver.wait_for(1)

    [event] = _get(simulator, f"/_sim/events?reference={session.id}")
    made = httpx.post(f"{simulator.url}/_sim/events/{event['id']}/redeliver?times=10").json()
    assert len(made["deliveries"]) == 10
    assert {json.loads(raw)["id"] for _, raw in receiver.wait_for(11)} == {event["id"]}
    assert httpx.post(f"{simulator.url}/_sim/events/evt_none/redeliver").status_code == 404


def test_a_kill_loses_nothing(api, session, receiver, simulator):
    httpx.post(f"{simulator.url}/_sim/webhooks/pause")
    _pay(session)
    simulator.kill()
    simulator.start()

    again = _client(simulator)
    assert again.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert _get(simulator, "/_sim/webhooks") == {"paused": True}
    assert receiver.got == []
    httpx.post(f"{simulator.url}/_sim/webhooks/resume")
    receiver.wait_for(3)


def test_an_answer_lost_on_the_way_is_brought_back_by_the_key(simulator):
    httpx.post(f"{simulator.url}/_sim/faults/lost_answer?calls=1")
    httpx.post(f"{simulator.url}/_sim/faults/unavailable?calls=1")
    before = len(_get(simulator, "/_sim/events"))
    made = _client(simulator, retries=3).checkout.sessions.create(_params(), {"idempotency_key": "k-lost"})

    assert made.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(_get(simulator, "/_sim/events")) == before


def test_people_see_a_page_that_says_what_it_is(session):
    page = httpx.get(session.url)
    assert "not Stripe" in page.text
    assert "&lt;b&gt;" in page.text
    assert "<b>ticket" not in page.text
    assert "simulator" in page.headers["X-Simulator"]

    declined = httpx.post(session.url, data={"card": DECLINED})
    assert declined.status_code == 402
    assert "declined" in declined.text
    assert httpx.post(session.url, json=["card"]).status_code == 400
    paid = httpx.post(session.url, data={"card": "4242 4242 4242 4242"})
    assert (paid.status_code, paid.headers["location"]) == (303, "http://localhost/paid")


def test_it_says_that_it_is_healthy_and_a_simulator(simulator):
    assert _get(simulator, "/healthz") == {"status": "ok", "simulates": "stripe"}


def test_a_paid_session_can_be_disputed_once_decided_and_not_refunded_meanwhile(api, session, receiver, simulator):
    levers = f"{simulator.url}/_sim"
    assert httpx.post(f"{levers}/sessions/{session.id}/dispute").status_code == 409, "nothing was paid"
    _pay(session)
    receiver.wait_for(3)
    dispute = httpx.post(f"{levers}/sessions/{session.id}/dispute").json()
    found = api.disputes.retrieve(dispute["id"], {"expand": ["payment_intent"]})
    assert (found.status, found.amount, found.payment_intent.metadata.to_dict()) == (
        "needs_response", 99_800, {"payment_id": "p-1"},
    )  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.refunds.create({"payment_intent": found.payment_intent.id})
    assert refused.value.code == "charge_disputed"
    assert httpx.post(f"{levers}/disputes/{dispute['id']}/won").json()["status"] == "won"
    assert httpx.post(f"{levers}/disputes/{dispute['id']}/lost").status_code == 409
    assert httpx.post(f"{levers}/disputes/dp_none/lost").status_code == 404
    got = [
        stripe.Webhook.construct_event(raw, headers["Stripe-Signature"], SECRET, api_key="sk_test_1").type
        for headers, raw in receiver.wait_for(8)
    ]
    assert sorted(kind for kind in got if kind.startswith("charge.dispute")) == [
        f"charge.dispute.{word}" for word in ("closed", "created", "funds_reinstated", "funds_withdrawn", "updated")
    ]
