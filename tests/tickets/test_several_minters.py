"""Two minters at once on a real chain: collections share them, and what troubles one is nothing to the other."""

import pytest
from sqlalchemy import select

from backend.accounts.models import Role
from backend.chain import send as sending
from backend.chain import signers
from backend.chain.models import ChainAttempt, ChainSend, ChainSigner
from backend.chain.port import Signer, SignerMissing
from backend.kit.errors import Unavailable
from backend.tickets import funds, gauges, keys, tasks
from backend.tickets.models import MinterFunds
from tests.factories.accounts import address_of, grant, make_key, sign_typed_data, signed_in
from tests.factories.orders import make_sale
from tests.factories.tickets import ALICE, NETWORK, jobs_of
from tests.tickets.minters import House, key_of
from tests.tickets.test_funds import buy, reason
from tests.tickets.test_on_chain import queue

ETHER = 10**18


@pytest.fixture
def house(client, chain, session, settings):
    return House(client, chain, session, settings)


@pytest.fixture
def minters(chain):
    return chain.signers["minter"], key_of(chain, "the second minter")


@pytest.fixture
def two(house, minters):
    """Two events on sale, each with a minter of its own."""
    with house.holding(*minters):
        first = house.open()
        second = house.open()
        yield first, second


def put_on_sale(session, chain, sale):
    session.refresh(sale.event)
    sale.event.status = "ON_SALE"
    for tier in sale.tiers:
        tier.on_sale = True
    session.flush()


def statuses(session, order):
    return {job.status for job in jobs_of(session, order.id)}


def test_collections_are_shared_out_and_their_batches_go_out_at_once(house, chain, session, minters, two):
    (sale, collection), (other_sale, other) = two
    assert [collection.minter, other.minter] == [key.address for key in minters]
    orders = [queue(session, sale, ALICE) for _ in range(3)] + [queue(session, other_sale, ALICE) for _ in range(3)]
    for one in (collection, other):
        tasks.close_batch(one.id)
    sends = [house.send_of(batch) for one in (collection, other) for batch in house.batches(one)]
    for send_id in sends:
        sending.send(send_id)
    chain.node.mine(1)
    block = chain.ask("eth_getBlockByNumber", "latest", True)
    senders = {transaction["from"] for transaction in block["transactions"]}
    assert senders == {"0x" + key.address.hex() for key in minters}
    assert len(block["transactions"]) == len(sends) == 6
    for _ in range(3):
        house.turn(collection, other)
    assert all(statuses(session, order) == {"FINAL"} for order in orders)
    rows = session.scalars(select(ChainSigner).where(ChainSigner.role == "minter")).all()
    assert {row.address: row.next_nonce for row in rows} == {key.address: 3 for key in minters}
    nonces = session.execute(select(ChainAttempt.signer, ChainAttempt.nonce).where(ChainAttempt.send_id.in_(sends)))
    assert sorted(nonces.all()) == sorted((key.address, nonce) for key in minters for nonce in range(3))


@pytest.mark.parametrize("trouble", ["empty", "gap", "service away", "gone"])
def test_a_key_in_trouble_holds_up_nobody_elses_batches(house, chain, session, minters, two, trouble):
    (sale, collection), (other_sale, other) = two
    troubled, sound = minters
    stuck, fine = queue(session, sale, ALICE), queue(session, other_sale, ALICE)
    if trouble == "empty":
        chain.node.fund("0x" + troubled.address.hex(), 0)
    elif trouble == "gap":
        signers.enroll(chain.port, NETWORK, "minter", troubled.address)
        session.scalars(select(ChainSigner).where(ChainSigner.address == troubled.address)).one().next_nonce = 5
        session.flush()
    serving = {"service away": house.opening(_away, lambda: sound), "gone": house.holding(sound)}
    with serving.get(trouble, house.holding(*minters)):
        for one in (collection, other):
            tasks.close_batch(one.id)
        for _ in range(2):
            house.turn(collection, other)
        assert statuses(session, fine) == {"FINAL"}
        assert statuses(session, stuck) == {"BATCHED"}
    chain.node.fund("0x" + troubled.address.hex(), ETHER)
    with house.holding(*minters):
        for _ in range(8):
            house.turn(collection, other)
    assert statuses(session, stuck) == {"FINAL"}


