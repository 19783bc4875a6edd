"""Getting a call onto a chain exactly once, on the fake and on a real node."""

from uuid import uuid4

import pytest

from backend.chain import outbox as asking
from backend.chain import rules, signers
from backend.chain.models import AttemptStatus, ChainSigner, SendStatus
from backend.kit.db import unit_of_work
from tests.factories.chain import COUNTER, NETWORK, PURPOSE, ROLE, Lab, Outbox, land


def test_a_send_goes_from_queued_to_final_and_says_so(outbox: Outbox, lab: Lab) -> None:
    send_id = outbox.enqueue(1)
    outbox.send(send_id)
    assert outbox.row(send_id).status == SendStatus.SENDING
    [attempt] = outbox.attempts(send_id)
    assert attempt.status == AttemptStatus.BROADCAST and attempt.nonce == 0
    lab.mine()
    outbox.watch(send_id)
    assert outbox.row(send_id).status == SendStatus.MINED
    lab.mine(2)
    outbox.watch(send_id)
    assert outbox.row(send_id).status == SendStatus.FINAL
    assert outbox.heard(send_id) == ["SendMined", "SendFinal"]
    assert lab.landed() == 1


def test_the_logs_of_the_receipt_are_kept(outbox: Outbox, lab: Lab) -> None:
    send_id = outbox.enqueue(1)
    outbox.settle(send_id)
    with unit_of_work() as session:
        [log] = asking.mined_logs(session, send_id)
        assert asking.tx_hashes(session, send_id) == [log.tx_hash]
        assert asking.tx_hash(session, send_id) == log.tx_hash
    assert (log.address, log.topics) == (COUNTER, ((1).to_bytes(32),))
    block = lab.port.block(log.block_hash)
    assert block is not None and log.block_timestamp == block.timestamp


def test_every_task_may_run_twice(outbox: Outbox, lab: Lab) -> None:
    send_id = outbox.enqueue(1)
    for _ in range(3):
        outbox.send(send_id)
    for _ in range(3):
        lab.mine(2)
        outbox.watch(send_id)
        outbox.send(send_id)
    assert lab.port.nonce(lab.signer.address) == 1 and lab.landed() == 1
    assert outbox.heard(send_id).count("SendFinal") == 1


def test_asking_twice_is_one_send_and_asking_for_something_else_is_refused(outbox: Outbox) -> None:
    subject = uuid4()
    first = outbox.enqueue(1, subject_id=subject)
    assert outbox.enqueue(1, subject_id=subject) == first
    with pytest.raises(asking.SendDiffers):
        outbox.enqueue(2, subject_id=subject)
    assert outbox.enqueue(2, subject_id=subject, generation=1) != first


def test_batches_are_pipelined_each_on_top_of_the_one_before(outbox: Outbox, lab: Lab) -> None:
    sends = [outbox.enqueue(number) for number in (1, 2, 3)]
    for send_id in sends:
        outbox.send(send_id)
    assert [outbox.attempts(send_id)[0].nonce for send_id in sends] == [0, 1, 2]
    lab.mine()
    assert lab.landed() == 3


def test_a_call_that_comes_too_early_waits_for_the_one_before_it_and_nobody_is_told(outbox: Outbox, lab: Lab) -> None:
    first, second = outbox.enqueue(1), outbox.enqueue(2)
    outbox.send(second)
    row = outbox.row(second)
    assert row.status == SendStatus.QUEUED and row.run_after is not None
    assert outbox.attempts(second) == [] and outbox.heard(second) == []
    outbox.send(first)
    outbox.wait(2)
    outbox.send(second)
    lab.mine()
    assert lab.landed() == 2


def test_a_call_whose_gas_is_known_goes_right_behind_the_one_before_it(outbox: Outbox, lab: Lab) -> None:
    first, second = outbox.enqueue(1, gas_limit=300_000), outbox.enqueue(2, gas_limit=300_000)
    outbox.send(second)
    assert outbox.attempts(second) == [], "the one before it has no nonce yet"
    outbox.send(first)
    outbox.wait(2)
    outbox.send(second)
    assert [outbox.attempts(send_id)[0].nonce for send_id in (first, second)] == [0, 1]
    lab.mine()
    assert lab.landed() == 2


