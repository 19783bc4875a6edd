"""Nonces that nothing will use are found and filled, and never one whose bytes may still be mined."""

from typing import Any

import pytest
from sqlalchemy import select

from backend.chain import gaps, gauges, registry, tasks
from backend.chain import outbox as asking
from backend.chain.fake import FakeSigner
from backend.chain.models import AttemptStatus, ChainSend, ChainSigner, SendStatus
from backend.kit.db import unit_of_work
from tests.chain.test_send import _send_by_hand
from tests.factories.chain import COUNTER, NETWORK, PURPOSE, ROLE, FakeLab, Lab, Outbox, running


def look(box: Outbox, times: int = 1) -> None:
    for _ in range(times):
        box.wait(30)
        tasks.check_signers()


def fills() -> list[ChainSend]:
    with unit_of_work() as session:
        return list(session.scalars(select(ChainSend).where(ChainSend.purpose == gaps.FILL).order_by(ChainSend.id)))


def lose(count: int) -> None:
    """Give out nonces that nobody holds."""
    with unit_of_work() as session:
        session.scalars(select(ChainSigner)).one().next_nonce += count


def open_gaps() -> list[float]:
    with unit_of_work() as session:
        return list(gauges.nonce_gaps(session).values())


def test_a_foreign_transaction_that_never_mines_leaves_a_gap_that_is_filled(outbox: Outbox, lab: Lab) -> None:
    _send_by_hand(lab, 0, 7)
    stands = outbox.enqueue(1)
    outbox.send(stands)
    assert [attempt.nonce for attempt in outbox.attempts(stands)] == [1]
    look(outbox, 2)
    assert fills() == []  # the foreign one is in the pool and may be mined
    lab.forget_pool()
    look(outbox)
    [fill] = fills()
    [attempt] = outbox.attempts(fill.id)
    assert (attempt.nonce, fill.to_address, fill.value, fill.data) == (0, lab.signer.address, 0, b"")
    for send_id in (fill.id, stands) * 2:
        outbox.send(send_id)
        outbox.watch(send_id)
    lab.mine(4)
    for send_id in (fill.id, stands):
        outbox.watch(send_id)
        assert outbox.row(send_id).status == SendStatus.FINAL
    assert lab.landed() == 1
    look(outbox, 2)
    assert len(fills()) == 1 and open_gaps() == [0.0]
    with unit_of_work() as session:
        assert gauges.fills(session) == {(NETWORK, "FINAL"): 1.0}


def test_a_nonce_that_a_send_holds_is_left_alone(fake_outbox: Outbox) -> None:
    waiting = fake_outbox.enqueue(1)
    fake_outbox.send(waiting)
    fake_outbox.lab.forget_pool()
    look(fake_outbox, 3)
    assert fills() == []
    fake_outbox.settle(waiting)
    assert fake_outbox.row(waiting).status == SendStatus.FINAL


def test_one_look_is_no_proof(fake_outbox: Outbox) -> None:
    fake_outbox.settle(fake_outbox.enqueue(1))
    lose(1)
    look(fake_outbox)
    assert fills() == []
    look(fake_outbox)
    assert len(fills()) == 1
    look(fake_outbox, 2)
    assert len(fills()) == 1


def test_bytes_of_ours_are_handed_over_again_and_not_filled_over(fake_outbox: Outbox) -> None:
    """A chain that lost what it called final: the same bytes bring it back, and no nonce is given to anything else."""
    for number in (1, 2):
        fake_outbox.settle(fake_outbox.enqueue(number))
    afresh = FakeLab()
    afresh.fund(10**20)
    with running(afresh) as box:
        box.now = fake_outbox.now
        look(box, 2)
        assert fills() == []
        afresh.mine()
        assert afresh.landed() == 2
        look(box, 2)
    assert fills() == []


def test_a_key_that_is_not_ours_any_more_is_not_used(fake_outbox: Outbox) -> None:
    fake_outbox.settle(fake_outbox.enqueue(1))
    lose(1)
    with registry.replaced(NETWORK, fake_outbox.lab.port, {ROLE: FakeSigner("another")}):
        look(fake_outbox, 3)
    assert fills() == [] and open_gaps() == [1.0]


def test_a_role_without_a_key_keeps_nobody_from_being_looked_at(fake_outbox: Outbox) -> None:
    fake_outbox.settle(fake_outbox.enqueue(1))
    lose(1)

    with registry.replaced(NETWORK, fake_outbox.lab.port, {ROLE: []}):
        look(fake_outbox, 3)
    assert fills() == [] and open_gaps() == [1.0]


