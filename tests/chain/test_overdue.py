"""A send not mined by its deadline is OVERDUE: named, still sent and watched, and a person may allow it more."""

from uuid import uuid4

import pytest

from backend.chain import networks, tasks
from backend.chain import outbox as sends
from backend.chain.models import SendStatus
from backend.kit.db import unit_of_work
from tests.factories.chain import NETWORK, AnvilLab, Outbox, running

GWEI = 10**9


def mark(box: Outbox) -> int:
    with unit_of_work() as session:
        return sends.mark_overdue(session, box.now)


def test_what_waits_at_the_ceiling_becomes_overdue_and_is_sent_when_the_fee_falls(fake_outbox: Outbox) -> None:
    fake_outbox.lab.port.base_fee = 600 * GWEI
    late = fake_outbox.enqueue(1)
    fake_outbox.send(late)
    fake_outbox.wait(899)
    assert mark(fake_outbox) == 0
    fake_outbox.wait(1)
    assert mark(fake_outbox) == 1 and mark(fake_outbox) == 0
    row = fake_outbox.row(late)
    assert row.status == SendStatus.OVERDUE and row.status_since == fake_outbox.now
    assert (row.reason or "").startswith("fee ceiling")
    fake_outbox.wait(20)
    fake_outbox.send(late)
    since = fake_outbox.row(late)
    assert since.status == SendStatus.OVERDUE and since.status_since == row.status_since
    assert fake_outbox.attempts(late) == []

    fake_outbox.lab.port.base_fee = GWEI
    fake_outbox.wait(20)
    fake_outbox.send(late)
    assert fake_outbox.row(late).status == SendStatus.OVERDUE and len(fake_outbox.attempts(late)) == 1
    fake_outbox.settle(late)
    assert fake_outbox.row(late).status == SendStatus.FINAL
    assert fake_outbox.heard(late) == ["SendMined", "SendFinal"]
    assert fake_outbox.lab.landed() == 1


def test_what_has_its_nonce_keeps_it_and_is_watched_on(fake_outbox: Outbox) -> None:
    late = fake_outbox.enqueue(1)
    fake_outbox.send(late)
    fake_outbox.wait(1000)
    assert mark(fake_outbox) == 1
    fake_outbox.lab.forget_pool()
    fake_outbox.watch(late)
    assert fake_outbox.row(late).status == SendStatus.OVERDUE
    assert fake_outbox.lab.port.transaction_known(fake_outbox.attempts(late)[-1].tx_hash or b"")
    fake_outbox.settle(late)
    assert fake_outbox.row(late).status == SendStatus.FINAL
    assert {attempt.nonce for attempt in fake_outbox.attempts(late)} == {0}


def test_what_is_mined_in_time_is_never_overdue(fake_outbox: Outbox) -> None:
    done = fake_outbox.enqueue(1)
    fake_outbox.send(done)
    fake_outbox.lab.mine()
    fake_outbox.watch(done)
    assert fake_outbox.row(done).status == SendStatus.MINED
    fake_outbox.wait(2000)
    assert mark(fake_outbox) == 0
    assert fake_outbox.row(done).status == SendStatus.MINED


def test_the_sweep_names_them(fake_outbox: Outbox) -> None:
    late = fake_outbox.enqueue(1)
    fake_outbox.wait(1000)
    tasks.sweep()
    assert fake_outbox.row(late).status == SendStatus.OVERDUE


def test_asked_for_again_it_is_as_late_as_it_was(fake_outbox: Outbox) -> None:
    subject = uuid4()
    first = fake_outbox.row(fake_outbox.enqueue(1, subject_id=subject))
    fake_outbox.wait(800)
    again = fake_outbox.row(fake_outbox.enqueue(1, subject_id=subject, generation=1))
    assert again.deadline == first.deadline


def test_asked_for_again_it_may_offer_what_it_was_allowed(fake_outbox: Outbox) -> None:
    subject = uuid4()
    first = fake_outbox.enqueue(1, subject_id=subject)
    with unit_of_work() as session:
        assert sends.raise_ceiling(session, [first], 2000 * GWEI) == 500 * GWEI
    again = fake_outbox.row(fake_outbox.enqueue(1, subject_id=subject, generation=1))
    assert sends.ceiling_of(again) == 2000 * GWEI
    stranger = fake_outbox.row(fake_outbox.enqueue(1, generation=1))
    assert sends.ceiling_of(stranger) == 500 * GWEI


