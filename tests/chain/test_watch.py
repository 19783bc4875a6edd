"""Following bytes until they are final: reorgs, lost pools, raised offers, reverts, nonces used by others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from backend.chain import outbox as asking
from backend.chain import registry
from backend.chain.models import AttemptStatus, ChainSend, SendStatus
from backend.chain.port import Look
from backend.kit.db import unit_of_work
from tests.factories.chain import COUNTER, NETWORK, Lab, Outbox, land


def _broadcast(outbox: Outbox, number: int = 1) -> UUID:
    send_id = outbox.enqueue(number)
    outbox.send(send_id)
    return send_id


def _mined(outbox: Outbox, lab: Lab) -> UUID:
    send_id = _broadcast(outbox)
    lab.mine()
    outbox.watch(send_id)
    assert outbox.row(send_id).status == SendStatus.MINED
    return send_id


def test_a_reorg_takes_the_word_back_and_sends_the_same_bytes_again(outbox: Outbox, lab: Lab) -> None:
    lab.mine(3)
    send_id = _mined(outbox, lab)
    [before] = outbox.attempts(send_id)
    lab.reorg(1)
    assert lab.landed() == 0
    outbox.watch(send_id)
    assert outbox.heard(send_id) == ["SendMined", "SendUnmined"]
    assert outbox.row(send_id).status == SendStatus.SENDING
    [attempt] = outbox.attempts(send_id)
    assert (attempt.status, attempt.raw, attempt.block_hash) == (AttemptStatus.BROADCAST, before.raw, None)
    outbox.settle(send_id)
    assert outbox.heard(send_id) == ["SendMined", "SendUnmined", "SendMined", "SendFinal"]
    assert lab.landed() == 1 and len(outbox.attempts(send_id)) == 1


def test_mined_again_in_another_block_between_two_looks_is_undone_and_mined(outbox: Outbox, lab: Lab) -> None:
    lab.mine(3)
    send_id = _mined(outbox, lab)
    [before] = outbox.attempts(send_id)
    lab.reorg(1)
    lab.port.send_raw(before.raw or b"")
    lab.mine()
    outbox.watch(send_id)
    assert outbox.heard(send_id) == ["SendMined", "SendUnmined", "SendMined"]
    [after] = outbox.attempts(send_id)
    assert after.block_hash is not None and after.block_hash != before.block_hash


def test_a_pool_that_forgets_gets_the_same_bytes_again(outbox: Outbox, lab: Lab) -> None:
    send_id = _broadcast(outbox)
    lab.forget_pool()
    outbox.watch(send_id)
    assert lab.port.nonce(lab.signer.address, "pending") == 1
    outbox.settle(send_id)
    assert outbox.row(send_id).status == SendStatus.FINAL and len(outbox.attempts(send_id)) == 1


def test_bytes_that_stay_too_long_are_replaced_with_the_same_nonce_and_a_higher_offer(outbox: Outbox, lab: Lab) -> None:
    send_id = _broadcast(outbox)
    outbox.wait(60)
    outbox.watch(send_id)
    outbox.send(send_id)
    old, new = outbox.attempts(send_id)
    assert (old.status, new.status) == (AttemptStatus.REPLACED, AttemptStatus.BROADCAST)
    assert old.nonce == new.nonce
    assert new.max_fee * 1000 >= old.max_fee * 1125 and new.priority_fee * 1000 >= old.priority_fee * 1125
    outbox.settle(send_id)
    with unit_of_work() as session:
        assert asking.tx_hashes(session, send_id) == [old.tx_hash, new.tx_hash]
        assert asking.tx_hash(session, send_id) == new.tx_hash
    assert lab.landed() == 1 and lab.port.nonce(lab.signer.address) == 1


def test_the_replaced_bytes_may_win_after_all(fake_outbox: Outbox) -> None:
    lab: Any = fake_outbox.lab
    send_id = _broadcast(fake_outbox)
    fake_outbox.wait(60)
    fake_outbox.watch(send_id)
    # The block is made of the old bytes while the new ones are still being signed, or on their way.
    lab.mine()
    fake_outbox.send(send_id)
    fake_outbox.settle(send_id)
    old, new = fake_outbox.attempts(send_id)
    assert (old.status, new.status) == (AttemptStatus.FINAL, AttemptStatus.REPLACED)
    assert fake_outbox.heard(send_id) == ["SendMined", "SendFinal"]
    with unit_of_work() as session:
        assert asking.tx_hash(session, send_id) == old.tx_hash


def test_old_bytes_that_won_and_were_undone_step_down_for_the_dearer_ones_that_exist(outbox: Outbox, lab: Lab) -> None:
    send_id = _broadcast(outbox)
    outbox.wait(60)
    outbox.watch(send_id)
    # The old bytes make the block before the dearer ones are handed over; then the block is undone.
    lab.mine()
    outbox.send(send_id)
    outbox.watch(send_id)
    lab.reorg(1)
    lab.forget_pool()
    outbox.watch(send_id)
    assert [one.status for one in outbox.attempts(send_id)] == [AttemptStatus.BROADCAST, AttemptStatus.REPLACED]
    outbox.wait(60)
    outbox.watch(send_id)
    old, dearer = outbox.attempts(send_id)
    assert (old.status, dearer.status) == (AttemptStatus.REPLACED, AttemptStatus.BROADCAST)
    outbox.watch(send_id)
    outbox.settle(send_id)
    assert lab.port.receipt(dearer.tx_hash or b"") is not None
    assert outbox.row(send_id).status == SendStatus.FINAL and lab.landed() == 1
    assert len(outbox.attempts(send_id)) == 2


def test_at_the_ceiling_an_offer_is_not_raised_and_the_send_says_so(fake_outbox: Outbox) -> None:
    lab: Any = fake_outbox.lab
    lab.port.base_fee = 249 * 10**9
    send_id = _broadcast(fake_outbox)
    lab.port.base_fee = 600 * 10**9
    fake_outbox.wait(60)
    fake_outbox.watch(send_id)
    row = fake_outbox.row(send_id)
    assert row.status == SendStatus.WAITING and (row.reason or "").startswith("fee ceiling")
    assert len(fake_outbox.attempts(send_id)) == 1
    lab.port.base_fee = 10**9
    fake_outbox.settle(send_id)
    assert fake_outbox.row(send_id).status == SendStatus.FINAL


def test_a_call_that_reverts_in_its_block_is_told_when_the_block_is_final(outbox: Outbox, lab: Lab) -> None:
    send_id = outbox.enqueue(1, waits_on=())
    outbox.send(send_id)
    lab.pause()
    lab.mine()
    outbox.watch(send_id)
    assert outbox.row(send_id).status == SendStatus.SENDING and outbox.heard(send_id) == []
    lab.mine(2)
    outbox.watch(send_id)
    assert outbox.row(send_id).status == SendStatus.REVERTED
    assert outbox.heard(send_id) == ["SendReverted"]
    assert outbox.reasons == ["ScopePaused(scope=2)"]
    [attempt] = outbox.attempts(send_id)
    assert attempt.status == AttemptStatus.REVERTED


def test_a_revert_that_is_undone_may_yet_succeed(outbox: Outbox, lab: Lab) -> None:
    lab.mine(3)
    send_id = _broadcast(outbox)
    lab.pause()
    lab.mine()
    outbox.watch(send_id)
    lab.reorg(1)
    lab.unpause()
    outbox.settle(send_id)
    assert outbox.heard(send_id) == ["SendMined", "SendFinal"]
    assert lab.landed() == 1


def _overtaken(outbox: Outbox, lab: Lab, number: int) -> UUID:
    """Broadcast a send, then let somebody else who holds the key use its nonce first."""
    send_id = _broadcast(outbox)
    _stranger_takes_nonce_0(lab, number)
    outbox.watch(send_id)
    return send_id


def _stranger_takes_nonce_0(lab: Lab, number: int) -> None:
    lab.forget_pool()
    stranger = {
        "chainId": 31337,
        "nonce": 0,
        "gas": 100_000,
        "maxFeePerGas": 20 * 10**9,
        "maxPriorityFeePerGas": 10**9,
        "to": COUNTER,
        "value": 0,
        "data": land(number),
    }
    lab.port.send_raw(lab.signer.sign_transaction(stranger))
    lab.mine()


def test_a_nonce_used_by_strange_bytes_makes_the_fate_unknown_until_it_is_final(outbox: Outbox, lab: Lab) -> None:
    send_id = _overtaken(outbox, lab, 9)
    assert outbox.row(send_id).status == SendStatus.UNKNOWN
    assert outbox.heard(send_id) == ["SendUnknown"]
    with unit_of_work() as session, pytest.raises(asking.FateUnclear):
        asking.settle_unknown(session, send_id, happened=False, now=outbox.now)
    lab.mine(3)
    outbox.watch(send_id)
    assert outbox.attempts(send_id)[0].status == AttemptStatus.DROPPED
    assert outbox.heard(send_id) == ["SendUnknown", "SendUnknown"]
    with unit_of_work() as session:
        asking.settle_unknown(session, send_id, happened=False, now=outbox.now)
    outbox.settle(send_id)
    assert [attempt.nonce for attempt in outbox.attempts(send_id)] == [0, 1]
    assert outbox.row(send_id).status == SendStatus.FINAL and lab.landed() == 1


def test_replaced_bytes_are_lost_with_the_nonce_they_shared(fake_outbox: Outbox) -> None:
    send_id = _broadcast(fake_outbox)
    fake_outbox.wait(60)
    fake_outbox.watch(send_id)
    fake_outbox.send(send_id)
    _stranger_takes_nonce_0(fake_outbox.lab, 9)
    fake_outbox.watch(send_id)
    fake_outbox.lab.mine(3)
    fake_outbox.watch(send_id)
    with unit_of_work() as session:
        asking.settle_unknown(session, send_id, happened=False, now=fake_outbox.now)
    fake_outbox.settle(send_id)
    statuses = [attempt.status for attempt in fake_outbox.attempts(send_id)]
    assert statuses == [AttemptStatus.REPLACED, AttemptStatus.DROPPED, AttemptStatus.FINAL]


class _ShowsNoReceipts:
    """A port to a node that has counted our nonces and has no receipt yet."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def receipt(self, _tx_hash: bytes) -> None:
        return None

    def forgets(self) -> "_ShowsNoReceipts":
        """It does not even know the transactions."""
        self.transaction_known = lambda _: False
        return self

    @contextmanager
    def look(self) -> Iterator[Look]:
        yield Look(self, asks_two=False)


