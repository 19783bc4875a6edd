"""A worker that dies at any step: the next one sends the same bytes, once, and leaves no hole in the nonces."""

from collections.abc import Callable
from typing import Any

import pytest

from backend.chain import claimed, registry
from backend.chain import send as sending
from backend.chain.models import AttemptStatus, SendStatus
from tests.factories.chain import NETWORK, Lab, Outbox


class Killed(BaseException):
    """As kill -9: nothing in our code may catch it."""


def _dies(*_: Any) -> None:
    raise Killed


def _dies_after(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any) -> None:
        function(*args)
        raise Killed

    return run


class _Wrapped:
    """A port whose `send_raw` dies before or after the bytes have left."""

    def __init__(self, port: Any, *, sends: bool) -> None:
        self._port, self._sends = port, sends

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def send_raw(self, raw: bytes) -> bytes:
        if self._sends:
            self._port.send_raw(raw)
        raise Killed


_STEPS = {
    "after the nonce is allotted": ("_sign", _dies, AttemptStatus.ALLOTTED),
    "after signing": ("_store", _dies, AttemptStatus.ALLOTTED),
    "after storing": ("hand_over", _dies, AttemptStatus.SIGNED),
    "before the acknowledgement": ("_acknowledge", _dies, AttemptStatus.SIGNED),
    "after the acknowledgement": ("_acknowledge", _dies_after(sending._acknowledge), AttemptStatus.BROADCAST),
}


@pytest.mark.parametrize("step", _STEPS)
def test_a_worker_that_dies_sends_the_same_bytes_again(
    outbox: Outbox, lab: Lab, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    name, dying, left_behind = _STEPS[step]
    send_id = outbox.enqueue(1)
    with monkeypatch.context() as patch:
        patch.setattr(sending, name, dying)
        with pytest.raises(Killed):
            outbox.send(send_id)
    [before] = outbox.attempts(send_id)
    assert before.status == left_behind
    _then_all_is_well(outbox, lab, send_id, before.raw)


@pytest.mark.parametrize("sends", [False, True], ids=["before the bytes leave", "after the bytes left"])
def test_a_worker_that_dies_while_sending_sends_the_same_bytes_again(outbox: Outbox, lab: Lab, sends: bool) -> None:
    send_id = outbox.enqueue(1)
    wrapped: Any = _Wrapped(lab.port, sends=sends)
    with registry.replaced(NETWORK, wrapped, {}), pytest.raises(Killed):
        outbox.send(send_id)
    [before] = outbox.attempts(send_id)
    assert before.status == AttemptStatus.SIGNED
    _then_all_is_well(outbox, lab, send_id, before.raw)


@pytest.mark.parametrize("is_mined", [False, True], ids=["still in the pool", "mined meanwhile"])
def test_bytes_that_were_sent_before_the_crash_are_not_sent_as_others(outbox: Outbox, lab: Lab, is_mined: bool) -> None:
    send_id = outbox.enqueue(1)
    wrapped: Any = _Wrapped(lab.port, sends=True)
    with registry.replaced(NETWORK, wrapped, {}), pytest.raises(Killed):
        outbox.send(send_id)
    if is_mined:
        lab.mine()
    _then_all_is_well(outbox, lab, send_id, outbox.attempts(send_id)[0].raw)


def test_while_the_dead_workers_lease_runs_nobody_else_touches_the_send(
    outbox: Outbox, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_id = outbox.enqueue(1)
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_store", _dies)
        with pytest.raises(Killed):
            outbox.send(send_id)
    outbox.wait(5)
    outbox.send(send_id)
    assert outbox.attempts(send_id)[0].status == AttemptStatus.ALLOTTED
    outbox.wait(claimed.LEASE_SECONDS)
    outbox.send(send_id)
    assert outbox.attempts(send_id)[0].status == AttemptStatus.BROADCAST


def test_a_worker_that_was_only_slow_finds_its_lease_gone_and_sends_nothing(
    outbox: Outbox, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_id = outbox.enqueue(1)
    sign = sending._sign

    def slow(*args: Any) -> Any:
        signed = sign(*args)
        monkeypatch.setattr(sending, "_sign", sign)
        outbox.wait(claimed.LEASE_SECONDS + 1)
        outbox.send(send_id)  # another worker takes over while we sign
        return signed

    monkeypatch.setattr(sending, "_sign", slow)
    outbox.send(send_id)
    [attempt] = outbox.attempts(send_id)
    assert attempt.status == AttemptStatus.BROADCAST
    _then_all_is_well(outbox, lab, send_id, attempt.raw)


def _then_all_is_well(outbox: Outbox, lab: Lab, send_id: Any, raw: bytes | None) -> None:
    outbox.settle(send_id)
    assert outbox.row(send_id).status == SendStatus.FINAL
    [attempt] = outbox.attempts(send_id)
    assert attempt.status == AttemptStatus.FINAL and attempt.nonce == 0
    assert raw is None or attempt.raw == raw
    assert lab.landed() == 1
    # One transaction, and none waiting behind a hole.
    assert lab.port.nonce(lab.signer.address) == lab.port.nonce(lab.signer.address, "pending") == 1
    assert outbox.heard(send_id) == ["SendMined", "SendFinal"]
