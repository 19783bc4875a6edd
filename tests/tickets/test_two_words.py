"""No batch lands, and none is taken back, on the word of one endpoint of several."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from backend.accounts.models import Role
from backend.chain import abi, outbox, registry
from backend.chain.evm import pool
from backend.chain.evm.client import EvmChain
from backend.chain.port import ChainUnreachable
from backend.tickets import effects, tasks
from tests.factories.accounts import address_of, grant, make_key, signed_in
from tests.factories.tickets import ALICE, NETWORK, jobs_of, tickets_of
from tests.simulators.rpc import running
from tests.tickets.minters import House
from tests.tickets.test_on_chain import queue
from tests.tickets.test_rotated_minter import minted_numbers

_BATCH_STATE = "0x" + abi.encode_call("TicketCollection", "batchState", [1]).hex()[:8]


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(pool, "_FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture
def house(client, chain, session, settings):
    return House(client, chain, session, settings)


@pytest.fixture
def order(house, session):
    sale, house.collection = house.open()
    return queue(session, sale, ALICE)


@pytest.fixture
def batch(house, chain, session, order):
    """Closed, never sent, its fate unclear."""
    tasks.close_batch(house.collection.id)
    [found] = house.batches(house.collection)
    outbox.cancel(session, house.send_of(found), chain.now())
    found.status = "UNKNOWN"
    session.flush()
    return found


def claiming(state: int, contents: bytes):
    """A node that says so of every batch number, in every block."""

    def fault(exchange):
        if exchange.method == "eth_call" and exchange.params[0]["data"].startswith(_BATCH_STATE):
            return {"result": "0x" + state.to_bytes(32).hex() + contents.hex()}
        return exchange.forward()

    return fault


@contextmanager
def served(chain, *faults) -> Iterator[EvmChain]:
    """Serve the network by as many endpoints as there are faults; None is an honest one."""
    with ExitStack() as stack:
        proxies = [stack.enter_context(running(chain.node.url)) for _ in faults]
        for proxy, fault in zip(proxies, faults, strict=True):
            proxy.fault = fault
        port = EvmChain(31337, [proxy.url for proxy in proxies])
        stack.enter_context(registry.replaced(NETWORK, port, chain.signers))
        yield port


@pytest.mark.parametrize("state", [1, 2])
@pytest.mark.parametrize("liar", [0, 1])
def test_one_word_against_another_lands_and_cancels_nothing(house, chain, session, batch, state, liar):
    said: list = [None, None]
    said[liar] = claiming(state, batch.contents_hash)
    with served(chain, *said), ExitStack() as stack:
        if liar == 0:
            stack.enter_context(pytest.raises(ChainUnreachable))
        tasks.ask_chain(batch.id)
    session.refresh(batch)
    assert batch.status == ("UNKNOWN" if liar == 0 else "CLOSED")
    if liar == 0:
        assert batch.last_error.startswith("The endpoints contradict each other")


def test_the_liar_of_three_is_left_alone_and_the_batch_is_minted_once(house, chain, session, order, batch):
    with served(chain, claiming(1, batch.contents_hash), None, None) as port:
        with pytest.raises(ChainUnreachable):
            tasks.ask_chain(batch.id)
        chain.late += timedelta(seconds=5)
        tasks.ask_chain(batch.id)
        assert port.pool.endpoints[0].health.reason(port.pool.now()) == "other_content_of_final_block"
        session.refresh(batch)
        assert batch.status == "CLOSED"
        for _ in range(3):
            house.turn(house.collection)
    assert {job.status for job in jobs_of(session, order.id)} == {"FINAL"}
    assert minted_numbers(chain, house.collection) == [1]


def test_what_two_say_alike_lands(house, chain, session, batch):
    minter = chain.signers["minter"].address
    chain.call("TicketCollection", house.collection.address, "mintBatch", [1, batch.entries], sender=minter)
    chain.node.mine(4)
    with served(chain, None, None):
        tasks.ask_chain(batch.id)
    session.refresh(batch)
    assert batch.status == "LANDED"


def test_an_effect_is_no_effect_on_one_word(chain, house, batch):
    asked = effects.Question(house.collection.address, "batchState", [1], 0, 2)
    with served(chain, claiming(2, bytes(32)), None) as port, pytest.raises(ChainUnreachable):
        effects.look(port, asked)
    with served(chain, claiming(2, bytes(32))) as port:
        assert effects.look(port, asked) is effects.Effect.FINAL, "one alone is trusted"


def _retried(client, session, chain, batch):
    admin = make_key()
    grant(session, address_of(admin), Role.ADMIN)
    headers = signed_in(session, address_of(admin), chain.now())
    answer = client.post(f"/v1/admin/batches/{batch.id}/retry", headers=headers)
    assert answer.status_code == 202, answer.json()


def test_a_batch_that_landed_on_a_lie_is_sent_when_a_person_asks(house, client, chain, session, order, batch):
    with served(chain, claiming(1, batch.contents_hash)):
        tasks.ask_chain(batch.id)
    session.refresh(batch)
    assert batch.status == "LANDED" and minted_numbers(chain, house.collection) == []
    assert {job.status for job in jobs_of(session, order.id)} == {"MINTED"}
    contents = batch.contents_hash
    _retried(client, session, chain, batch)
    with served(chain, None, None):
        tasks.sweep()
        session.refresh(batch)
        assert (batch.status, batch.generation, batch.contents_hash) == ("CLOSED", 1, contents)
        assert {job.status for job in jobs_of(session, order.id)} == {"BATCHED"}
        assert {ticket.token_id for ticket in tickets_of(session, order.id)} == {None}
        for _ in range(3):
            house.turn(house.collection)
    assert {job.status for job in jobs_of(session, order.id)} == {"FINAL"}
    assert minted_numbers(chain, house.collection) == [1]


def test_a_batch_that_did_land_is_not_taken_back_by_a_lie_or_by_asking(house, client, chain, session, order, batch):
    minter = chain.signers["minter"].address
    chain.call("TicketCollection", house.collection.address, "mintBatch", [1, batch.entries], sender=minter)
    chain.node.mine(4)
    tasks.ask_chain(batch.id)
    _retried(client, session, chain, batch)
    with served(chain, claiming(0, bytes(32)), None), pytest.raises(ChainUnreachable):
        tasks.ask_chain(batch.id)
    session.refresh(batch)
    assert batch.status == "LANDED"
    _retried(client, session, chain, batch)
    with served(chain, None, None):
        tasks.ask_chain(batch.id)
    session.refresh(batch)
    assert (batch.status, batch.last_error) == ("LANDED", "retried: the chain has it for good, the index does not")
    assert {job.status for job in jobs_of(session, order.id)} == {"MINTED"}
    chain.index(house.collection.address)
    session.refresh(batch)
    assert (batch.status, batch.last_error) == ("FINAL", None)
