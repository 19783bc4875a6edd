"""A rotated key: what it has not signed the new one signs, what it has signed is watched until it cannot land."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from sqlalchemy.orm import Session

from backend.chain import claimed, gauges, outbox, registry, tasks
from backend.chain import send as sending
from backend.chain.evm.signers import LocalSigner
from backend.chain.fake import FakeSigner
from backend.chain.models import AttemptStatus as A
from backend.chain.models import ChainSend, SendStatus
from backend.chain.port import Signer
from backend.kit.db import unit_of_work
from tests.chain.test_gaps import fills, look
from tests.factories.chain import COUNTER, NETWORK, PURPOSE, ROLE, FakeLab, Lab, Outbox, running


@pytest.fixture
def new(lab: Lab) -> Signer:
    """The key that takes over."""
    if isinstance(lab, FakeLab):
        return FakeSigner("new")
    key = LocalSigner(Account.from_key(keccak(text="the new key of the tests")))
    lab.port.balance(key.address)
    getattr(lab, "node").fund("0x" + key.address.hex(), 10**18)  # noqa: B009 - only the real laboratory has a node
    return key


@pytest.fixture
def box(session: Session, lab: Lab, new: Signer) -> Iterator[Outbox]:
    with running(lab) as box, registry.replaced(NETWORK, lab.port, {ROLE: [lab.signer, new]}):
        yield box


def ask(box: Outbox, number: int = 1) -> UUID:
    """Enqueue for the old key, as the contract has it."""
    return box.enqueue(number, signer=box.lab.signer.address)


def rotate(box: Outbox, new: Signer, since: int | None = None) -> int:
    """The contract's log is final: it takes these calls from `new` alone."""
    with unit_of_work() as session:
        block = box.lab.port.finalized().number if since is None else since
        return outbox.assign(session, NETWORK, COUNTER, [PURPOSE], new.address, block, box.now)


def without_old_key(box: Outbox, new: Signer) -> Any:
    return registry.replaced(NETWORK, box.lab.port, {ROLE: [new]})