def test_a_call_behind_one_that_fails_reverts_and_its_asker_learns_why(outbox: Outbox, lab: Lab) -> None:
    first, second = (outbox.enqueue(number, gas_limit=300_000, waits_on=()) for number in (1, 2))
    outbox.send(first)
    outbox.wait(2)
    outbox.send(second)
    lab.pause()
    lab.mine()
    for send_id in (first, second):
        outbox.settle(send_id)
    assert lab.landed() == 0
    assert [outbox.row(send_id).status for send_id in (first, second)] == [SendStatus.REVERTED] * 2


def test_a_call_that_would_revert_costs_no_nonce_and_its_asker_learns_why(outbox: Outbox, lab: Lab) -> None:
    send_id = outbox.enqueue(7)
    outbox.send(send_id)
    assert outbox.row(send_id).status == SendStatus.REVERTED
    assert outbox.heard(send_id) == ["SendReverted"]
    assert outbox.reasons == ["BatchOutOfOrder(expected=1, given=7)"]
    assert lab.port.nonce(lab.signer.address, "pending") == 0


def test_a_paused_contract_is_waited_for(outbox: Outbox, lab: Lab) -> None:
    lab.pause()
    send_id = outbox.enqueue(1)
    outbox.send(send_id)
    row = outbox.row(send_id)
    assert (row.status, row.reason) == (SendStatus.WAITING, "ScopePaused(scope=2)")
    assert outbox.heard(send_id) == []
    lab.unpause()
    outbox.settle(send_id)
    assert outbox.row(send_id).status == SendStatus.FINAL


def test_an_empty_signer_is_waited_for(outbox: Outbox, lab: Lab) -> None:
    lab.fund(1000)
    send_id = outbox.enqueue(1)
    outbox.send(send_id)
    row = outbox.row(send_id)
    assert row.status == SendStatus.WAITING and "not funded" in (row.reason or "")
    lab.fund(10**18)
    outbox.settle(send_id)
    assert outbox.row(send_id).status == SendStatus.FINAL


def test_a_send_without_a_nonce_can_be_withdrawn_and_one_with_a_nonce_cannot(outbox: Outbox, lab: Lab) -> None:
    first, second = outbox.enqueue(1), outbox.enqueue(2)
    outbox.send(first)
    with unit_of_work() as session:
        assert not asking.cancel(session, first, outbox.now)
        assert asking.cancel(session, second, outbox.now) and asking.cancel(session, second, outbox.now)
    outbox.send(second)
    lab.mine()
    assert lab.landed() == 1 and outbox.row(second).status == SendStatus.CANCELLED


def test_the_first_nonce_is_the_chains_own_count_pending_ones_included(outbox: Outbox, lab: Lab) -> None:
    _send_by_hand(lab, 0, 1)
    lab.mine()
    _send_by_hand(lab, 1, 2)
    send_id = outbox.enqueue(3)
    outbox.send(send_id)
    assert [attempt.nonce for attempt in outbox.attempts(send_id)] == [2]


def test_nonces_that_final_blocks_used_without_us_are_skipped(outbox: Outbox, lab: Lab) -> None:
    first = outbox.enqueue(1)
    outbox.settle(first)
    for number in (2, 3):
        _send_by_hand(lab, number - 1, number)
    lab.mine(4)
    send_id = outbox.enqueue(4)
    outbox.settle(send_id)
    assert [attempt.nonce for attempt in outbox.attempts(send_id)] == [3]
    assert lab.landed() == 4


def test_what_the_chain_says_of_a_key_is_written_down(outbox: Outbox, lab: Lab) -> None:
    outbox.settle(outbox.enqueue(1))
    signers.look(lambda _: lab.port)
    with unit_of_work() as session:
        row = session.query(ChainSigner).one()
    assert (row.network, row.role, row.address) == (NETWORK, ROLE, lab.signer.address)
    assert (row.next_nonce, row.seen_nonce) == (1, 1) and (row.seen_balance or 0) > 0