def _away() -> Signer:
    raise Unavailable("the key service is away")


def test_a_low_key_stops_the_sales_of_its_own_events_only(house, client, chain, session, minters, two):
    (sale, _), (other_sale, _) = two
    for one in (sale, other_sale):
        put_on_sale(session, chain, one)
    low, rich = minters
    chain.node.fund("0x" + low.address.hex(), 10**15)
    tasks.check_funds()
    assert reason(client, sale) == funds.LOW and reason(client, other_sale) is None
    assert buy(client, sale, 1).json()["error"]["code"] == "sales_suspended"
    assert buy(client, other_sale, 2).status_code == 201
    # What the one owes is no burden on the other.
    queue(session, other_sale, ALICE, 10)
    tasks.check_funds()
    rows = {row.address: row for row in session.scalars(select(MinterFunds))}
    assert (rows[low.address].owed_tickets, rows[rich.address].owed_tickets) == (0, 41)
    assert {key[1] for key in gauges.sales_suspended(session)} == {"0x" + low.address.hex()}
    admin = address_of(make_key())
    grant(session, admin, Role.ADMIN)
    shown = client.get("/v1/admin/minters", headers=signed_in(session, admin, chain.now())).json()
    by_key = {one["address"].lower(): (one["collections"], one["suspended_since"] is not None) for one in shown}
    assert by_key == {"0x" + low.address.hex(): (1, True), "0x" + rich.address.hex(): (1, False)}


def test_sales_go_on_when_the_role_passes_to_a_key_that_can_pay(house, client, chain, session, minters, two):
    (sale, collection), _ = two
    low, rich = minters
    put_on_sale(session, chain, sale)
    chain.node.fund("0x" + low.address.hex(), 10**15)
    tasks.check_funds()
    assert reason(client, sale) == funds.LOW
    house.rotate(collection, rich.address)
    chain.node.mine(5)
    chain.index(collection.address)
    with house.holding(rich):
        tasks.check_funds()
    assert reason(client, sale) is None
    # A key that mints nothing any more, and is not ours to give out, is no longer looked at.
    assert [row.address for row in session.scalars(select(MinterFunds))] == [rich.address]


def test_nothing_is_sold_that_nobody_may_mint_until_somebody_may(house, client, chain, session, minters, two):
    (sale, collection), (other_sale, _) = two
    for one in (sale, other_sale):
        put_on_sale(session, chain, one)
    tasks.check_funds()
    house.rotate(collection, funds.NOBODY)
    chain.node.mine(5)
    chain.index(collection.address)
    tasks.check_funds()
    assert reason(client, sale) == funds.NO_MINTER and reason(client, other_sale) is None
    refused = buy(client, sale, 1).json()["error"]
    assert (refused["code"], refused["details"]) == ("sales_suspended", {"reason": "no_minter"})
    assert buy(client, other_sale, 2).status_code == 201
    nobody = listed(client, session, chain)["0x" + "00" * 20]
    assert nobody["reason"] == funds.NO_MINTER and nobody["suspended_since"] is not None
    # There is nothing to send there.
    assert (nobody["needed"], nobody["collections"]) == ("0", 1)
    assert {key[1] for key in gauges.sales_suspended(session)} == {"0x" + "00" * 20}

    house.rotate(collection, minters[1].address)
    chain.node.mine(5)
    chain.index(collection.address)
    tasks.check_funds()
    assert reason(client, sale) is None
    assert buy(client, sale, 3).status_code == 201
    assert gauges.sales_suspended(session) == {}