def crash(box: Outbox, send_id: UUID, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A worker dies before `step`."""

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sending, step, dies)
        with pytest.raises(KeyboardInterrupt):
            box.send(send_id)
    box.wait(claimed.LEASE_SECONDS + 1)


def signed_by(box: Outbox, send_id: UUID) -> list[tuple[str, bytes, int]]:
    return [(one.status, one.signer, one.nonce) for one in box.attempts(send_id)]


def gap_counts(box: Outbox) -> dict[str, float]:
    with unit_of_work() as session:
        return {key: count for (_, _, key), count in gauges.nonce_gaps(session).items()}


def answer(box: Outbox, send_id: UUID, happened: bool = False) -> None:
    """The asker has asked the chain."""
    with unit_of_work() as session:
        outbox.settle_unknown(session, send_id, happened, box.now)


def test_what_waits_is_signed_by_the_new_key(box: Outbox, lab: Lab, new: Signer) -> None:
    lab.pause()
    send_id = ask(box)
    box.send(send_id)
    assert box.row(send_id).status == SendStatus.WAITING
    assert rotate(box, new) == 1
    lab.unpause()
    box.settle(send_id)
    assert signed_by(box, send_id) == [(A.FINAL, new.address, 0)]
    assert lab.landed() == 1


@pytest.mark.parametrize("key_stays", [True, False], ids=["old key here", "old key gone"])
def test_a_nonce_without_bytes_is_given_up_and_the_call_signed_by_the_new_key(
    box: Outbox, lab: Lab, new: Signer, monkeypatch: pytest.MonkeyPatch, key_stays: bool
) -> None:
    old = lab.signer.address
    send_id = ask(box)
    crash(box, send_id, monkeypatch, "_sign")
    rotate(box, new)
    with registry.replaced(NETWORK, lab.port, {ROLE: [lab.signer, new] if key_stays else [new]}):
        box.settle(send_id)
        assert signed_by(box, send_id) == [(A.DROPPED, old, 0), (A.FINAL, new.address, 0)]
        look(box, 3)
        # Its key is here: the gap is filled. Its key is gone: nothing is behind it, and nobody is alarmed.
        assert len(fills()) == int(key_stays)
        assert gap_counts(box)["0x" + old.hex()] == 0
        for fill in fills():
            box.settle(fill.id)
            assert box.row(fill.id).status == SendStatus.FINAL
    assert lab.landed() == 1


def test_a_gap_with_bytes_of_another_call_behind_it_is_shown_while_the_key_is_gone(
    box: Outbox, lab: Lab, new: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(box)
    crash(box, first, monkeypatch, "_sign")
    with unit_of_work() as session:  # to another contract, where the old key stays what it is
        elsewhere = outbox.enqueue(
            session, NETWORK, ROLE, b"\x0e" * 20, b"", PURPOSE, UUID(int=9), box.now, signer=lab.signer.address
        ).id
    box.send(elsewhere)
    rotate(box, new)
    assert box.row(elsewhere).signer == lab.signer.address
    with without_old_key(box, new):
        box.settle(first)
        look(box, 3)
        assert fills() == []
        assert gap_counts(box)["0x" + lab.signer.address.hex()] == 1
    look(box, 2)
    [fill] = fills()
    box.settle(fill.id)
    box.settle(elsewhere)
    assert box.row(elsewhere).status == SendStatus.FINAL
    assert lab.landed() == 1


@pytest.mark.parametrize("step", ["hand_over", None], ids=["signed", "broadcast"])
def test_bytes_that_cannot_land_any_more_are_given_up_and_the_asker_asks_the_chain(
    box: Outbox, lab: Lab, new: Signer, monkeypatch: pytest.MonkeyPatch, step: str | None
) -> None:
    lab.mine(5)
    send_id = ask(box)
    if step is None:
        box.send(send_id)
        lab.forget_pool()
    else:
        crash(box, send_id, monkeypatch, step)
    rotate(box, new)
    with without_old_key(box, new):
        box.send(send_id)
        box.watch(send_id)
        assert box.row(send_id).status == SendStatus.UNKNOWN
        assert box.heard(send_id) == ["SendUnknown"]
        answer(box, send_id)
        box.settle(send_id)
    assert signed_by(box, send_id) == [(A.DROPPED, lab.signer.address, 0), (A.FINAL, new.address, 0)]
    assert lab.landed() == 1


def test_bytes_of_the_old_key_that_landed_before_are_found_and_nothing_is_sent_again(
    box: Outbox, lab: Lab, new: Signer
) -> None:
    send_id = ask(box)
    box.send(send_id)
    lab.mine(5)
    rotate(box, new)
    with without_old_key(box, new):
        box.settle(send_id)
    assert signed_by(box, send_id) == [(A.FINAL, lab.signer.address, 0)]
    assert box.heard(send_id) == ["SendMined", "SendFinal"]


def test_nothing_is_given_up_before_the_rotation_is_final_for_the_node_that_is_asked(
    box: Outbox, lab: Lab, new: Signer
) -> None:
    lab.mine(5)
    send_id = ask(box)
    box.send(send_id)
    lab.forget_pool()
    rotate(box, new, since=lab.port.finalized().number + 3)
    with without_old_key(box, new):
        box.watch(send_id)
        assert box.row(send_id).status == SendStatus.SENDING
        assert box.heard(send_id) == []
        lab.forget_pool()
        lab.mine(3)
        box.watch(send_id)
    assert box.row(send_id).status == SendStatus.UNKNOWN


def test_no_higher_offer_is_made_without_the_key_and_the_bytes_that_are_out_may_still_land(
    box: Outbox, lab: Lab, new: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_id = ask(box)
    box.send(send_id)
    box.wait(60)
    with without_old_key(box, new):
        box.watch(send_id)
        assert box.row(send_id).reason == f"signer_missing: minter 0x{lab.signer.address.hex()}"
    assert [one.status for one in box.attempts(send_id)] == [A.BROADCAST]
    # The key goes between the offer and its signature: the offer is taken back.
    box.watch(send_id)
    assert [one.status for one in box.attempts(send_id)] == [A.REPLACED, A.ALLOTTED]
    with without_old_key(box, new):
        box.send(send_id)
        assert [one.status for one in box.attempts(send_id)] == [A.BROADCAST, A.REPLACED]
        box.settle(send_id)
    assert [one.status for one in box.attempts(send_id)] == [A.FINAL, A.REPLACED]
    assert lab.landed() == 1


def test_rotated_back_the_old_bytes_and_the_new_cannot_both_count(box: Outbox, lab: Lab, new: Signer) -> None:
    send_id = ask(box)
    box.send(send_id)
    raw = box.attempts(send_id)[0].raw or b""
    lab.forget_pool()
    rotate(box, new)
    box.watch(send_id)
    answer(box, send_id)
    rotate(box, lab.signer, since=lab.port.finalized().number)
    box.send(send_id)
    lab.port.send_raw(raw)  # somebody hands the old bytes over after all
    box.settle(send_id)
    assert lab.landed() == 1
    assert box.row(send_id).status in {SendStatus.FINAL, SendStatus.REVERTED}


def test_an_older_word_about_the_key_changes_nothing(box: Outbox, lab: Lab, new: Signer) -> None:
    send_id = ask(box)
    assert rotate(box, new, since=7) == 1
    assert rotate(box, lab.signer, since=6) == 0
    assert rotate(box, new, since=9) == 0
    assert box.row(send_id).signer == new.address


def test_a_nonce_given_up_can_be_withdrawn_and_signed_bytes_cannot(
    box: Outbox, lab: Lab, new: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsigned, sent = ask(box, 1), ask(box, 2)
    crash(box, unsigned, monkeypatch, "_sign")
    rotate(box, new)
    lab.pause()
    box.send(unsigned)
    assert box.row(unsigned).status == SendStatus.WAITING
    lab.unpause()
    with unit_of_work() as session:
        assert outbox.cancel(session, unsigned, box.now)
        session.get_one(ChainSend, sent).data = b"land" + (1).to_bytes(32)
    box.send(sent)
    with unit_of_work() as session:
        assert not outbox.cancel(session, sent, box.now)


def test_calls_to_one_contract_by_two_keys_keep_their_order(box: Outbox, lab: Lab, new: Signer) -> None:
    """The network keeps no order between keys: what comes after another key's call is tried before it is sent."""
    first = ask(box, 1)
    box.send(first)
    with unit_of_work() as session:
        second = outbox.enqueue(
            session,
            NETWORK,
            ROLE,
            COUNTER,
            b"land" + (2).to_bytes(32),
            PURPOSE,
            UUID(int=2),
            box.now,
            gas_limit=100_000,
            signer=new.address,
        ).id
    lab.forget_pool()
    box.send(second)
    assert box.attempts(second) == []
    box.settle(first)
    box.settle(second)
    assert lab.landed() == 2
    assert [box.attempts(one)[0].nonce for one in (first, second)] == [0, 0]


def test_a_sweep_watches_signed_bytes_that_must_not_be_handed_over(
    box: Outbox, new: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.kit import nudges

    send_id = ask(box)
    crash(box, send_id, monkeypatch, "hand_over")
    nudged: list[tuple[str, str]] = []
    monkeypatch.setattr(nudges, "_send", lambda task, subject: nudged.append((task, subject)))
    tasks.sweep()
    rotate(box, new)
    nudged.remove(("chain.send", str(send_id)))
    nudged.clear()
    tasks.sweep()
    assert nudged == [("chain.watch", str(send_id))]
