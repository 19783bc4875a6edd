import logging

import pytest
from sqlalchemy import select

from backend.kit.errors import ErrorResponse
from backend.kit.ids import new_id
from backend.orders.models import Order, OrderStatus
from backend.payments.models import Payment, PaymentStatus
from tests.factories.accounts import address_of, as_admin, as_promoter, make_key, make_organisation, signed_in
from tests.factories.orders import make_sale

KEY = {"Idempotency-Key": "4f9c2d6e-order-1"}


def order_body(sale, quantity=2, **more):
    return {
        "event_id": str(sale.event.id),
        "lines": [{"tier_id": str(sale.tier.id), "quantity": quantity}],
        **more,
    }


@pytest.fixture
def guest_order(client, session, sale):
    response = client.post("/v1/orders", json=order_body(sale, email="Ada@Example.org"), headers=KEY)
    assert response.status_code == 201, response.text
    return response.json()


def secret(placed):
    return {"X-Order-Secret": placed["order_secret"]}


def code(response):
    return ErrorResponse.model_validate(response.json()).error.code


def test_a_guest_buys_with_an_address_and_gets_a_secret(client, session, sale, guest_order):
    order = guest_order["order"]
    assert (order["status"], order["total_minor"], order["currency"], order["exponent"]) == (
        "AWAITING_PAYMENT", "99800", "SEK", 2,
    )  # fmt: skip
    assert order["recipient"] is None
    assert len(guest_order["order_secret"]) == 64
    assert session.get_one(Order, order["order_id"]).email == "ada@example.org"
    seen = client.get(f"/v1/orders/{order['order_id']}", headers=secret(guest_order))
    assert seen.status_code == 200
    assert "example.org" not in seen.text


def test_a_repeat_shows_the_secret_until_the_order_is_paid_and_never_after(client, session, sale, guest_order):
    def repeat():
        return client.post("/v1/orders", json=order_body(sale, email="ada@example.org"), headers=KEY).json()

    assert repeat() == guest_order
    session.get_one(Order, guest_order["order"]["order_id"]).status = "PAID"
    session.flush()
    assert repeat()["order_secret"] is None


def test_a_signed_in_fan_buys_for_the_wallet_and_gets_no_secret(client, session, sale):
    key = make_key()
    headers = signed_in(session, address_of(key))
    placed = client.post("/v1/orders", json=order_body(sale), headers=headers | KEY).json()
    assert placed["order_secret"] is None
    assert placed["order"]["recipient"] == key.address.lower()
    mine = client.get("/v1/orders", headers=headers).json()
    assert [order["order_id"] for order in mine["items"]] == [placed["order"]["order_id"]]
    assert client.get("/v1/orders", headers=signed_in(session)).json()["items"] == []


def test_the_same_request_again_answers_200_with_the_same_order_and_secret(client, sale, guest_order):
    again = client.post("/v1/orders", json=order_body(sale, email="ada@example.org"), headers=KEY)
    assert again.status_code == 200
    assert again.json() == guest_order


def test_the_same_key_with_another_body_is_refused(client, sale, guest_order):
    other = client.post("/v1/orders", json=order_body(sale, quantity=1, email="ada@example.org"), headers=KEY)
    assert (other.status_code, code(other)) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "short"}])
def test_an_order_without_a_proper_key_is_refused(client, sale, headers):
    response = client.post("/v1/orders", json=order_body(sale, email="ada@example.org"), headers=headers)
    assert response.status_code == 422


@pytest.mark.parametrize("slipped_in", ["total_minor", "status", "currency", "fee_bps", "recipient", "account_id"])
def test_what_the_server_decides_cannot_be_slipped_in(client, sale, slipped_in):
    body = order_body(sale, email="ada@example.org") | {slipped_in: 1}
    assert client.post("/v1/orders", json=body, headers=KEY).status_code == 422
    body = order_body(sale, email="ada@example.org")
    body["lines"][0]["unit_price_minor"] = 1
    assert client.post("/v1/orders", json=body, headers=KEY).status_code == 422


@pytest.mark.parametrize("quantity", [0, -1, 101, 1.5, "many"])
def test_an_impossible_quantity_is_refused(client, sale, quantity):
    body = order_body(sale, quantity=quantity, email="ada@example.org")
    assert client.post("/v1/orders", json=body, headers=KEY).status_code == 422


def test_sold_out_says_so(client, session, till):
    sale = make_sale(session, quantities=(1,))
    response = client.post("/v1/orders", json=order_body(sale, email="ada@example.org"), headers=KEY)
    assert (response.status_code, code(response)) == (409, "sold_out")


