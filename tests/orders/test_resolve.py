"""What a person decides about an order that is STUCK: once, kept, and by an admin alone."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from backend.accounts.models import Role
from backend.kit import notices
from backend.ledger.service import balance
from backend.orders import gauges, reactions, refund, settle
from backend.orders.models import OrderResolution, OrderStatus
from backend.orders.notices import OrderPaid, OrderRefunded, OrderRefunding, OrderVoided
from backend.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from backend.payments.notices import PaymentStuck, PaymentSucceeded, RefundFailed
from tests.factories.accounts import grant, signed_in
from tests.factories.orders import make_order
from tests.factories.tickets import ALICE, BOB

S = OrderStatus
REASON = "The bank's statement of 3 March shows it."


@pytest.fixture
def heard(monkeypatch):
    told = []
    for kind in (OrderPaid, OrderRefunding, OrderRefunded, OrderVoided):
        monkeypatch.setitem(notices._at_once, kind, [lambda _session, notice, _now: told.append(type(notice))])
        monkeypatch.setitem(notices._later, kind, {})
    return told


@pytest.fixture
def admin(session):
    grant(session, ALICE, Role.ADMIN)
    return signed_in(session, ALICE)


def decide(client, headers, order, resolution, reason=REASON):
    url = f"/v1/admin/orders/{order.id}/resolution"
    return client.post(url, headers=headers, json={"resolution": resolution, "reason": reason})


def paid(session, order):
    return session.scalars(select(Payment).where(Payment.reference_id == order.id)).one()


def without_payment(session, sale, now):
    """Nobody can judge its payment: its seats are held."""
    order = make_order(session, sale, now)
    payment = paid(session, order)
    payment.status, payment.problem = PaymentStatus.STUCK, "amount_mismatch"
    session.flush()
    reactions.mark_stuck(session, PaymentStuck(payment.id, order.id), now)
    session.flush()
    return order


def late_and_sold_out(session, sale, now):
    """Its money came, its seats were gone."""
    order = make_order(session, sale, now)
    payment = paid(session, order)
    payment.status = PaymentStatus.EXPIRED
    session.flush()
    reactions.close_order(session, PaymentSucceeded(payment.id, order.id), order.expires_at)
    payment.status = PaymentStatus.SUCCEEDED
    reactions.settle_order(session, PaymentSucceeded(payment.id, order.id), now)
    order.status = S.STUCK
    session.flush()
    return order


def refund_failed(session, sale, now):
    """The bank would not take its money back."""
    order = make_order(session, sale, now)
    payment = paid(session, order)
    payment.status = PaymentStatus.SUCCEEDED
    settle.money_arrived(session, order.id, payment.id, now)
    refund.refund(session, order.id, "moved", now)
    asked = session.scalars(select(Refund)).one()
    asked.status = RefundStatus.STUCK
    reactions.mark_refund_stuck(session, RefundFailed(asked.id, payment.id, order.id), now)
    session.flush()
    return order


def books(session, sale):
    accounts = (
        "provider:stripe:receivable", "organisation:revenue", "platform:fee", "buyer:unsettled", "platform:outside",
    )  # fmt: skip
    return tuple(balance(session, sale.event.organisation_id, account, "SEK").amount for account in accounts)


def fresh(session, sale, order):
    session.expire_all()
    return order.status, order.seats, (sale.tier.held, sale.tier.paid)


EARNED = (99_800, -94_810, -4_990, 0, 0)


@pytest.mark.parametrize("stuck", [without_payment, late_and_sold_out])
def test_an_honoured_order_is_paid_and_its_seats_are_sold(client, session, sale, now, till, heard, admin, stuck):
    order = stuck(session, sale, now)
    answer = decide(client, admin, order, "honour")
    assert (answer.status_code, answer.json().get("status")) == (200, "PAID"), answer.json()
    assert fresh(session, sale, order) == ("PAID", "SOLD", (0, 2))
    assert (books(session, sale), heard) == (EARNED, [OrderPaid])
    assert paid(session, order).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("stuck", "becomes", "ledger"),
    [
        (without_payment, "CANCELLED", (0, 0, 0, 0, 0)),
        (late_and_sold_out, "REFUNDED", (99_800, 0, 0, 0, -99_800)),
        (refund_failed, "REFUNDED", (99_800, 0, 0, 0, -99_800)),
    ],
)
def test_a_voided_order_frees_what_it_held_and_its_age_falls(
    client, session, sale, now, till, heard, admin, stuck, becomes, ledger
):
    order = stuck(session, sale, now)
    assert gauges.by_status(session)["STUCK",] == 1
    assert decide(client, admin, order, "void").json()["status"] == becomes
    held, seats = fresh(session, sale, order)[2], order.seats
    assert held[0] == 0 and seats in {"NONE", "SOLD"}
    assert books(session, sale) == ledger
    assert OrderVoided in heard
    assert (gauges.by_status(session)["STUCK",], gauges.oldest(session)["STUCK",]) == (0, 0)
    waiting = select(Refund).where(Refund.status.not_in([RefundStatus.SUCCEEDED, RefundStatus.FAILED]))
    assert session.scalars(waiting).all() == []
    assert session.scalars(select(Payment).where(Payment.status == PaymentStatus.STUCK)).all() == []


@pytest.mark.parametrize("resolution", ["honour", "void"])
def test_a_decision_is_kept_and_made_once(client, session, sale, now, till, heard, admin, resolution):
    order = without_payment(session, sale, now)
    first = decide(client, admin, order, resolution).json()
    assert decide(client, admin, order, resolution).json() == first
    other = {"honour": "void", "void": "honour"}[resolution]
    assert decide(client, admin, order, other).json()["error"]["code"] == "order_not_stuck"
    [kept] = client.get(f"/v1/admin/orders/{order.id}/resolutions", headers=admin).json()
    assert (kept["resolution"], kept["reason"], kept["became"]) == (resolution, REASON, first["status"])
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text("UPDATE order_resolutions SET reason = 'something else'"))


def test_sold_out_is_no_honour_and_nothing_is_half_done(client, session, sale, now, till, heard, admin):
    order = late_and_sold_out(session, sale, now)
    sale.tier.paid = sale.tier.quantity
    session.flush()
    assert decide(client, admin, order, "honour").json()["error"]["code"] == "sold_out"
    assert fresh(session, sale, order)[:2] == ("STUCK", "NONE")
    assert session.scalars(select(OrderResolution)).all() == []


def test_what_was_voided_for_a_refund_cannot_be_honoured(client, session, sale, now, till, heard, admin):
    order = refund_failed(session, sale, now)
    assert decide(client, admin, order, "honour").json()["error"]["code"] == "cannot_honour"
    assert fresh(session, sale, order)[0] == "STUCK"


def test_money_that_shows_up_after_all_is_late_and_not_lost(client, session, sale, now, till, heard, admin):
    order = without_payment(session, sale, now)
    decide(client, admin, order, "void")
    session.expire_all()
    payment = paid(session, order)
    payment.status = PaymentStatus.SUCCEEDED
    settle.money_arrived(session, order.id, payment.id, now)
    assert order.status == "PAID_LATE"


@pytest.mark.parametrize("role", [None, Role.PROMOTER, Role.STEWARD])
def test_nobody_but_an_admin_decides_or_looks(client, session, sale, now, till, heard, role):
    order = without_payment(session, sale, now)
    if role is Role.PROMOTER:
        grant(session, BOB, role, sale.event.organisation_id)
    headers = signed_in(session, BOB)
    assert decide(client, headers, order, "honour").json()["error"]["code"] == "forbidden"
    for path in (f"/v1/admin/orders/{order.id}/resolutions", "/v1/admin/orders?status=STUCK"):
        assert client.get(path, headers=headers).json()["error"]["code"] == "forbidden"
    assert client.get("/v1/admin/orders").json()["error"]["code"] == "unauthenticated"
    assert fresh(session, sale, order)[0] == "STUCK"


def test_admins_see_what_is_stuck(client, session, sale, now, till, heard, admin):
    order = without_payment(session, sale, now)
    make_order(session, sale, now)
    listed = client.get("/v1/admin/orders?status=STUCK", headers=admin).json()["items"]
    assert [item["order_id"] for item in listed] == [str(order.id)]


@pytest.mark.parametrize(
    "body", [{}, {"resolution": "refund", "reason": REASON}, {"resolution": "void", "reason": "x"}]
)
def test_a_decision_without_a_reason_is_none(client, session, sale, now, till, heard, admin, body):
    order = without_payment(session, sale, now)
    answer = client.post(f"/v1/admin/orders/{order.id}/resolution", headers=admin, json=body)
    assert answer.status_code == 422
    assert fresh(session, sale, order)[0] == "STUCK"
