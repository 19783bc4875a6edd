"""A call that reverted in its block for a cause that passes, or that nobody can name, is simulated and sent again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.chain import outbox as asking
from backend.chain import registry, rules
from backend.chain.models import AttemptStatus, SendStatus
from backend.chain.port import CallReverted, Look, RefusedByNode
from backend.kit.db import unit_of_work
from tests.factories.chain import NETWORK, OUT_OF_ORDER, FakeLab, Lab, Outbox


def _reverted_by_a_pause(outbox: Outbox, lab: Lab, send_id: UUID, *, is_over: bool) -> None:
    """Let the bytes revert in a block that becomes final; `is_over`: nothing is left of the pause by then."""
    outbox.send(send_id)
    lab.pause()
    lab.mine(3)
    if is_over:
        lab.unpause()
    outbox.watch(send_id)


@pytest.mark.parametrize("is_over", [True, False])
def test_a_pause_that_caught_a_call_in_its_block_is_waited_for_and_the_call_lands_once(
    outbox: Outbox, lab: Lab, is_over: bool
) -> None:
    send_id = outbox.enqueue(1)
    _reverted_by_a_pause(outbox, lab, send_id, is_over=is_over)
    assert outbox.row(send_id).status == SendStatus.QUEUED and outbox.heard(send_id) == []
    outbox.wait(2)
    if not is_over:
        outbox.send(send_id)
        row = outbox.row(send_id)
        assert (row.status, row.reason) == (SendStatus.WAITING, "ScopePaused(scope=2)")
        lab.unpause()
    outbox.settle(send_id)
    first, second = outbox.attempts(send_id)
    assert (first.status, first.nonce, second.status, second.nonce) == (
        AttemptStatus.REVERTED, 0, AttemptStatus.FINAL, 1,
    )  # fmt: skip
    assert outbox.heard(send_id) == ["SendMined", "SendFinal"] and lab.landed() == 1
    with unit_of_work() as session:
        assert asking.tx_hash(session, send_id) == second.tx_hash


def test_what_reverts_again_and_again_is_tried_after_growing_pauses_and_told_in_the_end(
    outbox: Outbox, lab: Lab
) -> None:
    send_id = outbox.enqueue(1)
    pauses = []
    for _ in range(rules._MOST_REVERTS - 1):
        _reverted_by_a_pause(outbox, lab, send_id, is_over=True)
        row = outbox.row(send_id)
        assert row.status in {SendStatus.QUEUED, SendStatus.OVERDUE} and row.run_after is not None
        pauses.append(row.run_after - outbox.now)
        outbox.send(send_id)
        assert outbox.row(send_id).status == row.status, "not before its time"
        outbox.now = row.run_after
    assert pauses == [timedelta(seconds=seconds) for seconds in (1, 15, 30, 60, 120)]
    assert outbox.heard(send_id) == []
    _reverted_by_a_pause(outbox, lab, send_id, is_over=True)
    assert outbox.row(send_id).status == SendStatus.REVERTED and outbox.heard(send_id) == ["SendReverted"]
    assert lab.port.nonce(lab.signer.address) == rules._MOST_REVERTS and lab.landed() == 0


def test_a_call_whose_contract_refuses_it_by_now_is_told_with_the_contracts_word(outbox: Outbox, lab: Lab) -> None:
    send_id = outbox.enqueue(1)
    _reverted_by_a_pause(outbox, lab, send_id, is_over=True)
    other = outbox.enqueue(1)
    outbox.settle(other)
    outbox.send(send_id)
    assert outbox.row(send_id).status == SendStatus.REVERTED
    assert outbox.reasons == ["BatchOutOfOrder(expected=2, given=1)"] and lab.landed() == 1


class _Recounts:
    """A port whose node answers `call` about past blocks in its own way."""

    def __init__(self, port: Any, call: Callable[[Any], bytes]) -> None:
        self._port, self._call, self.asked = port, call, list[Any]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def call(self, _to: Any, _data: Any, block: Any = None, **_: Any) -> bytes:
        self.asked.append(block)
        return self._call(block)

    @contextmanager
    def look(self) -> Iterator[Look]:
        yield Look(self, asks_two=False)  # type: ignore[arg-type]


def _pruned(_block: Any) -> bytes:
    raise RefusedByNode("missing trie node")


def test_a_node_that_has_dropped_the_state_makes_no_dead_end_of_a_revert(outbox: Outbox, lab: Lab) -> None:
    send_id = outbox.enqueue(1)
    outbox.send(send_id)
    lab.pause()
    lab.mine(3)
    lab.unpause()
    port: Any = _Recounts(lab.port, _pruned)
    with registry.replaced(NETWORK, port, {}):
        outbox.watch(send_id)
    assert len(port.asked) == 3
    row = outbox.row(send_id)
    assert row.status == SendStatus.QUEUED and (row.reason or "").startswith("Reverted")
    outbox.settle(send_id)
    assert lab.landed() == 1


def test_the_state_after_the_block_names_what_stood_before_the_call_in_it(outbox: Outbox, lab: Lab) -> None:
    send_id = outbox.enqueue(1)
    outbox.send(send_id)
    lab.pause()
    lab.mine(3)
    lab.unpause()
    mined = lab.port.head().number - 2

    def call(block: Any) -> bytes:
        if block == mined:
            raise CallReverted(OUT_OF_ORDER + (2).to_bytes(32) + (1).to_bytes(32))
        return b""

    port: Any = _Recounts(lab.port, call)
    with registry.replaced(NETWORK, port, {}):
        outbox.watch(send_id)
    assert outbox.reasons == ["BatchOutOfOrder(expected=2, given=1)"]
    assert port.asked == [mined - 1, mined]


@pytest.mark.parametrize(("gas_limit", "is_told"), [(50_000, True), (None, False)])
def test_out_of_gas_under_a_limit_that_was_given_stays_so(
    fake_outbox: Outbox, monkeypatch: pytest.MonkeyPatch, gas_limit: int | None, is_told: bool
) -> None:
    lab = fake_outbox.lab
    assert isinstance(lab, FakeLab)
    monkeypatch.setattr("backend.chain.preflight._GAS_MARGIN_PERCENT", 0)
    send_id = fake_outbox.enqueue(1, gas_limit=gas_limit)
    _reverted_by_a_pause(fake_outbox, lab, send_id, is_over=True)
    assert fake_outbox.reasons == (["OutOfGas"] if is_told else [])
