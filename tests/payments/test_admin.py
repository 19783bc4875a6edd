"""What is STUCK, seen and asked for again by an admin; nothing else about money is in anybody's hands."""

import pytest

from backend.kit.errors import ErrorResponse
from backend.kit.ids import new_id
from backend.kit.money import Money
from backend.ledger import service as ledger
from backend.orders import pay, service
from backend.orders.books import _RETURNED
from backend.payments import refund, settle
from backend.payments.models import PaymentStatus, ProviderEventStatus, Refund, RefundStatus
from backend.payments.port import RefundOutcome, RefundResult, Seen, Subject
from backend.payments.service import begin, start
from tests.factories.accounts import as_admin, as_promoter, make_organisation, signed_in
from tests.factories.orders import Till, make_order, make_sale
from tests.factories.payments import incoming, make_begun, make_event


@pytest.fixture
def admin(session):
    return as_admin(session)


def code(response):
    return ErrorResponse.model_validate(response.json()).error.code


@pytest.mark.parametrize("path", ["payments", "refunds", "provider-events"])
def test_only_an_admin_sees_or_repeats_them(client, session, path):
    organisation = make_organisation(session)
    for headers, refused in (
        ({}, "unauthenticated"),
        (signed_in(session), "forbidden"),
        (as_promoter(session, organisation.id), "forbidden"),
    ):
        assert code(client.get(f"/v1/admin/{path}", headers=headers)) == refused
        assert code(client.post(f"/v1/admin/{path}/{new_id()}/retry", headers=headers)) == refused


def test_what_nobody_has_heard_of_cannot_be_repeated(client, admin):
    for path, refused in (
        ("payments", "payment_unknown"),
        ("refunds", "refund_unknown"),
        ("provider-events", "provider_event_unknown"),
    ):
        assert code(client.post(f"/v1/admin/{path}/{new_id()}/retry", headers=admin)) == refused


def test_a_stuck_message_is_acted_on_again(client, session, admin, provider, heard, nudged, now):
    payment = make_begun(session, now)
    event = make_event(session, now, incoming("fake_unknown"))
    settle.settle_event(event.id)
    session.refresh(event)
    assert event.status == ProviderEventStatus.STUCK

    shown = client.get("/v1/admin/provider-events", params={"status": "STUCK"}, headers=admin).json()["items"]
    assert [(item["id"], item["problem"]) for item in shown] == [(str(event.id), event.problem)]
    assert "payload" not in shown[0]
    event.reference = payment.provider_ref
    session.flush()
    provider.becomes(payment.provider_ref, Seen.PAID)
    nudged.clear()
    answer = client.post(f"/v1/admin/provider-events/{event.id}/retry", headers=admin)
    assert (answer.status_code, answer.json()["status"], answer.json()["problem"]) == (202, "RECEIVED", None)
    assert nudged == [("payments.settle_event", str(event.id))]
    settle.settle_event(event.id)
    session.refresh(event)
    assert event.status == ProviderEventStatus.SETTLED
    assert code(client.post(f"/v1/admin/provider-events/{event.id}/retry", headers=admin)) == "not_stuck"


def _stuck(session, provider, now):
    payment = make_begun(session, now)
    provider.becomes(payment.provider_ref, Seen.PAID, amount=Money(1, "SEK"))
    settle.apply(session, payment.id, provider.fetch(payment.provider_ref), now)
    session.flush()
    assert payment.status == PaymentStatus.STUCK
    return payment


def test_a_stuck_payment_is_looked_at_again_by_the_same_rules(client, session, admin, provider, heard, nudged, now):
    payment = _stuck(session, provider, now)
    shown = client.get("/v1/admin/payments", params={"status": "STUCK"}, headers=admin).json()["items"]
    assert [(item["id"], item["problem"]) for item in shown] == [(str(payment.id), "amount_mismatch")]
    assert client.get("/v1/admin/payments", params={"status": "EXPIRED"}, headers=admin).json()["items"] == []

    url = f"/v1/admin/payments/{payment.id}/retry"
    answer = client.post(url, headers=admin)
    assert (answer.status_code, answer.json()["status"]) == (202, "PENDING")
    assert nudged[-1] == ("payments.look", str(payment.id))
    assert code(client.post(url, headers=admin)) == "not_stuck"
    settle.look(payment.id)
    session.refresh(payment)
    assert (payment.status, payment.problem) == ("STUCK", "amount_mismatch")

    provider.becomes(payment.provider_ref, Seen.PAID, amount=payment.amount)
    client.post(url, headers=admin)
    settle.look(payment.id)
    session.refresh(payment)
    assert (payment.status, payment.problem) == ("SUCCEEDED", None)


