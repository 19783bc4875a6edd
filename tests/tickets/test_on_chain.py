"""The whole life of tickets against our real contracts: consent, deployment, mint, claim, gift, use, refusals."""

from uuid import UUID

import pytest
from eth_account import Account
from sqlalchemy import select

from backend.accounts.models import Role
from backend.chain.models import ChainSend
from backend.kit.notices import announce
from backend.orders.notices import OrderPaid
from backend.orders.place import guest_secret
from backend.settings import get_settings
from backend.tickets import batches, cancel, service, tasks
from backend.tickets.models import Batch, Collection, StatusChange
from tests.factories.accounts import address_of, grant, make_key, sign_typed_data, signed_in
from tests.factories.catalog import put_off
from tests.factories.orders import make_sale
from tests.factories.tickets import ALICE, jobs_of, paid_order, tickets_of


@pytest.fixture
def promoter():
    return make_key()


@pytest.fixture
def sale(session, promoter):
    sale = make_sale(session, quantities=(50, 20), status="DRAFT")
    grant(session, address_of(promoter), Role.PROMOTER, sale.event.organisation_id)
    return sale


def consent_to(client, sale, promoter, headers):
    url = f"/v1/events/{sale.event.id}/collection"
    words = client.get(f"{url}/consent", headers=headers).json()
    signature = sign_typed_data(promoter, words["typed_data"])
    return words, client.post(
        url, headers=headers, json={"signature": "0x" + signature.hex(), "deadline": words["deadline"]}
    )


def deploy(client, chain, session, sale, promoter) -> Collection:
    put_off(sale.event, chain.now())
    session.flush()
    headers = signed_in(session, address_of(promoter), chain.now())
    words, answer = consent_to(client, sale, promoter, headers)
    assert answer.status_code == 202, answer.json()
    collection = session.scalars(select(Collection).where(Collection.event_id == sale.event.id)).one()
    tasks.deploy_collection(collection.id)
    chain.work(collection.id)
    tasks.verify_collection(collection.id)
    session.refresh(collection)
    assert collection.status == "LIVE", (collection.status, collection.mismatches, collection.last_error)
    assert "0x" + collection.address.hex() == words["predicted_address"].lower()
    return collection


def mint(chain, session, sale, collection, recipient, quantity=1):
    order = queue(session, sale, recipient, quantity)
    tasks.close_batch(collection.id)
    batch = session.scalars(select(Batch).order_by(Batch.number.desc()).limit(1)).one()
    chain.work(batch.id)
    chain.index(collection.address)
    session.refresh(batch)
    assert batch.status == "FINAL", (batch.status, batch.last_error)
    return order


def test_what_the_promoter_signed_is_what_stands_on_chain(client, chain, session, sale, promoter):
    collection = deploy(client, chain, session, sale, promoter)
    session.refresh(sale.event)
    assert sale.event.status == "READY"
    shown = client.get(f"/v1/events/{sale.event.id}/collection").json()
    assert shown["status"] == "LIVE" and shown["params"]["promoter"] == promoter.address
    metadata = client.get(f"/v1/metadata/{collection.metadata_cid}/2.json")
    assert metadata.status_code == 200 and "not IPFS" in metadata.headers["X-Content-Store"]


def test_a_signature_over_anything_else_deploys_nothing(client, chain, session, sale, promoter):
    headers = signed_in(session, address_of(promoter), chain.now())
    words = client.get(f"/v1/events/{sale.event.id}/collection/consent", headers=headers).json()
    words["typed_data"]["message"]["minterAllowance"] = 7
    signature = "0x" + sign_typed_data(promoter, words["typed_data"]).hex()
    answer = client.post(
        f"/v1/events/{sale.event.id}/collection",
        headers=headers,
        json={"signature": signature, "deadline": words["deadline"]},
    )
    assert answer.json()["error"]["code"] == "bad_signature"
    assert session.scalars(select(Collection)).all() == []