def test_above_the_ceiling_nothing_is_filled_until_the_fee_falls(fake_outbox: Outbox) -> None:
    lab: Any = fake_outbox.lab
    fake_outbox.settle(fake_outbox.enqueue(1))
    lose(1)
    lab.port.base_fee = 600 * 10**9
    look(fake_outbox, 3)
    assert fills() == []
    lab.port.base_fee = 10**9
    look(fake_outbox)
    assert len(fills()) == 1


def test_no_more_than_sixteen_at_once(fake_outbox: Outbox) -> None:
    fake_outbox.settle(fake_outbox.enqueue(1))
    lose(40)
    look(fake_outbox, 2)
    assert len(fills()) == 16
    look(fake_outbox)
    assert len(fills()) == 32


def test_a_fill_whose_nonce_somebody_used_is_over(fake_outbox: Outbox) -> None:
    fake_outbox.settle(fake_outbox.enqueue(1))
    lose(1)
    look(fake_outbox, 2)
    [fill] = fills()
    _send_by_hand(fake_outbox.lab, 1, 2)
    fake_outbox.lab.mine(4)
    fake_outbox.send(fill.id)
    for _ in range(4):
        fake_outbox.wait(40)
        fake_outbox.watch(fill.id)
    assert fake_outbox.row(fill.id).status == SendStatus.UNKNOWN
    assert [attempt.status for attempt in fake_outbox.attempts(fill.id)] == [AttemptStatus.DROPPED]
    look(fake_outbox, 1)
    assert fake_outbox.row(fill.id).status == SendStatus.CANCELLED


@pytest.mark.parametrize("nonces", [(0, 1), (1, 0)])
def test_each_nonce_is_filled_once_in_whatever_order_it_is_found(nonces: tuple[int, int]) -> None:
    first, second = (gaps.subject_of(NETWORK, b"\x01" * 20, nonce) for nonce in nonces)
    assert first != second
    assert first == gaps.subject_of(NETWORK, b"\x01" * 20, nonces[0])


def test_a_fill_whose_key_goes_before_it_is_signed_is_given_up_and_begun_anew_with_the_key(
    fake_outbox: Outbox,
) -> None:
    fake_outbox.settle(fake_outbox.enqueue(1))
    lose(1)
    look(fake_outbox, 2)
    [fill] = fills()
    with registry.replaced(NETWORK, fake_outbox.lab.port, {ROLE: FakeSigner("another")}):
        fake_outbox.wait(30)
        fake_outbox.send(fill.id)
        assert (fake_outbox.row(fill.id).reason or "").startswith("signer_missing: ")
        look(fake_outbox, 2)
        assert (fake_outbox.row(fill.id).status, len(fills())) == (SendStatus.CANCELLED, 1)
    look(fake_outbox, 2)
    again = fills()[-1]
    assert (again.generation, again.id == fill.id) == (1, False)
    fake_outbox.settle(again.id)
    assert fake_outbox.row(again.id).status == SendStatus.FINAL
    look(fake_outbox)
    assert open_gaps() == [0.0]


def test_a_retired_key_whose_bytes_nobody_waits_for_is_left_in_peace(fake_outbox: Outbox) -> None:
    old, new = fake_outbox.lab.signer, FakeSigner("new")
    send_id = fake_outbox.enqueue(1, signer=old.address)
    fake_outbox.send(send_id)
    fake_outbox.lab.forget_pool()
    with unit_of_work() as session:
        asking.assign(session, NETWORK, COUNTER, [PURPOSE], new.address, 0, fake_outbox.now)
    sent = len(fake_outbox.lab.port.sent)  # type: ignore[attr-defined]
    with registry.replaced(NETWORK, fake_outbox.lab.port, {ROLE: new}):
        fake_outbox.watch(send_id)
        with unit_of_work() as session:
            asking.settle_unknown(session, send_id, happened=False, now=fake_outbox.now)
        fake_outbox.settle(send_id)
        assert fake_outbox.row(send_id).status == SendStatus.FINAL
        look(fake_outbox, 3)
        assert len(fake_outbox.lab.port.sent) == sent + 1  # type: ignore[attr-defined]
        assert set(open_gaps()) == {0.0}
    # Its key is here: what it sends next would stand behind these bytes, so they are handed over.
    with registry.replaced(NETWORK, fake_outbox.lab.port, {ROLE: [new, old]}):
        look(fake_outbox)
        assert len(fake_outbox.lab.port.sent) == sent + 2  # type: ignore[attr-defined]