def test_an_order_is_seen_by_its_buyer_its_promoter_and_admins_and_by_nobody_else(client, session, sale, guest_order):
    path = f"/v1/orders/{guest_order['order']['order_id']}"
    other = make_organisation(session)
    allowed = [secret(guest_order), as_promoter(session, sale.event.organisation_id), as_admin(session)]
    refused = [{"X-Order-Secret": "0" * 64}, as_promoter(session, other.id), signed_in(session)]
    assert [client.get(path, headers=headers).status_code for headers in allowed] == [200] * 3
    for headers in refused:
        response = client.get(path, headers=headers)
        assert (response.status_code, code(response)) == (404, "order_unknown")
    assert client.get(path).status_code == 401
    assert client.get(f"/v1/orders/{new_id()}", headers=secret(guest_order)).status_code == 404


def test_only_the_buyer_pays_or_cancels(client, session, sale, guest_order):
    path = f"/v1/orders/{guest_order['order']['order_id']}"
    for headers in (as_promoter(session, sale.event.organisation_id), as_admin(session), signed_in(session)):
        assert client.post(f"{path}/cancel", headers=headers).status_code == 404
        assert client.post(f"{path}/payment", json={}, headers=headers).status_code == 404


def test_a_secret_of_an_accounts_order_opens_nothing(client, session, sale):
    from backend.orders.place import guest_secret

    placed = client.post("/v1/orders", json=order_body(sale), headers=signed_in(session) | KEY).json()
    order_id = session.get_one(Order, placed["order"]["order_id"]).id
    response = client.get(f"/v1/orders/{order_id}", headers={"X-Order-Secret": guest_secret(order_id)})
    assert response.status_code == 404


def test_paying_leads_to_the_provider_and_asked_again_to_the_same_place(client, session, guest_order, till):
    session.commit()
    path = f"/v1/orders/{guest_order['order']['order_id']}/payment"
    first = client.post(path, json={"provider": "stripe"}, headers=secret(guest_order))
    again = client.post(path, json={"provider": "stripe"}, headers=secret(guest_order))
    assert first.status_code == 200
    assert first.json() == again.json()
    assert first.json()["checkout_url"].startswith("http://till/")
    assert (first.json()["status"], len(till.sessions)) == ("PENDING", 1)


def test_a_declined_card_may_be_tried_again(client, session, guest_order, till):
    session.commit()
    path = f"/v1/orders/{guest_order['order']['order_id']}/payment"
    first = client.post(path, json={}, headers=secret(guest_order)).json()
    session.get_one(Payment, first["payment_id"]).status = PaymentStatus.FAILED
    session.commit()
    second = client.post(path, json={}, headers=secret(guest_order)).json()
    assert (second["attempt"], second["status"]) == (2, "PENDING")
    assert second["checkout_url"] != first["checkout_url"]


def test_an_unknown_way_to_pay_is_refused(client, session, guest_order):
    session.commit()
    path = f"/v1/orders/{guest_order['order']['order_id']}/payment"
    response = client.post(path, json={"provider": "shells"}, headers=secret(guest_order))
    assert (response.status_code, code(response)) == (422, "unknown_provider")


def test_a_cancelled_order_is_neither_paid_nor_cancelled_twice(client, session, guest_order):
    session.commit()
    path = f"/v1/orders/{guest_order['order']['order_id']}"
    assert client.post(f"{path}/cancel", headers=secret(guest_order)).status_code == 202
    refused = client.post(f"{path}/payment", json={}, headers=secret(guest_order))
    assert (refused.status_code, code(refused)) == (409, "order_closed")
    session.get_one(Order, guest_order["order"]["order_id"]).status = OrderStatus.CANCELLED
    session.commit()
    refused = client.post(f"{path}/cancel", headers=secret(guest_order))
    assert (refused.status_code, code(refused)) == (409, "not_cancellable")


def test_an_admin_gives_the_money_back_and_nobody_else_does(client, session, sale, guest_order, till):
    order = session.get_one(Order, guest_order["order"]["order_id"])
    payment = session.scalars(select(Payment).where(Payment.reference_id == order.id)).one()
    payment.status, payment.provider_ref = PaymentStatus.SUCCEEDED, "cs_paid"
    order.status, order.payment_id, order.paid_at = OrderStatus.PAID, payment.id, order.placed_at
    session.commit()
    path, body = f"/v1/admin/orders/{order.id}/refund", {"reason": "event_moved"}
    assert client.post(path, json=body, headers=as_promoter(session, sale.event.organisation_id)).status_code == 403
    admin = as_admin(session)
    answers = [client.post(path, json=body, headers=admin) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[1].json()["status"] == "REFUNDING"


def test_the_address_of_a_guest_is_in_no_log_line(client, sale, caplog):
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/orders", json=order_body(sale, email="ada@example.org"), headers=KEY)
        client.post("/v1/orders", json=order_body(sale, quantity=1, email="ada@example.org"), headers=KEY)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("sqlalchemy")]
    assert not any("ada@example.org" in line for line in ours)


def test_the_gauges_count_orders_and_tell_the_oldest(session, sale, guest_order):
    from backend.orders import gauges

    assert gauges.by_status(session)["AWAITING_PAYMENT",] == 1
    assert gauges.oldest(session)["AWAITING_PAYMENT",] >= 0