def test_replaced_bytes_that_were_mined_are_not_given_up_while_no_receipt_is_shown(fake_outbox: Outbox) -> None:
    send_id = _broadcast(fake_outbox)
    fake_outbox.wait(60)
    fake_outbox.watch(send_id)
    fake_outbox.lab.mine()
    fake_outbox.send(send_id)  # the nonce is used: by the bytes these would have replaced
    lagging: Any = _ShowsNoReceipts(fake_outbox.lab.port)
    with registry.replaced(NETWORK, lagging, {}):
        for _ in range(3):
            fake_outbox.watch(send_id)
            fake_outbox.lab.mine(3)
            fake_outbox.wait(10)
    assert fake_outbox.row(send_id).status == SendStatus.UNKNOWN
    fake_outbox.settle(send_id)
    statuses = [attempt.status for attempt in fake_outbox.attempts(send_id)]
    assert statuses == [AttemptStatus.FINAL, AttemptStatus.REPLACED]
    assert fake_outbox.row(send_id).status == SendStatus.FINAL and fake_outbox.lab.landed() == 1


@pytest.mark.parametrize("is_sent_again", [False, True])
def test_bytes_that_were_given_up_with_their_nonce_and_turn_up_final_are_what_happened(
    fake_outbox: Outbox, is_sent_again: bool
) -> None:
    send_id = _broadcast(fake_outbox)
    fake_outbox.wait(60)
    fake_outbox.watch(send_id)
    fake_outbox.lab.mine()
    fake_outbox.send(send_id)
    lagging: Any = _ShowsNoReceipts(fake_outbox.lab.port).forgets()
    with registry.replaced(NETWORK, lagging, {}):
        for _ in range(3):
            fake_outbox.watch(send_id)
            fake_outbox.lab.mine(3)
    assert [one.status for one in fake_outbox.attempts(send_id)] == [AttemptStatus.REPLACED, AttemptStatus.DROPPED]
    if is_sent_again:
        with unit_of_work() as session:
            asking.settle_unknown(session, send_id, happened=False, now=fake_outbox.now)
            session.get_one(ChainSend, send_id).data = land(2)  # so that it is not refused before it has a nonce
        fake_outbox.send(send_id)
        with unit_of_work() as session:
            session.get_one(ChainSend, send_id).data = land(1)
    fake_outbox.watch(send_id)
    assert fake_outbox.row(send_id).status == SendStatus.FINAL
    statuses = [attempt.status for attempt in fake_outbox.attempts(send_id)]
    assert statuses == [AttemptStatus.FINAL, AttemptStatus.DROPPED, AttemptStatus.REPLACED][: len(statuses)]
    assert fake_outbox.heard(send_id)[-2:] == ["SendMined", "SendFinal"]


