from sqlalchemy import func, select

from backend.kit.notices import announce
from backend.orders.notices import OrderPaid
from backend.tickets import place, reactions  # noqa: F401 - the reaction under test is registered by its import
from backend.tickets.models import MintJob, Ticket
from tests.factories.orders import make_sale
from tests.factories.tickets import ALICE, jobs_of, make_collection, paid_order, tickets_of


def test_a_paid_order_told_ten_times_makes_one_ticket_and_one_job_a_unit(session, now):
    sale = make_sale(session, quantities=(50, 50))
    make_collection(session, sale.event)
    order = paid_order(session, sale, quantity=3)
    for _ in range(10):
        announce(session, OrderPaid(order.id))
    assert session.scalar(select(func.count()).select_from(Ticket).where(Ticket.order_id == order.id)) == 6
    jobs = jobs_of(session, order.id)
    assert len(jobs) == len({(job.order_line_id, job.unit) for job in jobs}) == 6
    assert {(job.status, job.recipient, job.tier_number) for job in jobs} == {
        ("QUEUED", ALICE, 1),
        ("QUEUED", ALICE, 2),
    }


def test_a_guests_tickets_wait_in_escrow(session, now):
    sale = make_sale(session)
    make_collection(session, sale.event)
    order = paid_order(session, sale, recipient=None)
    place.place(session, order.id, now)
    assert {ticket.custody for ticket in tickets_of(session, order.id)} == {"ESCROW"}
    assert {job.escrow_reason for job in jobs_of(session, order.id)} == {"no_wallet"}


def test_a_paid_order_of_an_event_without_collection_waits_for_a_person(session, now):
    order = paid_order(session, make_sale(session))
    place.place(session, order.id, now)
    assert {(job.status, job.last_error) for job in jobs_of(session, order.id)} == {("STUCK", place.NO_COLLECTION)}
    assert session.scalar(select(func.count()).select_from(MintJob)) == 2
