"""The minter is rotated while batches stand at every step: every ticket is minted, once, by the old key or the new."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.chain import abi, gauges, onlog, outbox
from backend.chain import send as sending
from backend.chain import watch as watching
from backend.chain.models import ChainAttempt, ChainCursor, ChainSend
from backend.chain.progress import FACTS_CURSOR, FINAL_CURSORS
from backend.tickets import batches, effects, keys, onchain, tasks
from tests.factories.tickets import ALICE, NETWORK, jobs_of, tickets_of
from tests.tickets.minters import House, key_of
from tests.tickets.test_on_chain import queue


class _Killed(BaseException):
    """As kill -9."""


@pytest.fixture
def house(client, chain, session, settings):
    return House(client, chain, session, settings)


def crash_before(house, monkeypatch, step, send_id) -> None:
    """A worker dies before `step` of a send, and its lease runs out."""

    def dies(*_):
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(sending, step, dies)
        with pytest.raises(_Killed):
            sending.send(send_id)
    house.chain.late += timedelta(seconds=25)


def attempts(session, batch):
    query = select(ChainAttempt).where(ChainAttempt.send_id.in_(sends_of(batch))).order_by(ChainAttempt.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def sends_of(batch):
    return select(ChainSend.id).where(ChainSend.purpose == batches.MINT, ChainSend.subject_id == batch.id)


def minted_numbers(chain, collection) -> list[int]:
    """The numbers of the BatchMinted logs, as the chain has them."""
    topic = "0x" + abi.topic("TicketCollection", "BatchMinted").hex()
    asked = {"address": "0x" + collection.address.hex(), "topics": [topic], "fromBlock": "0x0", "toBlock": "latest"}
    return [int(log["topics"][1], 16) for log in chain.ask("eth_getLogs", asked)]


@pytest.mark.parametrize(
    ("key_stays", "is_lost", "is_drained"),
    [(True, True, False), (True, False, False), (False, False, False), (False, True, True)],
    ids=["key here, bytes lost", "key here, bytes in the pool", "key gone, bytes in the pool", "key gone and drained"],
)
def test_rotated_with_batches_at_every_step_every_ticket_is_minted_once(
    house, chain, session, monkeypatch, key_stays, is_lost, is_drained
):
    old, new = chain.signers["minter"], key_of(chain, "the next minter")
    sale, collection = house.open()
    assert collection.minter == old.address and collection.minter_since is not None
    orders = [queue(session, sale, ALICE) for _ in range(6)]  # two tickets each: a batch each
    tasks.close_batch(collection.id)
    final, mined, broadcast, signed, allotted, waiting = [house.send_of(one) for one in house.batches(collection)]

    sending.send(final)
    chain.node.mine(5)
    watching.watch(final)
    chain.index(collection.address)
    chain.late += timedelta(seconds=5)
    sending.send(mined)
    chain.node.mine(1)
    watching.watch(mined)
    sending.send(broadcast)
    crash_before(house, monkeypatch, "hand_over", signed)
    crash_before(house, monkeypatch, "_sign", allotted)
    with house.holding(key_of(chain, "a key for something else")):
        sending.send(waiting)
    before = {session.get_one(ChainSend, one).status for one in (final, mined, broadcast, signed, allotted, waiting)}
    assert before == {"FINAL", "MINED", "SENDING", "WAITING"}
    assert [one.status for batch in house.batches(collection) for one in attempts(session, batch)] == [
        "FINAL", "MINED", "BROADCAST", "SIGNED", "ALLOTTED",
    ]  # fmt: skip
    if is_lost:
        chain.ask("anvil_dropAllTransactions")
    if is_drained:
        # Its bytes will never be mined, not even to revert.
        chain.node.fund("0x" + old.address.hex(), 0)

    house.rotate(collection, new.address)
    with house.holding(*([new, old] if key_stays else [new])):
        for _ in range(14):
            house.turn(collection)
    session.refresh(collection)
    assert collection.minter == new.address

    done = house.batches(collection)
    assert [(one.number, one.status) for one in done] == [(number, "FINAL") for number in range(1, 7)]
    assert minted_numbers(chain, collection) == [1, 2, 3, 4, 5, 6]
    tokens = [ticket.token_id for order in orders for ticket in tickets_of(session, order.id)]
    assert len(tokens) == len(set(tokens)) == 12 and None not in tokens
    assert {job.status for order in orders for job in jobs_of(session, order.id)} == {"FINAL"}
    opened = select(ChainSend).where(ChainSend.status.not_in(["FINAL", "REVERTED", "CANCELLED"]))
    assert [(one.purpose, one.status, one.reason) for one in session.scalars(opened)] == []
    signers = [next(one.signer for one in attempts(session, batch) if one.status == "FINAL") for batch in done]
    # Whether the third was mined before its rotation or after, is the block's to say.
    assert signers[:2] + signers[3:] == [old.address] * 2 + [new.address] * 3
    if key_stays or is_drained:
        assert all(count == 0 for count in gauges.nonce_gaps(session).values())


def test_what_was_asked_for_with_the_key_of_before_while_the_word_came_is_found_by_the_sweeper(house, chain, session):
    new = key_of(chain, "the next minter")
    sale, collection = house.open()
    old = collection.minter
    house.rotate(collection, new.address)
    chain.node.mine(5)
    chain.index(collection.address)
    session.refresh(collection)
    assert collection.minter == new.address
    # A transaction that began before has the key of before.
    collection.minter = old
    queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    collection.minter = new.address
    session.flush()
    [batch] = house.batches(collection)
    assert session.get_one(ChainSend, house.send_of(batch)).signer == old
    tasks.sweep()
    session.expire_all()
    assert session.get_one(ChainSend, house.send_of(batch)).signer == new.address


def test_an_old_word_is_not_followed_while_the_index_reads_up(house, chain, session):
    [name] = [one.name for one in onlog.registered.final if one.handle is onchain.follow_keys]
    sale, collection = house.open()
    queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    [batch] = house.batches(collection)
    collection.minter = key_of(chain, "who was it long ago").address
    cursors = [
        ChainCursor(network=NETWORK, name=one, block_number=block, finalized_number=390, updated_at=chain.now())
        for one, block in ((FACTS_CURSOR, 400), (FINAL_CURSORS + name, 40))
    ]
    session.add_all(cursors)
    session.flush()
    tasks.sweep()
    assert keys.follow(session, collection.id, chain.now()) == 0
    cursors[1].block_number = 380
    session.flush()
    assert keys.follow(session, collection.id, chain.now()) == 1
    session.expire_all()
    assert session.get_one(ChainSend, house.send_of(batch)).signer == collection.minter


def test_rotated_to_nobody_everything_waits_and_says_for_which_key(house, chain, session):
    sale, collection = house.open()
    house.rotate(collection, bytes(20))
    chain.node.mine(5)
    chain.index(collection.address)
    queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    house.turn(collection)
    house.turn(collection)
    [batch] = house.batches(collection)
    assert (batch.status, batch.last_error) == ("WAITING", f"signer_missing: minter 0x{'00' * 20}")
    house.rotate(collection, chain.signers["minter"].address)
    for _ in range(5):
        house.turn(collection)
    assert [one.status for one in house.batches(collection)] == ["FINAL"]


def test_another_collections_rotation_changes_nothing_here(house, chain, session):
    sale, collection = house.open()
    _, other = house.open()
    queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    house.rotate(other, key_of(chain, "the next minter").address)
    for _ in range(4):
        house.turn(collection, other)
    [batch] = house.batches(collection)
    assert batch.status == "FINAL"
    assert [one.signer for one in attempts(session, batch)] == [chain.signers["minter"].address]


def test_a_mint_of_unclear_fate_that_the_final_log_settled_first_does_not_stay_unknown(house, chain, session):
    """Foreign bytes took the nonce and minted the batch; the index was quicker than the watch."""
    sale, collection = house.open()
    queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    [batch] = house.batches(collection)
    send_id = house.send_of(batch)
    sending.send(send_id)
    chain.ask("anvil_dropAllTransactions")
    minter = chain.signers["minter"].address
    chain.call("TicketCollection", collection.address, "mintBatch", [1, batch.entries], sender=minter)
    chain.node.mine(5)
    chain.index(collection.address)
    session.refresh(batch)
    assert batch.status == "FINAL"
    for _ in range(3):
        chain.late += timedelta(seconds=20)
        watching.watch(send_id)
    assert session.get_one(ChainSend, send_id).status == "UNKNOWN"
    tasks.sweep()
    session.expire_all()
    row = session.get_one(ChainSend, send_id)
    assert (row.status, row.reason) == ("CANCELLED", "its effect is on chain by another transaction")
    assert effects.settle_overtaken(session, chain.now()) == 0


def test_one_whose_bytes_may_still_be_mined_is_not_settled_by_the_log(house, chain, session):
    sale, collection = house.open()
    queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    [batch] = house.batches(collection)
    send_id = house.send_of(batch)
    sending.send(send_id)
    row = session.get_one(ChainSend, send_id)
    row.status, batch.status = "UNKNOWN", "FINAL"
    session.flush()
    assert effects.settle_overtaken(session, chain.now()) == 0
    session.expire_all()
    assert session.get_one(ChainSend, send_id).status == "UNKNOWN"


def test_a_number_consumed_in_a_block_that_may_be_undone_is_asked_about_again(house, chain, session):
    sale, collection = house.open()
    queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    [batch] = house.batches(collection)
    outbox.cancel(session, house.send_of(batch), chain.now())
    batch.status = "UNKNOWN"
    session.flush()
    minter = chain.signers["minter"].address
    chain.call("TicketCollection", collection.address, "mintBatch", [1, batch.entries], sender=minter)
    tasks.ask_chain(batch.id)
    session.refresh(batch)
    assert batch.status == "UNKNOWN" and batch.run_after is not None
    chain.ask("anvil_reorg", 1, [])
    chain.node.mine(3)
    chain.late += timedelta(seconds=5)
    tasks.ask_chain(batch.id)
    session.refresh(batch)
    assert batch.status == "CLOSED"
    assert collection.network == NETWORK
