"""A refusal before anything is sent stands only when a final block refuses too, by a node that is not behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from backend.chain import registry
from backend.chain.models import SendStatus
from backend.chain.port import Look
from tests.factories.chain import COUNTER, NETWORK, AnvilLab, FakeLab, Lab, Outbox, land
from tests.factories.chain import running as chain_running
from tests.simulators.rpc import faults, running


class _Standing:
    """The chain in memory as a node shows it that has stood still at block `head`."""

    def __init__(self, port: Any, head: int) -> None:
        self._port, self._at = port, head

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def finalized(self) -> Any:
        return self._port.block(max(self._at - 2, 0))

    def call(self, to: Any, data: Any, block: Any = None, **more: Any) -> bytes:
        return self._port.call(to, data, self._at if block is None else block, **more)

    def estimate_gas(self, sender: Any, to: Any, data: Any, value: int = 0, _block: Any = None) -> int:
        return int(self._port.estimate_gas(sender, to, data, value, self._at))

    @contextmanager
    def look(self) -> Iterator[Look]:
        yield Look(self, asks_two=False)  # type: ignore[arg-type]


@contextmanager
def lagging(lab: Lab, head: int) -> Iterator[None]:
    """Serve the network by a node that does not know what came after `head`."""
    keys = {"minter": lab.signer}
    if isinstance(lab, FakeLab):
        port: Any = _Standing(lab.port, head)
        with registry.replaced(NETWORK, port, keys):
            yield
        return
    assert isinstance(lab, AnvilLab)
    with running(lab.node.url) as proxy:
        proxy.fault = faults.stale(head)
        with registry.replaced(NETWORK, type(lab.port)(31337, proxy.url), keys):
            yield


def test_what_a_lagging_node_refuses_waits_with_growing_pauses_and_lands_when_it_has_caught_up(
    outbox: Outbox, lab: Lab
) -> None:
    lab.mine(3)
    head = lab.port.head().number
    first = outbox.enqueue(1)
    outbox.settle(first)
    assert outbox.row(first).status == SendStatus.FINAL
    second = outbox.enqueue(2)
    pauses = []
    with lagging(lab, head):
        for _ in range(10):
            outbox.send(second)
            row = outbox.row(second)
            assert row.status == SendStatus.WAITING and row.run_after is not None
            assert (row.reason or "").startswith("BatchOutOfOrder(expected=1, given=2): by a node that is behind")
            pauses.append(row.run_after - outbox.now)
            outbox.now = row.run_after
    assert outbox.heard(second) == [] and outbox.attempts(second) == []
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=1) and timedelta(seconds=5) < pauses[-1] <= timedelta(seconds=60)
    outbox.settle(second)
    assert outbox.row(second).status == SendStatus.FINAL and lab.landed() == 2


def test_what_a_block_refuses_that_may_be_undone_is_told_when_it_is_final(outbox: Outbox, lab: Lab) -> None:
    lab.mine(3)
    stranger = {"nonce": 0, "gas": 100_000, "maxFeePerGas": 20 * 10**9, "maxPriorityFeePerGas": 10**9}
    raw = lab.signer.sign_transaction(stranger | {"chainId": 31337, "to": COUNTER, "value": 0, "data": land(1)})
    lab.port.send_raw(raw)
    lab.mine()
    send_id = outbox.enqueue(1)
    outbox.send(send_id)
    row = outbox.row(send_id)
    assert (row.status, row.reason) == (
        SendStatus.WAITING,
        "BatchOutOfOrder(expected=2, given=1): not by a final block yet",
    )
    assert outbox.heard(send_id) == []
    lab.mine(2)
    outbox.wait(2)
    outbox.send(send_id)
    assert outbox.row(send_id).status == SendStatus.REVERTED
    assert outbox.reasons == ["BatchOutOfOrder(expected=2, given=1)"]


@pytest.mark.usefixtures("session")
def test_what_is_allowed_again_before_its_refusal_is_final_is_sent(anvil_lab: AnvilLab) -> None:
    with chain_running(anvil_lab) as outbox:
        anvil_lab.mine(3)
        anvil_lab.pause()
        send_id = outbox.enqueue(1, waits_on=())
        outbox.send(send_id)
        assert outbox.row(send_id).reason == "ScopePaused(scope=2): not by a final block yet"
        anvil_lab.unpause()
        outbox.settle(send_id)
        assert outbox.row(send_id).status == SendStatus.FINAL