def test_of_several_sends_those_that_wait_lower_are_raised(fake_outbox: Outbox) -> None:
    done, low, high = (fake_outbox.enqueue(call) for call in (1, 2, 3))
    with unit_of_work() as session:
        assert sends.cancel(session, done, fake_outbox.now)
        sends.raise_ceiling(session, [high], 3000 * GWEI)
        assert sends.raise_ceiling(session, [done, low, high], 2000 * GWEI) == 500 * GWEI
    ceilings = {send: sends.ceiling_of(fake_outbox.row(send)) for send in (done, low, high)}
    assert ceilings == {done: 500 * GWEI, low: 2000 * GWEI, high: 3000 * GWEI}
    with unit_of_work() as session, pytest.raises(sends.CeilingNotHigher):
        sends.raise_ceiling(session, [done, low, high], 2000 * GWEI)
    with unit_of_work() as session, pytest.raises(sends.SendOver):
        sends.raise_ceiling(session, [done], 4000 * GWEI)
    with unit_of_work() as session, pytest.raises(sends.NoSuchSend):
        sends.raise_ceiling(session, [uuid4()], 4000 * GWEI)


def test_an_overdue_send_is_withdrawn_only_before_it_has_a_nonce(fake_outbox: Outbox) -> None:
    unsent, sent = fake_outbox.enqueue(2), fake_outbox.enqueue(1)
    fake_outbox.send(sent)
    fake_outbox.wait(1000)
    assert mark(fake_outbox) == 2
    with unit_of_work() as session:
        assert sends.cancel(session, unsent, fake_outbox.now)
        assert not sends.cancel(session, sent, fake_outbox.now)
    assert fake_outbox.row(unsent).status == SendStatus.CANCELLED


def test_a_person_raises_the_ceiling_of_one_send(anvil_lab: AnvilLab, session) -> None:
    anvil_lab.fund(10**20)
    with running(anvil_lab) as box:
        late, other = box.enqueue(1), box.enqueue(2)
        anvil_lab.ask("anvil_setNextBlockBaseFeePerGas", hex(600 * GWEI))
        anvil_lab.mine()
        box.send(late)
        box.wait(1000)
        assert mark(box) == 2
        with unit_of_work() as unit:
            with pytest.raises(sends.CeilingNotHigher):
                sends.raise_ceiling(unit, [late], 500 * GWEI)
            sends.raise_ceiling(unit, [late], 2000 * GWEI)
        anvil_lab.ask("anvil_setNextBlockBaseFeePerGas", hex(600 * GWEI))
        box.send(late)
        [attempt] = box.attempts(late)
        assert 600 * GWEI < attempt.max_fee <= 2000 * GWEI
        anvil_lab.mine()
        box.watch(late)
        assert box.row(late).status == SendStatus.MINED
        assert anvil_lab.landed() == 1
        box.send(other)
        assert box.attempts(other) == []
        anvil_lab.mine(5)
        box.watch(late)
        with unit_of_work() as unit, pytest.raises(sends.SendOver):
            sends.raise_ceiling(unit, [late], 5000 * GWEI)


def test_the_settings_say_the_ceiling_and_the_priority(fake_outbox: Outbox, settings) -> None:
    settings(evm_network=NETWORK, fee_ceiling_gwei="2.5", priority_fee_gwei="0.1")
    known = networks.network(NETWORK)
    assert (known.fee_ceiling, known.priority_fee) == (2_500_000_000, 100_000_000)
    send = fake_outbox.enqueue(1)
    fake_outbox.send(send)
    [attempt] = fake_outbox.attempts(send)
    assert (attempt.max_fee, attempt.priority_fee) == (2_100_000_000, 100_000_000)
    other = networks.network("eip155:97")
    assert (other.fee_ceiling, other.priority_fee) == (50 * GWEI, None)
