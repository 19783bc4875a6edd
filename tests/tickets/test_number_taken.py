"""A leaked minter key took a batch number that the house had given out, or would have: nobody loses a ticket by it."""

import pytest
from sqlalchemy import select

from backend.accounts.models import Role
from backend.tickets import onchain, tasks
from backend.tickets.models import Batch
from tests.factories.accounts import address_of, grant, make_key
from tests.factories.orders import make_sale
from tests.factories.tickets import ALICE, jobs_of, tickets_of
from tests.tickets.test_on_chain import deploy, mint, queue

THIEF = b"\x66" * 20


@pytest.fixture
def sale(session):
    return make_sale(session, quantities=(50, 20), status="DRAFT")


@pytest.fixture
def collection(client, chain, session, sale):
    promoter = make_key()
    grant(session, address_of(promoter), Role.PROMOTER, sale.event.organisation_id)
    return deploy(client, chain, session, sale, promoter)


def _steal(chain, collection, number, owner=THIEF):
    entries = (owner + b"\0\1") * 2
    minter = chain.signers["minter"].address
    chain.node.fund("0x" + minter.hex(), 10**20)
    chain.call("TicketCollection", collection.address, "mintBatch", [number, entries], sender=minter)
    chain.node.mine(4)


def _stolen(chain, collection, number, owner=THIEF):
    _steal(chain, collection, number, owner)
    chain.index(collection.address)


def _batch(session, number):
    query = select(Batch).where(Batch.number == number).execution_options(populate_existing=True)
    return session.scalars(query).one()


def test_the_tickets_of_a_number_that_was_taken_are_minted_under_another(chain, session, sale, collection):
    order = queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    _stolen(chain, collection, 1)
    assert _batch(session, 1).status == "CANCELLED"
    assert {job.status for job in jobs_of(session, order.id)} == {"QUEUED"}
    assert {(ticket.status, ticket.token_id) for ticket in tickets_of(session, order.id)} == {("PENDING", None)}

    tasks.close_batch(collection.id)
    chain.work(_batch(session, 2).id, rounds=6)
    chain.index(collection.address)
    assert {job.status for job in jobs_of(session, order.id)} == {"FINAL"}
    assert {ticket.token_id >> 16 for ticket in tickets_of(session, order.id)} == {2}


def test_numbers_that_were_taken_beforehand_are_not_given_out(chain, session, sale, collection):
    _stolen(chain, collection, 1)
    _stolen(chain, collection, 2)
    session.refresh(collection)
    assert collection.next_batch == 3
    order = mint(chain, session, sale, collection, ALICE)
    assert {ticket.token_id >> 16 for ticket in tickets_of(session, order.id)} == {3}


def test_the_same_owner_under_another_hash_is_not_the_houses_batch(chain, session, sale, collection):
    order = queue(session, sale, ALICE, quantity=1)
    tasks.close_batch(collection.id)
    _stolen(chain, collection, 1, ALICE)
    assert _batch(session, 1).status == "CANCELLED"
    assert {job.status for job in jobs_of(session, order.id)} == {"QUEUED"}


def test_a_thiefs_token_is_nobodys_ticket_even_where_its_batch_is_settled_later(chain, session, sale, collection):
    order = queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    _steal(chain, collection, 1)
    logs = chain._logs(collection.address, 1, chain.port.finalized().number)
    chain._hand(onchain.settle_tokens, "TicketCollection", ("Transfer", "StatusChanged"), logs)
    assert {job.status for job in jobs_of(session, order.id)} == {"BATCHED"}
    assert {(ticket.status, ticket.token_id) for ticket in tickets_of(session, order.id)} == {("PENDING", None)}
