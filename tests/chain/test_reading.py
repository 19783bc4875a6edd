"""What a log reader stands on: subscriptions, manifests, and figures about the outbox."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from sqlalchemy import select

from backend.chain import gauges, onlog, tasks, unsigned
from backend.chain.deployments import NotDeployed, deployment
from backend.chain.models import ChainSigner
from backend.chain.onlog import Registry, Watch
from backend.chain.signers import look
from backend.kit import nudges
from backend.kit.db import unit_of_work
from tests.factories.chain import COUNTER, NETWORK, AnvilLab, FakeLab, Lab, Outbox, land, running

A, B = b"\xaa" * 20, b"\xbb" * 20


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Registry:
    empty = Registry()
    monkeypatch.setattr(onlog, "registered", empty)
    return empty


def test_handlers_are_kept_by_moment_in_order(registered: Registry) -> None:
    @onlog.on_log("TicketCollection", "Transfer", "StatusChanged")
    def seen(session: Any, network: Any, logs: Any) -> None: ...

    @onlog.when_final("CollectionFactory", "CollectionDeployed")
    def final(session: Any, network: Any, logs: Any) -> None: ...

    @onlog.on_undo
    def undo(session: Any, network: Any, from_block: Any, touched: Any) -> None: ...

    assert [(s.contract, s.events, s.handle) for s in registered.seen] == [
        ("TicketCollection", ("Transfer", "StatusChanged"), seen)
    ]
    assert [s.handle for s in registered.final] == [final]
    assert registered.undo == [undo]
    assert registered.final[0].name.endswith("final")


def test_a_contract_named_twice_is_watched_from_the_earlier_block(registered: Registry) -> None:
    onlog.watches(lambda *_: [Watch("TicketCollection", A, 9), Watch("BKS", B, 1)])
    onlog.watches(lambda *_: [Watch("TicketCollection", A, 4)])
    nobody: Any = None
    found = onlog.watched_addresses(nobody, NETWORK)
    assert found == {A: Watch("TicketCollection", A, 4), B: Watch("BKS", B, 1)}


def _manifest(tmp_path: Path, network: str = NETWORK) -> None:
    contracts = {
        "CollectionFactory": {"address": "0x" + A.hex(), "block": 2},
        "TicketCollection": {"address": "0x" + B.hex(), "version": 1},
    }
    manifest = {"network": network, "deployed_at_block": 1, "contracts": contracts}
    (tmp_path / "eip155-31337.json").write_text(json.dumps(manifest))


def test_a_manifest_says_where_contracts_live(tmp_path: Path) -> None:
    _manifest(tmp_path)
    found = deployment(NETWORK, tmp_path)
    assert found.address("CollectionFactory") == A and found.blocks["CollectionFactory"] == 2
    assert found.versions == {"TicketCollection": 1} and found.blocks["TicketCollection"] == 1
    with pytest.raises(NotDeployed):
        found.address("BKS")


def test_a_missing_manifest_or_one_of_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotDeployed):
        deployment(NETWORK, tmp_path)
    _manifest(tmp_path, network="eip155:56")
    with pytest.raises(NotDeployed, match="eip155:56"):
        deployment(NETWORK, tmp_path)


def test_the_gauges_tell_of_open_sends_balances_and_holes(fake_outbox: Outbox) -> None:
    sent, waiting = fake_outbox.enqueue(1), fake_outbox.enqueue(3)
    fake_outbox.send(sent)
    fake_outbox.send(waiting)
    fake_outbox.wait(60)
    look(lambda _: fake_outbox.lab.port)
    address = "0x" + fake_outbox.lab.signer.address.hex()
    with unit_of_work() as session:
        assert gauges.sends(session) == {(NETWORK, "SENDING"): 1.0, (NETWORK, "QUEUED"): 1.0}
        assert gauges.send_age(session) == {(NETWORK, "SENDING"): 60.0, (NETWORK, "QUEUED"): 60.0}
        assert gauges.signer_balance(session)[NETWORK, "minter", address] > 0
        assert gauges.nonce_gaps(session) == {(NETWORK, "minter", address): 0.0}
        # A nonce nobody holds: what should never happen is seen when it does.
        session.scalars(select(ChainSigner)).one().next_nonce += 1
    with unit_of_work() as session:
        assert gauges.nonce_gaps(session) == {(NETWORK, "minter", address): 1.0}


def test_a_chain_that_was_reset_shows_as_holes(fake_outbox: Outbox) -> None:
    fake_outbox.settle(fake_outbox.enqueue(1))
    fake_outbox.wait(60)
    with running(FakeLab()) as afresh:
        afresh.now = fake_outbox.now
        look(lambda _: afresh.lab.port)
    with unit_of_work() as session:
        assert list(gauges.nonce_gaps(session).values()) == [1.0]


def test_the_sweeper_finds_what_lost_its_nudge(fake_outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []
    first, second = fake_outbox.enqueue(1), fake_outbox.enqueue(2)
    fake_outbox.send(first)
    monkeypatch.setattr(nudges, "_send", lambda task, subject: sent.append((task, subject)))
    tasks.sweep()
    assert sorted(sent) == [("chain.send", str(second)), ("chain.watch", str(first))]
    fake_outbox.settle(first)
    fake_outbox.settle(second)
    sent.clear()
    tasks.sweep()
    assert sent == []


def test_an_unsigned_transaction_needs_only_the_wallets_signature(anvil_lab: AnvilLab) -> None:
    wallet = Account.create()
    sender = bytes.fromhex(wallet.address[2:])
    anvil_lab.node.fund(wallet.address, 10**18)
    transaction = unsigned.transaction_for_wallet(anvil_lab.port, sender, COUNTER, land(1))
    assert all(isinstance(value, str) and value.startswith("0x") for value in transaction.values())
    raw = wallet.sign_transaction({key: value for key, value in transaction.items() if key != "from"}).raw_transaction
    anvil_lab.port.send_raw(bytes(raw))
    anvil_lab.mine()
    assert anvil_lab.landed() == 1


def test_a_transaction_the_contract_would_refuse_is_not_handed_out(lab: Lab) -> None:
    with pytest.raises(unsigned.CallWouldRevert) as refused:
        unsigned.transaction_for_wallet(lab.port, lab.signer.address, COUNTER, land(4))
    assert refused.value.details["reason"] == "BatchOutOfOrder"