def test_tickets_are_minted_claimed_given_away_and_used(client, chain, session, sale, promoter):
    collection = deploy(client, chain, session, sale, promoter)
    fan, friend = make_key(), make_key()
    order = mint(chain, session, sale, collection, address_of(fan), quantity=1)
    assert {job.status for job in jobs_of(session, order.id)} == {"FINAL"}
    ticket = tickets_of(session, order.id)[0]
    assert (ticket.status, ticket.custody, ticket.token_id) == ("LIVE", "WALLET", 65536)

    headers = signed_in(session, address_of(fan), chain.now())
    answer = client.post(f"/v1/tickets/{ticket.id}/transfer", headers=headers, json={"to": friend.address})
    assert answer.status_code == 200, answer.json()
    fields = answer.json()["transaction"]
    chain.node.fund(fan.address, 10**18)
    raw = Account.sign_transaction({k: v for k, v in fields.items() if k != "from"}, fan.key).raw_transaction
    chain.port.send_raw(bytes(raw))
    chain.node.mine(3)
    chain.index(collection.address)
    holding = service.holding_of(session, ticket.id)
    assert (holding.owner, holding.epoch, holding.is_final) == (address_of(friend), 1, True)
    assert service.former_holders(session, ticket.id) == {address_of(fan)}
    refused = client.post(f"/v1/tickets/{ticket.id}/transfer", headers=headers, json={"to": friend.address})
    assert refused.json()["error"]["code"] == "not_the_holder"

    service.mark_used(session, ticket.id, chain.now())
    service.mark_used(session, ticket.id, chain.now())
    change = session.scalars(select(StatusChange)).one()
    chain.work(change.id)
    chain.index(collection.address)
    assert service.holding_of(session, ticket.id).status == "USED"
    session.refresh(change)
    assert change.status == "DONE"


def test_an_escrowed_ticket_is_claimed_once_with_its_code(client, chain, session, sale, promoter):
    collection = deploy(client, chain, session, sale, promoter)
    order = mint(chain, session, sale, collection, None, quantity=1)
    ticket = tickets_of(session, order.id)[0]
    secret = {"X-Order-Secret": guest_secret(order.id)}
    url = f"/v1/orders/{order.id}/tickets/{ticket.id}/claim-code"
    first = client.post(url, headers=secret).json()["code"]
    code = client.post(url, headers=secret).json()["code"]
    friend = make_key()
    body = {"code": first, "recipient": friend.address}
    assert client.post("/v1/claims/prepare", json=body).json()["error"]["code"] == "claim_code_invalid"
    body["code"] = code.lower()
    words = client.post("/v1/claims/prepare", json=body).json()["typed_data"]
    stranger = sign_typed_data(make_key(), words)
    wrong = client.post("/v1/claims", json=body | {"signature": "0x" + stranger.hex()})
    assert wrong.json()["error"]["code"] == "bad_signature"
    signed = body | {"signature": "0x" + sign_typed_data(friend, words).hex()}
    made = client.post("/v1/claims", json=signed)
    assert made.status_code == 202, made.json()
    assert client.post("/v1/claims", json=signed).json()["error"]["code"] == "claim_code_invalid"
    chain.work(UUID(made.json()["claim_id"]))
    chain.index(collection.address)
    assert client.get(f"/v1/claims/{made.json()['claim_id']}").json()["status"] == "DONE"
    assert service.holding_of(session, ticket.id).owner == address_of(friend)
    session.refresh(ticket)
    assert ticket.custody == "WALLET"
    mine = client.get("/v1/tickets", headers=signed_in(session, address_of(friend), chain.now())).json()["items"]
    assert [item["ticket_id"] for item in mine] == [str(ticket.id)]
    assert client.post(url, headers=secret).json()["error"]["code"] == "not_escrowed"


def queue(session, sale, recipient, quantity=1):
    session.refresh(sale.event)
    sale.event.status = "ON_SALE"
    for tier in sale.tiers:
        tier.on_sale = True
    session.flush()
    order = paid_order(session, sale, quantity, recipient)
    announce(session, OrderPaid(order.id))
    return order


def send_as_is(chain, transaction):
    """Send an unsigned transaction of ours from its sender, whose key the node does not need."""
    data = bytes.fromhex(transaction["data"][2:])
    chain.node.fund(transaction["from"], 10**18)
    chain.transact(bytes.fromhex(transaction["from"][2:]), bytes.fromhex(transaction["to"][2:]), data)


