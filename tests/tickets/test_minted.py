"""What a receipt, a refusal or silence makes of a batch."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from backend.chain.models import ChainSend, SendStatus
from backend.tickets import batches, cancel, effects, final, minted
from backend.tickets.numbers import Said
from backend.tickets.rules import decode_entries
from tests.factories.tickets import ADDRESS, ALICE, BOB, NETWORK, Chain, jobs_of, make_minting, tickets_of

TX = "0x" + "ab" * 32


@pytest.fixture
def minting(session, now):
    return make_minting(session, quantity=2)


@pytest.fixture
def batch(session, minting, now):
    jobs = [job.id for job in jobs_of(session, minting.order.id)]
    return batches.close(session, minting.collection.id, jobs, frozenset(), now)


@pytest.fixture
def receipt(monkeypatch):
    """Let the outbox's receipt have these logs."""

    def give(logs):
        monkeypatch.setattr(minted.outbox, "mined_logs", lambda _session, _send: logs)

    return give


def logs_of(batch):
    chain = Chain()
    chain.mint(batch.number, [(entry.owner, entry.tier) for entry in decode_entries(batch.entries)])
    return chain.taken()


def mine(session, batch, now):
    minted.mined(session, batch.id, batch.send_id, TX, now)


def test_a_receipt_that_fits_lands_the_batch_and_gives_every_ticket_its_token(session, minting, batch, receipt, now):
    receipt(logs_of(batch))
    mine(session, batch, now)
    assert (batch.status, batch.tx_hash.hex()) == ("LANDED", "ab" * 32)
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"MINTED"}
    assert sorted(ticket.token_id for ticket in tickets_of(session, minting.order.id)) == [65536, 65537]
    assert {ticket.status for ticket in tickets_of(session, minting.order.id)} == {"PENDING"}


def test_an_escrowed_ticket_lands_as_escrowed(session, receipt, now):
    guest = make_minting(session, quantity=1, recipient=None)
    batch = batches.close(session, guest.collection.id, [jobs_of(session, guest.order.id)[0].id], frozenset(), now)
    receipt(logs_of(batch))
    mine(session, batch, now)
    assert jobs_of(session, guest.order.id)[0].status == "ESCROWED"


def test_a_receipt_without_our_logs_is_for_a_person(session, minting, batch, receipt, now):
    receipt([])
    mine(session, batch, now)
    assert (batch.status, batch.last_error) == (
        "STUCK",
        "the receipt does not show what was asked for: 0 BatchMinted logs",
    )
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"BATCHED"}


def test_a_receipt_that_gives_a_ticket_to_somebody_else_is_for_a_person(session, batch, receipt, now):
    logs = logs_of(batch)
    chain = Chain()
    chain.emit("Transfer", bytes(20), BOB, 65536)
    receipt([*logs[:2], chain.taken()[0], *logs[3:]])
    mine(session, batch, now)
    assert batch.status == "STUCK"
    assert "entry 0 went to 0x" + BOB.hex() in batch.last_error


def test_logs_of_another_contract_do_not_count(session, batch, receipt, now):
    chain = Chain(address=b"\x66" * 20)
    chain.mint(1, [(ALICE, 1), (ALICE, 1)])
    receipt(chain.taken())
    mine(session, batch, now)
    assert batch.status == "STUCK"


def test_a_reorg_closes_the_batch_again_and_takes_the_tokens_back(session, minting, batch, receipt, now):
    receipt(logs_of(batch))
    mine(session, batch, now)
    minted.unmined(session, batch.id)
    assert batch.status == "CLOSED"
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"BATCHED"}
    assert {ticket.token_id for ticket in tickets_of(session, minting.order.id)} == {None}


def test_a_number_out_of_order_is_asked_about_and_a_plain_refusal_is_for_a_person(session, batch, now):
    minted.reverted(session, batch.id, "BatchOutOfOrder(expected=2, given=1)")
    assert batch.status == "UNKNOWN"
    batch.status = "CLOSED"
    minted.reverted(session, batch.id, "SupplyExceeded")
    assert (batch.status, batch.last_error) == ("STUCK", "SupplyExceeded")


def test_a_number_that_was_minted_with_our_contents_has_landed(session, minting, batch, now):
    minted.unknown(session, batch.id)
    minted.answered(session, batch, Said(1, batch.contents_hash), now)
    assert batch.status == "LANDED"
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"MINTED"}


def test_a_number_that_was_minted_with_other_contents_is_for_a_person(session, batch, now):
    minted.unknown(session, batch.id)
    minted.answered(session, batch, Said(1, b"\5" * 32), now)
    assert batch.status == "STUCK"


