"""A pause or a change of keys in the very block of the mint, and before it: the batch waits, or goes by the new key."""

import pytest
from sqlalchemy import select

from backend.chain import abi
from backend.chain import send as sending
from backend.chain.models import ChainSend
from backend.tickets import service, tasks
from backend.tickets.models import StatusChange
from tests.factories.accounts import address_of
from tests.factories.tickets import ALICE, jobs_of, tickets_of
from tests.tickets.minters import House, key_of
from tests.tickets.test_on_chain import queue
from tests.tickets.test_rotated_minter import attempts, minted_numbers

_MINT_SCOPE = 2


@pytest.fixture
def house(client, chain, session, settings):
    return House(client, chain, session, settings)


@pytest.fixture
def other(chain):
    return key_of(chain, "the other minter")


def ahead(house, collection, function: str, arguments: list) -> None:
    """The promoter offers so much that his call stands first in the block with what waits for one."""
    owner = address_of(house.promoters[collection.id])
    house.chain.node.fund("0x" + owner.hex(), 10**20)
    house.chain.ask("anvil_impersonateAccount", "0x" + owner.hex())
    data = abi.encode_call("TicketCollection", function, arguments)
    fields = {"from": "0x" + owner.hex(), "to": "0x" + collection.address.hex(), "data": "0x" + data.hex()}
    fees = {"maxFeePerGas": hex(100 * 10**9), "maxPriorityFeePerGas": hex(50 * 10**9), "gas": hex(300_000)}
    tx = house.chain.ask("eth_sendTransaction", fields | fees)
    house.chain.node.mine(1)
    receipt = house.chain.ask("eth_getTransactionReceipt", tx)
    assert (receipt["status"], receipt["transactionIndex"]) == ("0x1", "0x0")


def sent(house, sale, collection):
    order = queue(house.session, sale, ALICE)
    tasks.close_batch(collection.id)
    [batch] = house.batches(collection)
    sending.send(house.send_of(batch))
    return order, batch


def test_a_batch_that_a_pause_overtakes_in_its_block_waits_and_lands_once(house, chain, session):
    sale, collection = house.open()
    order, batch = sent(house, sale, collection)
    ahead(house, collection, "setPaused", [_MINT_SCOPE])
    for _ in range(3):
        house.turn(collection)
    session.refresh(batch)
    assert (batch.status, batch.last_error, batch.generation) == ("WAITING", "ScopePaused(scope=2)", 0)
    later = queue(session, sale, ALICE)

    owner = address_of(house.promoters[collection.id])
    chain.call("TicketCollection", collection.address, "setPaused", [0], sender=owner)
    for _ in range(5):
        house.turn(collection)
    assert {job.status for one in (order, later) for job in jobs_of(session, one.id)} == {"FINAL"}
    assert minted_numbers(chain, collection) == [1, 2]
    assert len(attempts(session, batch)) == 2


def test_a_batch_that_a_rotation_overtakes_in_its_block_is_signed_by_the_new_key(house, chain, session, other):
    sale, collection = house.open()
    with house.holding(chain.signers["minter"], other):
        order, batch = sent(house, sale, collection)
        ahead(house, collection, "rotateMinter", [other.address])
        for _ in range(4):
            house.turn(collection)
        assert {job.status for job in jobs_of(session, order.id)} == {"FINAL"}
        assert [one.signer for one in attempts(session, batch)] == [chain.signers["minter"].address, other.address]
    assert minted_numbers(chain, collection) == [1]


def test_a_status_that_a_change_of_operators_overtakes_in_its_block_waits(house, chain, session, other):
    sale, collection = house.open()
    order, _ = sent(house, sale, collection)
    for _ in range(2):
        house.turn(collection)
    [ticket, *_] = tickets_of(session, order.id)
    service.mark_used(session, ticket.id, chain.now())
    session.flush()
    change = session.scalars(select(StatusChange)).one()
    query = select(ChainSend).where(ChainSend.subject_id == change.id)
    sending.send(session.scalars(query).one().id)
    ahead(house, collection, "setOperator", [other.address])
    house.turn()
    house.turn()
    send = session.scalars(query.execution_options(populate_existing=True)).one()
    session.refresh(change)
    assert (send.status, send.reason, change.status) == ("WAITING", "NotOperator", "SENT")
    owner = address_of(house.promoters[collection.id])
    chain.call("TicketCollection", collection.address, "setOperator", [chain.signers["operator"].address], sender=owner)
    for _ in range(3):
        house.turn(collection)
    session.refresh(change)
    assert change.status == "DONE"
