"""Two workers at once, on real connections; beside each race a control that shows the race is real."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.chain import send as sending
from backend.chain import signers
from backend.chain.models import ChainSend, ChainSigner
from backend.kit import jobs
from backend.kit.db import unit_of_work
from tests.factories.chain import NETWORK, ROLE, FakeLab, Outbox, running

WORKERS = 4


@pytest.fixture
def racing(fresh_database: Any) -> Iterator[Outbox]:
    with running(FakeLab()) as box:
        yield box


def _allot_at_once(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let several transactions take a nonce at the same moment, each dawdling between reading and writing."""
    address = outbox.lab.signer.address
    signers.enroll(outbox.lab.port, NETWORK, ROLE, address)
    barrier = Barrier(WORKERS)
    read = signers._locked

    def dawdle(session: Session, network: str, address: bytes) -> ChainSigner:
        row = read(session, network, address)
        time.sleep(0.1)
        return row

    monkeypatch.setattr(signers, "_locked", dawdle)

    def work(_: int) -> int:
        barrier.wait(timeout=10)
        with unit_of_work() as session:
            return signers.allot(session, NETWORK, address, 0)

    with ThreadPoolExecutor(WORKERS) as pool:
        return sorted(pool.map(work, range(WORKERS)))


def test_workers_that_allot_at_once_get_nonces_in_a_row(racing: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _allot_at_once(racing, monkeypatch) == [0, 1, 2, 3]


def test_control_without_the_lock_one_nonce_is_allotted_twice(racing: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlocked(session: Session, network: str, address: bytes) -> ChainSigner:
        query = select(ChainSigner).where(ChainSigner.network == network, ChainSigner.address == address)
        return session.scalars(query).one()

    monkeypatch.setattr(signers, "_locked", unlocked)
    nonces = _allot_at_once(racing, monkeypatch)
    assert len(set(nonces)) < WORKERS


def _send_at_once(outbox: Outbox) -> list[BaseException]:
    send_id = outbox.enqueue(1)
    barrier = Barrier(WORKERS)

    def work(_: int) -> BaseException | None:
        barrier.wait(timeout=10)
        try:
            sending.send(send_id)
        except IntegrityError as error:
            return error
        return None

    with ThreadPoolExecutor(WORKERS) as pool:
        return [error for error in pool.map(work, range(WORKERS)) if error is not None]


def _next_nonce() -> int:
    with unit_of_work() as session:
        return session.scalars(select(ChainSigner.next_nonce)).one()


def test_workers_that_run_one_send_at_once_use_one_nonce(racing: Outbox) -> None:
    assert _send_at_once(racing) == []
    assert _next_nonce() == 1
    racing.lab.mine()
    assert racing.lab.port.nonce(racing.lab.signer.address) == 1


def test_control_without_the_lease_one_send_uses_several_nonces(
    racing: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Barrier(WORKERS)

    def claim(session: Session, model: Any, send_id: Any, *_: Any) -> ChainSend:
        row = session.get_one(ChainSend, send_id)
        row.lease_id = row.lease_id or row.id
        together.wait(20)  # nobody goes on before all have seen the send without a nonce
        return row

    monkeypatch.setattr(jobs, "claim", claim)
    monkeypatch.setattr(jobs, "held", lambda session, model, key, _: session.get_one(model, key))
    monkeypatch.setattr(jobs, "release", lambda _: None)
    _send_at_once(racing)
    assert _next_nonce() > 1


def test_workers_that_run_many_sends_at_once_leave_no_hole(racing: Outbox) -> None:
    sends = [racing.enqueue(number) for number in range(1, 9)]
    for _ in range(12):
        racing.wait(2)
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(sending.send, sends))
    racing.lab.mine()
    used = sorted(attempt.nonce for send_id in sends for attempt in racing.attempts(send_id))
    assert used == list(range(len(sends)))
    assert racing.lab.landed() == len(sends)


def test_signers_enrolled_at_once_are_one_row(racing: Outbox) -> None:
    barrier = Barrier(WORKERS)

    def work(_: int) -> None:
        barrier.wait(timeout=10)
        signers.enroll(racing.lab.port, NETWORK, ROLE, racing.lab.signer.address)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))
    assert _next_nonce() == 0