def test_an_unused_number_is_sent_again_with_the_same_contents(session, batch, now):
    send = session.get_one(ChainSend, batch.send_id)
    send.status = SendStatus.REVERTED
    minted.reverted(session, batch.id, "BatchOutOfOrder(expected=1, given=1)")
    minted.answered(session, batch, Said(0, bytes(32)), now)
    again = session.get_one(ChainSend, batch.send_id)
    assert batch.status == "CLOSED"
    assert again.id != send.id and again.data == send.data and again.generation == 1


def test_jobs_join_another_batch_only_after_the_cancellation_is_final(session, minting, batch, now):
    cancel.ask(session, batch.id, now)
    assert batch.status == "CANCELLING"
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"BATCHED"}
    chain = Chain()
    chain.emit("BatchCancelled", batch.number)
    final.batches_settled(session, NETWORK, chain.taken(), now)
    assert batch.status == "CANCELLED"
    jobs = jobs_of(session, minting.order.id)
    assert {(job.status, job.batch_id, job.batch_index) for job in jobs} == {("QUEUED", None, None)}
    second = batches.close(session, minting.collection.id, [job.id for job in jobs], frozenset(), now)
    assert (second.number, second.contents_hash) == (2, batch.contents_hash)


def test_a_cancellation_the_chain_refuses_asks_which_of_the_two_it_was(session, minting, batch, now):
    cancel.ask(session, batch.id, now)
    cancel.refused(session, batch.id, "BatchOutOfOrder(expected=2, given=1)")
    minted.answered(session, batch, Said(1, batch.contents_hash), now)
    assert batch.status == "LANDED"


def test_a_landed_batch_is_not_cancelled_and_a_final_one_not_retried(session, batch, now):
    minted.land(session, batch, None, now)
    with pytest.raises(cancel.CannotCancel):
        cancel.ask(session, batch.id, now)
    minted.final(session, batch.id, now)
    with pytest.raises(cancel.CannotRetry):
        cancel.retry(session, batch.id)


def test_a_refused_batch_is_sent_again_after_growing_pauses(session, batch, now):
    pauses = []
    for _ in range(7):
        session.get_one(ChainSend, batch.send_id).status = SendStatus.REVERTED
        minted.reverted(session, batch.id, "BatchOutOfOrder(expected=0, given=1)")
        minted.answered(session, batch, Said(0, bytes(32)), now)
        again = session.get_one(ChainSend, batch.send_id)
        pauses.append(0 if again.run_after is None else (again.run_after - now).total_seconds())
    assert pauses == [0, 1, 2, 4, 8, 15, 15]


def test_an_unsent_sending_of_a_batch_that_others_settled_is_withdrawn(session, batch, now):
    batch.status = "CANCELLED"
    session.flush()
    assert effects.settle_overtaken(session, now) == 1
    assert session.get_one(ChainSend, batch.send_id).status == SendStatus.CANCELLED
    assert effects.settle_overtaken(session, now) == 0


def test_a_batch_shows_that_its_sending_waits_and_that_it_waits_no_more(session, batch, now):
    send = session.get_one(ChainSend, batch.send_id)
    send.status, send.reason = SendStatus.WAITING, "ScopePaused(scope=2)"
    session.flush()
    cancel.mirror_waiting(session)
    assert (batch.status, batch.last_error) == ("WAITING", "ScopePaused(scope=2)")
    send.status = SendStatus.SENDING
    session.flush()
    cancel.mirror_waiting(session)
    assert (batch.status, batch.last_error) == ("CLOSED", None)


def test_final_logs_finish_jobs_tickets_batch_and_order(session, minting, batch, now):
    logs = logs_of(batch)
    final.batches_settled(session, NETWORK, [log for log in logs if len(log.topics) == 2][:1], now)
    final.tokens_settled(session, NETWORK, logs[2:], now)
    assert batch.status == "FINAL"
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"FINAL"}
    assert {(t.status, t.custody) for t in tickets_of(session, minting.order.id)} == {("LIVE", "WALLET")}
    assert minting.order.status == "FULFILLED"


def test_an_order_is_fulfilled_only_by_its_last_ticket(session, minting, batch, now):
    logs = logs_of(batch)
    final.tokens_settled(session, NETWORK, logs[2:3], now)
    assert minting.order.status == "PAID"
    final.tokens_settled(session, NETWORK, logs[3:], now + timedelta(seconds=1))
    assert minting.order.status == "FULFILLED"


def test_a_final_mint_without_a_job_makes_no_ticket(session, minting, batch, now):
    chain = Chain(address=ADDRESS)
    chain.mint(9, [(BOB, 1)])
    final.tokens_settled(session, NETWORK, chain.taken()[2:], now)
    assert session.scalar(select(func.count()).select_from(ChainSend)) == 1
    assert {job.status for job in jobs_of(session, minting.order.id)} == {"BATCHED"}