def test_what_strange_bytes_did_for_us_is_not_done_again(outbox: Outbox, lab: Lab) -> None:
    send_id = _overtaken(outbox, lab, 1)
    lab.mine(3)
    outbox.watch(send_id)
    with unit_of_work() as session:
        asking.settle_unknown(session, send_id, happened=lab.landed() == 1, now=outbox.now)
    outbox.settle(send_id)
    assert outbox.row(send_id).status == SendStatus.CANCELLED
    assert lab.port.nonce(lab.signer.address) == 1


def test_strange_bytes_that_a_reorg_takes_away_give_the_nonce_back(outbox: Outbox, lab: Lab) -> None:
    lab.mine(3)
    send_id = _overtaken(outbox, lab, 9)
    lab.reorg(1)
    outbox.settle(send_id)
    assert outbox.heard(send_id) == ["SendUnknown", "SendMined", "SendFinal"]
    assert len(outbox.attempts(send_id)) == 1 and lab.landed() == 1


def test_a_reaction_that_fails_leaves_the_send_as_it_was_and_is_tried_again(fake_outbox: Outbox) -> None:
    from backend.chain.notices import SendMined
    from backend.kit import notices

    troubles = ["the reaction fails"]

    def fail_once(*_: Any) -> None:
        if troubles:
            raise RuntimeError(troubles.pop())

    send_id = _broadcast(fake_outbox)
    notices.at_once(SendMined)(fail_once)
    fake_outbox.lab.mine()
    with pytest.raises(RuntimeError):
        fake_outbox.watch(send_id)
    row = fake_outbox.row(send_id)
    assert row.status == SendStatus.SENDING and row.last_error == "the reaction fails"
    fake_outbox.settle(send_id)
    assert fake_outbox.row(send_id).status == SendStatus.FINAL