def test_a_stuck_payment_stays_so_while_another_way_to_pay_is_open(client, session, admin, provider, heard, now):
    payment = _stuck(session, provider, now)
    start(session, payment.organisation_id, payment.reference_id, payment.amount, "fake", now)
    assert code(client.post(f"/v1/admin/payments/{payment.id}/retry", headers=admin)) == "payment_open"


@pytest.fixture
def refunding(session, now):
    """A paid order whose refund came back from the provider with another amount: both are STUCK."""
    with Till() as till:
        order = make_order(session, make_sale(session), now)
        payment = pay.latest(session, order.id)
        begin(payment.id)
        session.refresh(payment)
        till.mark(payment.id, Seen.PAID)
        settle.look(payment.id)
        settle.apply(session, payment.id, till.fetch(payment.provider_ref), now)
        service.refund(session, order.id, "asked", now)
        asked = session.query(Refund).one()
        wrong = RefundResult("re_" + asked.id.hex, RefundOutcome.SUCCEEDED, Money(1, "SEK"), asked.id)
        refund.apply(session, asked.id, wrong, now)
        session.flush()
        assert (asked.status, order.status) == ("STUCK", "STUCK")
        till.refunds[asked.id] = asked.amount
        yield order, payment, asked


def test_a_stuck_refund_is_asked_for_again_and_the_order_follows(client, session, admin, refunding, now):
    order, payment, asked = refunding
    shown = client.get("/v1/admin/refunds", params={"status": "STUCK"}, headers=admin).json()["items"]
    assert [(item["id"], item["problem"]) for item in shown] == [(str(asked.id), "amount_mismatch")]
    answer = client.post(f"/v1/admin/refunds/{asked.id}/retry", headers=admin)
    assert (answer.status_code, answer.json()["status"]) == (202, "PENDING")
    session.refresh(order)
    assert order.status == "REFUNDING"
    refund.carry_out(asked.id)
    for row in (order, asked, payment):
        session.refresh(row)
    assert (asked.status, order.status) == (RefundStatus.SUCCEEDED, "REFUNDED")
    assert payment.refunded_minor == payment.amount_minor
    assert ledger.balance(session, order.organisation_id, "organisation:revenue", "SEK") == Money(0, "SEK")
    assert code(client.post(f"/v1/admin/refunds/{asked.id}/retry", headers=admin)) == "not_stuck"


def test_a_refund_that_the_bank_returned_is_not_repeated(client, session, admin, refunding, now):
    order, _, asked = refunding
    one = Money(1, "SEK")
    ledger.post(
        session, order.organisation_id, _RETURNED, asked.id, [("buyer:unsettled", one), ("platform:fee", -one)], now
    )
    answer = client.post(f"/v1/admin/refunds/{asked.id}/retry", headers=admin)
    assert code(answer) == "refund_was_returned"
    session.refresh(asked)
    assert asked.status == RefundStatus.STUCK


def test_the_operations_are_described_with_their_refusals(client):
    paths = client.get("/openapi.json").json()["paths"]
    for path, refused in (
        ("/v1/admin/payments/{payment_id}/retry", "payment_unknown"),
        ("/v1/admin/refunds/{refund_id}/retry", "refund_unknown"),
        ("/v1/admin/provider-events/{event_id}/retry", "provider_event_unknown"),
    ):
        operation = paths[path]["post"]
        assert refused in operation["responses"]["404"]["content"]["application/json"]["examples"]
        assert "not_stuck" in operation["responses"]["409"]["content"]["application/json"]["examples"]


def test_no_message_of_another_subject_is_missing_from_the_list(client, session, admin, provider, heard, now):
    event = make_event(session, now, incoming("dp_1", subject=Subject.ALARM, kind="radar.early_fraud_warning.created"))
    settle.settle_event(event.id)
    shown = client.get("/v1/admin/provider-events", params={"status": "STUCK"}, headers=admin).json()["items"]
    assert [(item["subject"], item["type"]) for item in shown] == [("ALARM", "radar.early_fraud_warning.created")]