def test_nothing_is_sold_that_only_a_key_we_do_not_have_may_mint(house, client, chain, session, minters, two):
    (sale, _), (other_sale, _) = two
    missing, sound = minters
    for one in (sale, other_sale):
        put_on_sale(session, chain, one)
    with house.holding(sound):
        tasks.check_funds()
    assert reason(client, sale) == funds.KEY_MISSING and reason(client, other_sale) is None
    assert buy(client, sale, 1).json()["error"]["details"] == {"reason": "minter_key_missing"}
    shown = listed(client, session, chain)
    key = "0x" + missing.address.hex()
    assert (shown[key]["reason"], shown["0x" + sound.address.hex()]["reason"]) == (funds.KEY_MISSING, None)

    # It holds enough for sales to go on, though not enough for sales that a low balance has stopped.
    row = session.scalars(select(MinterFunds).where(MinterFunds.address == missing.address)).one()
    chain.node.fund(key, row.needed + 10**9)
    tasks.check_funds()
    assert reason(client, sale) is None
    assert buy(client, sale, 2).status_code == 201
    chain.node.fund(key, 10**15)
    tasks.check_funds()
    assert reason(client, sale) == funds.LOW and listed(client, session, chain)[key]["reason"] == funds.LOW


def test_a_key_service_that_is_away_says_nothing_about_the_key(house, client, chain, session, minters, two):
    (sale, _), _ = two
    _, sound = minters
    put_on_sale(session, chain, sale)
    with house.opening(_away, lambda: sound):
        tasks.check_funds()
        assert reason(client, sale) is None
    with house.holding(sound):
        tasks.check_funds()
    with house.opening(_away, lambda: sound):
        tasks.check_funds()
        assert reason(client, sale) == funds.KEY_MISSING
    tasks.check_funds()
    assert reason(client, sale) is None


def listed(client, session, chain):
    admin = address_of(make_key())
    grant(session, admin, Role.ADMIN)
    shown = client.get("/v1/admin/minters", headers=signed_in(session, admin, chain.now())).json()
    return {one["address"].lower(): one for one in shown}


def test_a_consent_keeps_the_minter_it_was_shown_with_and_takes_no_strangers(house, client, chain, session, minters):
    promoter = make_key()
    sale = make_sale(session, quantities=(50, 20), status="DRAFT")
    grant(session, address_of(promoter), Role.PROMOTER, sale.event.organisation_id)
    headers = signed_in(session, address_of(promoter), chain.now())
    url = f"/v1/events/{sale.event.id}/collection"
    with house.holding(*minters):
        words = client.get(f"{url}/consent", headers=headers).json()
        assert words["typed_data"]["message"]["minter"].lower() == "0x" + minters[0].address.hex()
        house.open()  # meanwhile somebody else was given that key: the second has less to do now
        again = client.get(f"{url}/consent", headers=headers).json()
        assert again["typed_data"]["message"]["minter"].lower() == "0x" + minters[1].address.hex()
        body = {"deadline": words["deadline"]}
        stranger = words["typed_data"] | {
            "message": words["typed_data"]["message"] | {"minter": "0x" + "11" * 20},
        }
        wrong = client.post(url, headers=headers, json=body | {"signature": _sign(promoter, stranger)})
        assert wrong.json()["error"]["code"] == "bad_signature"
        signed = body | {"signature": _sign(promoter, words["typed_data"])}
        answer = client.post(url, headers=headers, json=signed)
    assert answer.status_code == 202, answer.json()


def _sign(key, typed_data) -> str:
    return "0x" + sign_typed_data(key, typed_data).hex()


def test_without_any_minter_no_consent_is_shown(house, chain):
    with house.holding(), pytest.raises(SignerMissing):
        keys.pool(NETWORK)


def test_sends_name_their_keys(house, client, chain, session, minters, two):
    (sale, collection), (other_sale, other) = two
    for one in (sale, other_sale):
        queue(session, one, ALICE)
    for one in (collection, other):
        tasks.close_batch(one.id)
    admin = address_of(make_key())
    grant(session, admin, Role.ADMIN)
    headers = signed_in(session, admin, chain.now())
    shown = client.get("/v1/admin/sends?purpose=mint_batch", headers=headers).json()["items"]
    assert {one["signer"].lower() for one in shown} == {"0x" + key.address.hex() for key in minters}
    assert session.scalars(select(ChainSend.signer_role).where(ChainSend.purpose == "mint_batch").distinct()).all() == [
        "minter"
    ]