def test_a_paused_mint_waits_and_lands_once_when_it_is_resumed(client, chain, session, sale, promoter):
    collection = deploy(client, chain, session, sale, promoter)
    order = queue(session, sale, ALICE)
    admin = make_key()
    grant(session, address_of(admin), Role.ADMIN)
    headers = signed_in(session, address_of(admin), chain.now())
    url = f"/v1/admin/contracts/0x{collection.address.hex()}/pause"
    chain.node.fund(get_settings().guardian_address, 10**18)
    send_as_is(chain, client.post(url, headers=headers, json={"scopes": ["MINT", "CLAIM"]}).json()["transaction"])
    shown = client.get("/v1/admin/contracts", headers=headers).json()["items"][0]
    assert shown["paused"] == ["MINT", "CLAIM"] and all(role["is_equal"] for role in shown["roles"])

    tasks.close_batch(collection.id)
    batch = session.scalars(select(Batch)).one()
    assert chain.work(batch.id, rounds=1).status == "WAITING"
    tasks.sweep()
    listed = client.get("/v1/admin/batches?status=WAITING", headers=headers).json()["items"]
    assert [item["reason"].partition("(")[0] for item in listed] == ["ScopePaused"]
    send_as_is(chain, client.post(url, headers=headers, json={"scopes": []}).json()["transaction"])
    assert client.post(f"/v1/admin/batches/{batch.id}/retry", headers=headers).status_code == 202
    chain.work(batch.id)
    chain.index(collection.address)
    assert {job.status for job in jobs_of(session, order.id)} == {"FINAL"}
    assert client.post(f"/v1/admin/batches/{batch.id}/cancel", headers=headers).json()["error"]["code"] == (
        "batch_cannot_be_cancelled"
    )


def test_a_cancelled_batchs_tickets_are_minted_under_the_next_number(client, chain, session, sale, promoter):
    collection = deploy(client, chain, session, sale, promoter)
    order = queue(session, sale, ALICE, quantity=2)
    tasks.close_batch(collection.id)
    first = session.scalars(select(Batch)).one()
    cancel.ask(session, first.id, chain.now())
    query = select(ChainSend.status).where(ChainSend.purpose == batches.MINT)
    assert session.scalars(query).one() == "CANCELLED"
    chain.work(first.id)
    chain.index(collection.address)
    session.refresh(first)
    assert first.status == "CANCELLED"
    tasks.close_batch(collection.id)
    second = session.scalars(select(Batch).where(Batch.number == 2)).one()
    chain.work(second.id)
    chain.index(collection.address)
    assert {job.status for job in jobs_of(session, order.id)} == {"FINAL"}
    assert sorted(ticket.token_id for ticket in tickets_of(session, order.id)) == [n + (2 << 16) for n in range(4)]


def test_a_batch_of_unclear_fate_is_asked_about_and_found_landed(client, chain, session, sale, promoter):
    collection = deploy(client, chain, session, sale, promoter)
    order = queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    batch = session.scalars(select(Batch)).one()
    # Somebody with the minter's key sends the very same batch: our own transaction can only revert.
    minter = chain.signers["minter"].address
    chain.call("TicketCollection", collection.address, "mintBatch", [1, batch.entries], sender=minter)
    chain.work(batch.id, rounds=2)
    session.refresh(batch)
    assert batch.status == "UNKNOWN"
    tasks.ask_chain(batch.id)
    tasks.ask_chain(batch.id)
    chain.index(collection.address)
    session.refresh(batch)
    assert batch.status == "FINAL"
    assert {job.status for job in jobs_of(session, order.id)} == {"FINAL"}


def test_a_contract_that_may_not_hold_tickets_gets_them_through_escrow(client, chain, session, sale, promoter):
    collection = deploy(client, chain, session, sale, promoter)
    order = mint(chain, session, sale, collection, chain.factory)
    assert {ticket.custody for ticket in tickets_of(session, order.id)} == {"ESCROW"}
    assert {job.escrow_reason for job in jobs_of(session, order.id)} == {"contract_receiver"}


def test_a_collection_that_is_not_what_was_signed_is_a_mismatch(client, chain, session, sale, promoter):
    headers = signed_in(session, address_of(promoter), chain.now())
    consent_to(client, sale, promoter, headers)
    chain.node.fund(promoter.address, 10**18)
    collection = session.scalars(select(Collection)).one()
    tasks.deploy_collection(collection.id)
    chain.work(collection.id)
    chain.call("TicketCollection", collection.address, "setMinter", [ALICE, 9], sender=address_of(promoter))
    tasks.verify_collection(collection.id)
    session.refresh(collection)
    assert collection.status == "MISMATCH"
    assert [wrong.partition(":")[0] for wrong in collection.mismatches] == ["minter", "minterAllowance"]
    session.refresh(sale.event)
    assert sale.event.status == "DRAFT"
