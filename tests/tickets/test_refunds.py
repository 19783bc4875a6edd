from sqlalchemy import select

from backend.chain.models import ChainSend
from backend.kit import gauges
from backend.tickets import batches, effects, final, refunds, service, status_changes
from backend.tickets import gauges as figures
from backend.tickets.models import StatusChange
from tests.factories.tickets import ALICE, NETWORK, Chain, jobs_of, make_minting, tickets_of


def close(session, minting, now):
    jobs = [job.id for job in jobs_of(session, minting.order.id)]
    return batches.close(session, minting.collection.id, jobs, frozenset(), now)


def test_what_was_not_batched_is_never_minted(session, now):
    minting = make_minting(session)
    refunds.void_tickets(session, minting.order.id, now)
    refunds.void_tickets(session, minting.order.id, now)
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"REFUNDING"}
    assert {ticket.status for ticket in tickets_of(session, minting.order.id)} == {"VOID"}
    assert close(session, minting, now) is None


def test_what_is_on_its_way_becomes_void_on_chain_once_it_is_there(session, now):
    minting = make_minting(session, quantity=1)
    close(session, minting, now)
    refunds.void_tickets(session, minting.order.id, now)
    change = session.scalars(select(StatusChange)).one()
    assert (change.status, change.wanted) == ("WAITING", "VOID")
    chain = Chain()
    (token,) = chain.mint(1, [(ALICE, 1)])
    final.tokens_settled(session, NETWORK, chain.taken()[2:], now)
    assert tickets_of(session, minting.order.id)[0].status == "VOID"
    status_changes.send(session, change, now)
    assert change.status == "SENT"
    send = session.scalars(select(ChainSend).where(ChainSend.purpose == "ticket_status")).one()
    assert effects.question(session, send).arguments == [token]
    chain.block().status(token, 3)
    final.tokens_settled(session, NETWORK, chain.taken(), now)
    assert change.status == "DONE"


def test_a_used_ticket_stays_used(session, now):
    minting = make_minting(session, quantity=1)
    ticket = tickets_of(session, minting.order.id)[0]
    service.mark_used(session, ticket.id, now)
    refunds.void_tickets(session, minting.order.id, now)
    assert tickets_of(session, minting.order.id)[0].status == "USED"


def test_a_status_the_contract_refuses_is_for_a_person(session, now):
    minting = make_minting(session, quantity=1)
    service.mark_used(session, tickets_of(session, minting.order.id)[0].id, now)
    change = session.scalars(select(StatusChange)).one()
    status_changes.sent_reverted(session, change.id, "BadStatusChange")
    assert (change.status, change.last_error) == ("STUCK", "BadStatusChange")


def test_the_gauges_show_what_waits(session, now):
    make_minting(session, quantity=3)
    assert figures.mint_jobs(session)["QUEUED",] == 3
    assert figures.oldest_mint_job(session)["QUEUED",] >= 0
    assert figures.batches(session)["STUCK",] == 0
    assert {"mint_jobs", "batches", "claims", "collections"} <= set(gauges.registered)
