"""A low balance of the key that mints stops new sales, and never a mint of what is sold already."""

import pytest
from sqlalchemy import func, select

from backend.accounts.models import Role
from backend.catalog.models import Event, Tier
from backend.chain.port import ChainUnreachable
from backend.tickets import funds, gauges, rules, tasks
from backend.tickets.models import MinterFunds
from tests.factories.accounts import address_of, grant, make_key, signed_in
from tests.factories.orders import make_sale
from tests.factories.tickets import ALICE, NETWORK, jobs_of
from tests.tickets.purchases import deploy_on_sale
from tests.tickets.test_on_chain import queue

ETHER = 10**18


@pytest.fixture
def sale(session):
    return make_sale(session, quantities=(50, 20), status="DRAFT")


@pytest.fixture(autouse=True)
def collection(client, chain, session, sale):
    promoter = make_key()
    grant(session, address_of(promoter), Role.PROMOTER, sale.event.organisation_id)
    return deploy_on_sale(client, chain, session, sale, promoter)


@pytest.fixture
def minter(chain):
    return chain.signers["minter"].address


def hold(chain, minter, wei):
    chain.node.fund("0x" + minter.hex(), wei)
    tasks.check_funds()


def row(session) -> MinterFunds:
    return session.scalars(select(MinterFunds).execution_options(populate_existing=True)).one()


def buy(client, sale, key, **more):
    body = {"event_id": str(sale.event.id), "lines": [{"tier_id": str(sale.tier.id), "quantity": 1}]}
    headers = {"Idempotency-Key": f"{key:0>20}"}
    return client.post("/v1/orders", json={"email": "ada@example.org", **body, **more}, headers=headers)


def reason(client, sale):
    return client.get(f"/v1/events/{sale.event.id}").json()["sales_suspended_reason"]


def test_sales_stop_below_what_is_needed_and_go_on_by_themselves(client, chain, session, sale, minter):
    hold(chain, minter, ETHER)
    needed, resumes = row(session).needed, row(session).resumes_at
    assert 0 < needed < resumes < ETHER
    assert row(session).suspended_since is None and reason(client, sale) is None
    assert buy(client, sale, 1).status_code == 201

    hold(chain, minter, 10**15)
    refused = buy(client, sale, 2)
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "sales_suspended"
    assert refused.json()["error"]["details"] == {"reason": funds.LOW}
    assert reason(client, sale) == funds.LOW
    assert gauges.sales_suspended(session) != {}

    # Just enough is not enough to go on: sales would stop again with the next block's fee.
    hold(chain, minter, row(session).needed + 10**9)
    assert buy(client, sale, 2).status_code == 409
    hold(chain, minter, row(session).resumes_at)
    assert reason(client, sale) is None
    assert buy(client, sale, 2).status_code == 201
    assert gauges.sales_suspended(session) == {}


def test_what_was_ordered_before_comes_back_and_what_is_paid_is_minted(
    client, chain, session, sale, minter, collection
):
    placed = buy(client, sale, 1)
    order = queue(session, sale, ALICE)
    hold(chain, minter, 10**16)
    assert row(session).suspended_since is not None
    again = buy(client, sale, 1)
    assert again.status_code == 200 and again.json()["order"] == placed.json()["order"]
    tasks.close_batch(collection.id)
    job = jobs_of(session, order.id)[0]
    chain.work(job.batch_id)
    session.refresh(job)
    assert job.status == "MINTED"


def test_what_is_owed_counts_checkouts_and_ends_with_the_mint(client, chain, session, sale, minter, collection):
    assert funds.owed_tickets(session, NETWORK, minter) == 0
    assert buy(client, sale, 1).status_code == 201
    assert funds.owed_tickets(session, NETWORK, minter) == 1
    order = queue(session, sale, ALICE, 3)
    held = session.scalar(select(func.sum(Tier.held)))
    jobs = jobs_of(session, order.id)
    assert funds.owed_tickets(session, NETWORK, minter) == held + len(jobs)
    tasks.close_batch(collection.id)
    session.refresh(jobs[0])
    chain.work(jobs[0].batch_id)
    assert funds.owed_tickets(session, NETWORK, minter) == held


def test_more_owed_needs_more(session, sale, minter, now):
    funds.seen(session, NETWORK, funds.Look(minter, ETHER), 10**9, now)
    before = row(session).needed
    queue(session, sale, ALICE, 10)
    funds.seen(session, NETWORK, funds.Look(minter, ETHER), 10**9, now)
    assert row(session).needed > before


@pytest.mark.parametrize(
    ("tickets", "gas"), [(0, 0), (1, rules.mint_gas(1)), (250, rules.mint_gas(200) + rules.mint_gas(50))]
)
def test_the_cost_is_that_of_the_batches_it_takes(tickets, gas):
    assert funds.cost(tickets, 7, 200) == 7 * gas


def test_another_networks_events_are_left_alone(session, sale, minter, now):
    funds.seen(session, "eip155:97", funds.Look(minter, 0), 10**9, now)
    assert session.get_one(Event, sale.event.id).sales_suspended_reason is None


def test_a_node_that_is_away_changes_nothing(client, chain, session, sale, minter, monkeypatch):
    hold(chain, minter, 10**15)

    def away(*_):
        raise ChainUnreachable

    monkeypatch.setattr(chain.port, "balance", away)
    with pytest.raises(ChainUnreachable):
        tasks.check_funds()
    assert reason(client, sale) == funds.LOW


def test_an_admin_sees_what_to_send_where_and_nobody_else_does(client, chain, session, sale, minter):
    hold(chain, minter, 10**15)
    assert client.get("/v1/admin/minters").status_code == 401
    assert client.get("/v1/admin/minters", headers=signed_in(session, now=chain.now())).status_code == 403
    admin = address_of(make_key())
    grant(session, admin, Role.ADMIN)
    [shown] = client.get("/v1/admin/minters", headers=signed_in(session, admin, chain.now())).json()
    assert shown["address"].lower() == "0x" + minter.hex()
    assert int(shown["balance"]) == 10**15 < int(shown["needed"])
    assert shown["suspended_since"] is not None
