"""The outbox on several endpoints that fail in turn: what is sent once lands once, and is final when two say so."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy.orm import Session

from backend.chain.evm import pool, wire
from backend.chain.evm.client import EvmChain
from backend.chain.models import SendStatus
from backend.chain.port import ChainUnreachable
from scripts.machine.anvil import Anvil
from tests.factories.chain import AnvilLab, Outbox, running
from tests.simulators import rpc
from tests.simulators.rpc import RpcProxy, faults


@pytest.fixture
def proxies(anvil: Anvil) -> Iterator[list[RpcProxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(rpc.running(anvil.url)) for _ in range(3)]


@pytest.fixture
def shared(
    session: Session, anvil: Anvil, proxies: list[RpcProxy], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Outbox]:
    monkeypatch.setattr(pool, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(wire, "_READ_SECONDS", 1.0)
    lab = AnvilLab(anvil)
    lab.port = EvmChain(31337, [proxy.url for proxy in proxies])
    with running(lab) as box:
        yield box


def _tries(box: Outbox, send_id: object, rounds: int = 6) -> None:
    """Let worker and chain go on; a look that fails is one lost turn."""
    for _ in range(rounds):
        for step in (box.send, box.watch):
            box.wait(40)
            try:
                step(send_id)  # type: ignore[arg-type]
            except ChainUnreachable:
                continue
        box.lab.mine()


def test_a_call_lands_once_while_endpoints_die_in_turn(shared: Outbox, proxies: list[RpcProxy]) -> None:
    send_id = shared.enqueue(1)
    troubles = [faults.lost_answer, faults.dead, faults.garbage, faults.failing(500), faults.limited(None)]
    for turn, trouble in enumerate(troubles):
        for place, proxy in enumerate(proxies):
            proxy.fault = trouble if place == turn % 3 else None
        _tries(shared, send_id, rounds=1)
    for proxy in proxies:
        proxy.fault = None
    _tries(shared, send_id)
    assert shared.row(send_id).status == SendStatus.FINAL
    assert shared.lab.landed() == 1 and {one.nonce for one in shared.attempts(send_id)} == {0}
    assert shared.heard(send_id) == ["SendMined", "SendFinal"]


def test_no_nonce_is_allotted_while_no_endpoint_answers(shared: Outbox, proxies: list[RpcProxy]) -> None:
    send_id = shared.enqueue(1)
    for proxy in proxies:
        proxy.fault = faults.dead
    _tries(shared, send_id, rounds=2)
    assert shared.attempts(send_id) == []
    for proxy in proxies:
        proxy.fault = None
    _tries(shared, send_id)
    assert shared.row(send_id).status == SendStatus.FINAL
    assert shared.lab.landed() == 1 and {one.nonce for one in shared.attempts(send_id)} == {0}


def test_a_send_is_mined_but_never_final_on_one_word(shared: Outbox, proxies: list[RpcProxy]) -> None:
    proxies[1].fault = proxies[2].fault = faults.dead
    send_id = shared.enqueue(1)
    _tries(shared, send_id)
    assert shared.row(send_id).status == SendStatus.MINED
    proxies[2].fault = None
    _tries(shared, send_id)
    assert shared.row(send_id).status == SendStatus.FINAL and shared.heard(send_id) == ["SendMined", "SendFinal"]


def test_a_receipt_one_endpoint_invented_never_makes_a_send_final(
    shared: Outbox, proxies: list[RpcProxy], anvil: Anvil
) -> None:
    shared.lab.mine(3)
    send_id = shared.enqueue(1)
    shared.send(send_id)
    shared.lab.forget_pool()  # type: ignore[attr-defined]
    head = EvmChain(31337, anvil.url).head()
    proxies[0].fault = faults.forged_receipts(
        blockNumber=hex(head.number), blockHash="0x" + head.hash.hex(), logs=[], effectiveGasPrice="0x1"
    )
    shared.watch(send_id)
    assert shared.row(send_id).status == SendStatus.MINED, "a block of ours, and one node's word"
    shared.lab.mine(5)
    for _ in range(4):
        shared.wait(40)
        try:
            shared.watch(send_id)
        except ChainUnreachable:
            continue
    assert "SendFinal" not in shared.heard(send_id)
    _tries(shared, send_id)
    assert shared.row(send_id).status == SendStatus.FINAL and shared.lab.landed() == 1
    assert shared.lab.port.pool.endpoints[0].health.bench_reason == "other_content_of_final_block"  # type: ignore[attr-defined]


def test_an_endpoint_that_swallows_bytes_does_not_stop_them(shared: Outbox, proxies: list[RpcProxy]) -> None:
    proxies[0].fault = faults.swallowed
    send_id = shared.enqueue(1)
    _tries(shared, send_id)
    assert shared.row(send_id).status == SendStatus.FINAL
    assert shared.lab.landed() == 1 and len(shared.attempts(send_id)) == 1


def test_an_endpoint_that_stands_still_is_not_believed(shared: Outbox, proxies: list[RpcProxy]) -> None:
    shared.lab.mine(5)
    send_id = shared.enqueue(1)
    shared.send(send_id)
    proxies[0].fault = faults.stale(EvmChain(31337, proxies[0].node_url).head().number)
    shared.lab.mine(4)
    shared.watch(send_id)
    shared.lab.mine(3)
    _tries(shared, send_id, rounds=3)
    assert shared.row(send_id).status == SendStatus.FINAL
    assert shared.lab.landed() == 1 and {one.nonce for one in shared.attempts(send_id)} == {0}