def test_a_nonce_belongs_to_the_key_it_was_allotted_to(fake_outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend.chain import registry
    from backend.chain import send as sending
    from backend.chain.fake import FakeSigner

    send_id = fake_outbox.enqueue(1, signer=fake_outbox.lab.signer.address)
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_sign", lambda *_: (_ for _ in ()).throw(RuntimeError("the key service is away")))
        with pytest.raises(RuntimeError):
            fake_outbox.send(send_id)
    fake_outbox.wait(30)
    another = registry.replaced(NETWORK, fake_outbox.lab.port, {ROLE: FakeSigner("another")})
    with another:
        fake_outbox.send(send_id)
    row = fake_outbox.row(send_id)
    expected = f"signer_missing: minter 0x{fake_outbox.lab.signer.address.hex()}"
    assert (row.status, row.reason) == (SendStatus.WAITING, expected)
    fake_outbox.settle(send_id)
    assert fake_outbox.row(send_id).status == SendStatus.FINAL
    assert [attempt.nonce for attempt in fake_outbox.attempts(send_id)] == [0]


def test_a_fee_above_the_ceiling_is_not_paid(fake_outbox: Outbox) -> None:
    chain = fake_outbox.lab.port
    chain.base_fee = 600 * 10**9  # type: ignore[attr-defined]
    send_id = fake_outbox.enqueue(1)
    fake_outbox.send(send_id)
    row = fake_outbox.row(send_id)
    assert row.status == SendStatus.WAITING and (row.reason or "").startswith("fee ceiling")
    chain.base_fee = 10**9  # type: ignore[attr-defined]
    fake_outbox.settle(send_id)
    assert fake_outbox.row(send_id).status == SendStatus.FINAL


def test_a_network_that_does_not_answer_burns_no_nonce(fake_outbox: Outbox) -> None:
    from backend.chain.port import ChainUnreachable

    send_id = fake_outbox.enqueue(1)
    for answered in range(5):
        fake_outbox.lab.port.fail(after=answered if answered == 0 else answered - 1)  # type: ignore[attr-defined]
        fake_outbox.wait(400)
        with pytest.raises(ChainUnreachable):
            fake_outbox.send(send_id)
        assert fake_outbox.attempts(send_id) == []
    fake_outbox.wait(400)
    fake_outbox.settle(send_id)
    assert fake_outbox.row(send_id).status == SendStatus.FINAL
    assert fake_outbox.lab.port.nonce(fake_outbox.lab.signer.address) == 1


def test_the_trace_of_the_request_is_in_force_while_its_transaction_is_sent(
    fake_outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.kit import logs

    traces = []
    send_raw = fake_outbox.lab.port.send_raw

    def noting(raw: bytes) -> bytes:
        traces.append(logs.trace_id())
        return send_raw(raw)

    monkeypatch.setattr(fake_outbox.lab.port, "send_raw", noting)
    with logs.trace("4bf92f3577b34da6a3ce929d0e0e4736"):
        send_id = fake_outbox.enqueue(1)
    fake_outbox.send(send_id)
    assert traces == ["4bf92f3577b34da6a3ce929d0e0e4736"]


def test_the_state_machine_has_no_way_back_from_an_end() -> None:
    for end in (SendStatus.FINAL, SendStatus.REVERTED, SendStatus.CANCELLED):
        with pytest.raises(rules.IllegalStep):
            rules.check_send_step(end, SendStatus.SENDING)
    with pytest.raises(rules.IllegalStep):
        rules.check_attempt_step(AttemptStatus.DROPPED, AttemptStatus.BROADCAST)


def test_the_newest_generation_is_found(outbox: Outbox) -> None:
    subject = uuid4()
    outbox.enqueue(1, subject_id=subject)
    newest = outbox.enqueue(2, subject_id=subject, generation=1)
    with unit_of_work() as session:
        found = asking.find(session, PURPOSE, subject)
        assert found is not None and found.id == newest
        assert asking.find(session, PURPOSE, uuid4()) is None


def _send_by_hand(lab: Lab, nonce: int, number: int) -> None:
    lab.port.send_raw(
        lab.signer.sign_transaction(
            {
                "chainId": 31337,
                "nonce": nonce,
                "gas": 100_000,
                "maxFeePerGas": 20 * 10**9,
                "maxPriorityFeePerGas": 10**9,
                "to": COUNTER,
                "value": 0,
                "data": land(number),
            }
        )
    )


def test_the_call_that_waits_is_called_as_soon_as_the_one_before_it_is_on_its_way(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.kit import nudges

    first, second, third = (outbox.enqueue(number) for number in (1, 2, 3))
    outbox.send(third)
    outbox.send(second)
    nudged: list[tuple[str, str]] = []
    monkeypatch.setattr(nudges, "_send", lambda task, subject: nudged.append((task, subject)))
    outbox.send(first)
    assert nudged == [("chain.watch", str(first)), ("chain.send", str(second))]
    outbox.send(second)
    outbox.send(third)
    assert [outbox.attempts(send_id)[0].nonce for send_id in (first, second, third)] == [0, 1, 2]
