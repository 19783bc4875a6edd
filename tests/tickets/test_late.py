"""A batch that the chain does not take by its deadline: buyers are told, and an admin decides."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.accounts.models import AdminAction, Role
from backend.chain import outbox
from backend.chain import tasks as chain_tasks
from backend.chain.models import ChainSend
from backend.orders.models import Order
from backend.orders.place import guest_secret
from backend.tickets import cancel, tasks
from backend.tickets.models import Batch, Collection
from tests.factories.accounts import address_of, grant, make_key, signed_in
from tests.factories.orders import make_sale
from tests.factories.tickets import ALICE, jobs_of
from tests.tickets.test_on_chain import deploy, queue

GWEI = 10**9


@pytest.fixture
def sale(session):
    return make_sale(session, quantities=(50, 20), status="DRAFT")


@pytest.fixture
def late(client, chain, session, sale):
    """A paid order whose batch waits at the ceiling beyond its deadline."""
    promoter = make_key()
    grant(session, address_of(promoter), Role.PROMOTER, sale.event.organisation_id)
    collection = deploy(client, chain, session, sale, promoter)
    order = queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    dear(chain)
    chain_tasks.sending.send(batch(session).send_id)
    assert batch(session).status == "CLOSED"
    chain.late += timedelta(seconds=1000)
    sweep()
    return order


def dear(chain, gwei=600):
    chain.ask("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
    chain.node.mine(1)


def sweep():
    chain_tasks.sweep()
    tasks.sweep()


def batch(session) -> Batch:
    return session.scalars(select(Batch).execution_options(populate_existing=True)).one()


def shown(client, order):
    headers = {"X-Order-Secret": guest_secret(order.id)}
    return client.get(f"/v1/orders/{order.id}", headers=headers).json()["tickets_overdue_since"]


def admin(session, chain):
    address = address_of(make_key())
    grant(session, address, Role.ADMIN)
    return signed_in(session, address, chain.now())


def test_the_buyer_is_told_until_the_fee_falls_and_the_tickets_come(client, chain, session, late):
    assert batch(session).status == "OVERDUE" and "fee ceiling" in batch(session).last_error
    assert shown(client, late) is not None
    tasks.sweep()
    dear(chain, 1)
    chain.work(batch(session).id)
    assert batch(session).status == "FINAL"
    sweep()
    assert shown(client, late) is None
    assert session.get_one(Order, late.id).tickets_overdue_since is None


def test_an_order_in_time_is_told_nothing(client, chain, session, sale, late):
    other = queue(session, sale, ALICE)
    sweep()
    assert shown(client, other) is None


def test_an_admin_lets_it_offer_more(client, chain, session, late):
    url = f"/v1/admin/batches/{batch(session).id}/fee-ceiling"
    headers = admin(session, chain)
    assert client.post(url, json={"max_fee_gwei": 2000}).status_code == 401
    assert client.post(url, json={"max_fee_gwei": 0}, headers=headers).status_code == 422
    low = client.post(url, json={"max_fee_gwei": 500}, headers=headers)
    assert low.json()["error"]["code"] == "ceiling_not_higher"
    answer = client.post(url, json={"max_fee_gwei": 2000}, headers=headers)
    assert answer.status_code == 202 and answer.json()["status"] == "OVERDUE"
    [kept] = session.scalars(select(AdminAction)).all()
    assert (kept.action, kept.subject_id) == ("batch.fee_ceiling", batch(session).id)
    assert kept.details == {"was": "OVERDUE", "before_wei": str(500 * GWEI), "max_fee_gwei": 2000}
    dear(chain)
    chain.work(batch(session).id)
    assert batch(session).status == "FINAL"
    over = client.post(url, json={"max_fee_gwei": 9000}, headers=headers)
    assert over.json()["error"]["code"] == "send_over"
    unknown = client.post(f"/v1/admin/batches/{late.id}/fee-ceiling", json={"max_fee_gwei": 1}, headers=headers)
    assert unknown.json()["error"]["code"] == "batch_unknown"


def test_an_admin_tries_again_or_gives_it_up(client, chain, session, late):
    headers, url = admin(session, chain), f"/v1/admin/batches/{batch(session).id}"
    told = shown(client, late)
    assert client.post(f"{url}/retry", headers=headers).json()["status"] == "OVERDUE"
    assert client.post(f"{url}/cancel", headers=headers).json()["status"] == "CANCELLING"
    sweep()
    # The tickets are no less late than before.
    assert batch(session).status == "CANCELLING" and shown(client, late) == told is not None
    dear(chain, 1)
    chain.work(batch(session).id)
    chain.index(session.scalars(select(Collection)).one().address)
    assert batch(session).status == "CANCELLED"
    assert {job.status for job in jobs_of(session, late.id)} == {"QUEUED"}
    sweep()
    assert shown(client, late) == told


def test_a_cancellation_at_the_ceiling_is_allowed_more(client, chain, session, late):
    headers, url = admin(session, chain), f"/v1/admin/batches/{batch(session).id}"
    assert client.post(f"{url}/cancel", headers=headers).status_code == 202
    dear(chain)
    chain_tasks.sending.send(cancellation(session).id)
    waiting = cancellation(session)
    assert waiting.status == "WAITING" and waiting.reason.startswith("fee ceiling")
    low = client.post(f"{url}/fee-ceiling", json={"max_fee_gwei": 500}, headers=headers)
    assert low.json()["error"]["code"] == "ceiling_not_higher"
    allowed = client.post(f"{url}/fee-ceiling", json={"max_fee_gwei": 2000}, headers=headers)
    assert allowed.status_code == 202, allowed.json()
    assert allowed.json()["status"] == "CANCELLING"
    dear(chain)
    chain.work(batch(session).id)
    chain.index(session.scalars(select(Collection)).one().address)
    assert batch(session).status == "CANCELLED"
    over = client.post(f"{url}/fee-ceiling", json={"max_fee_gwei": 9000}, headers=headers)
    assert over.json()["error"]["code"] == "send_over"


def test_what_a_batch_was_allowed_holds_for_giving_it_up(client, chain, session, late):
    headers, url = admin(session, chain), f"/v1/admin/batches/{batch(session).id}"
    assert client.post(f"{url}/fee-ceiling", json={"max_fee_gwei": 2000}, headers=headers).status_code == 202
    assert client.post(f"{url}/cancel", headers=headers).status_code == 202
    assert outbox.ceiling_of(cancellation(session)) == 2000 * GWEI
    dear(chain)
    chain.work(batch(session).id)
    chain.index(session.scalars(select(Collection)).one().address)
    assert batch(session).status == "CANCELLED"


def test_a_mint_that_holds_up_its_cancellation_is_allowed_more_as_well(client, chain, session, sale):
    promoter = make_key()
    grant(session, address_of(promoter), Role.PROMOTER, sale.event.organisation_id)
    collection = deploy(client, chain, session, sale, promoter)
    queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    chain_tasks.sending.send(batch(session).send_id)
    headers, url = admin(session, chain), f"/v1/admin/batches/{batch(session).id}"
    assert client.post(f"{url}/cancel", headers=headers).status_code == 202
    assert client.post(f"{url}/fee-ceiling", json={"max_fee_gwei": 2000}, headers=headers).status_code == 202
    mint = session.get_one(ChainSend, batch(session).send_id)
    assert [outbox.ceiling_of(send) for send in (mint, cancellation(session))] == [2000 * GWEI, 2000 * GWEI]


def cancellation(session) -> ChainSend:
    found = outbox.find(session, cancel.CANCEL, batch(session).id)
    assert found is not None
    session.refresh(found)
    return found
