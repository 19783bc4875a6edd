"""Checkpoints of what is final, what they prove, and the worker's own comparisons."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from backend.accounts.models import Role
from backend.checkpoints import take, tasks
from backend.checkpoints.models import Checkpoint, IndexCheck
from backend.kit import clock, nudges
from backend.kit.db import unit_of_work
from indexer.rebuild import rebuild
from indexer.runner import Runner
from tests.factories.accounts import address_of, grant, make_key, signed_in
from tests.indexer.chainside import NETWORK
from tests.indexer.houseside import catch_up, checkpoint, proof_of


def run_checks():
    """Do what the worker does with the nudges that are due."""
    sent = []
    nudges.use(lambda task, subject: sent.append((task, subject)))
    tasks.sweep()
    nudges.use(nudges._nobody_listens)
    for task, subject in sent:
        {"checkpoints.compare": tasks.compare_one, "checkpoints.replay": tasks.replay_one}[task](UUID(subject))


def signed_in_admin():
    with unit_of_work() as session:
        address = address_of(make_key())
        grant(session, address, Role.ADMIN)
        return signed_in(session, address, clock.now())


def checks():
    with unit_of_work() as session:
        rows = session.query(IndexCheck).order_by(IndexCheck.id).all()
        return [(row.kind, row.status) for row in rows]


def test_what_is_not_final_is_in_no_checkpoint(index, chain, house, collection):
    index.job = replace(index.job, finality_depth=3)
    chain.anvil.mine(2)
    index.catch_up()
    final = index.cursor()[2]
    chain.move(collection, 65536, chain.people[9])
    chain.set_status(collection, 65537, 1)
    [late] = chain.mint(collection, chain.people[2])
    index.catch_up()
    made = checkpoint(index)
    assert final < made.block_number == chain.head() - 3
    assert proof_of(house, collection, 65536)["owner"].lower() == "0x" + chain.people[1].hex()
    assert proof_of(house, collection, 65537)["status"] == 0
    answer = house.get(f"/v1/collections/0x{collection.hex()}/tickets/{late}/proof")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_checkpoint")
    index.catch_up()
    chain.anvil.mine(4)
    index.catch_up()
    checkpoint(index)
    assert proof_of(house, collection, 65536)["owner"].lower() == "0x" + chain.people[9].hex()
    assert proof_of(house, collection, 65537)["status"] == 1
    assert proof_of(house, collection, late)["owner"].lower() == "0x" + chain.people[2].hex()


def test_a_checkpoint_grown_on_an_older_one_is_that_grown_from_nothing(index, chain, house, collection):
    roots = []
    for number in range(3):
        chain.move(collection, 65536 + number, chain.people[9])
        chain.mint(collection, chain.people[number])
        catch_up(index, chain)
        grown = checkpoint(index)
        with unit_of_work() as session:
            take.forget_trees(session, NETWORK)
        assert checkpoint(index) is None  # the same from nothing: nothing to say, and the trees are there again
        roots.append(grown.root)
        assert proof_of(house, collection, 65536)["root"] == "0x" + grown.root.hex()
    assert len(set(roots)) == 3


def test_a_checkpoint_is_taken_when_something_changed_and_not_before_its_time(index, chain, house, collection):
    catch_up(index, chain)
    taken = lambda: index.query("SELECT count(*) FROM checkpoints")[0][0]  # noqa: E731
    tasks.take_due()
    tasks.take_due()
    assert taken() == 1
    chain.move(collection, 65536, chain.people[9])
    catch_up(index, chain)
    tasks.take_due()
    assert taken() == 1
    with clock.frozen(clock.now() + timedelta(seconds=31)):
        tasks.take_due()
        assert taken() == 2
    chain.anvil.mine(20)
    index.catch_up()
    with clock.frozen(clock.now() + timedelta(seconds=90)):
        tasks.take_due()
    assert taken() == 2


def test_a_checkpoint_never_moves_back_and_never_changes(index, chain, house, collection):
    catch_up(index, chain)
    made = checkpoint(index)
    index.execute("UPDATE chain_cursors SET finalized_number = 3 WHERE name = 'facts'")
    assert checkpoint(index) is None
    with pytest.raises(Exception, match="permission denied"), unit_of_work() as session:
        session.query(Checkpoint).update({"root": bytes(32)})
    with pytest.raises(Exception, match="permission denied"), unit_of_work() as session:
        session.delete(session.get(Checkpoint, made.id))


def test_during_a_rebuild_no_checkpoint_is_taken(index, chain, house, collection):
    catch_up(index, chain)
    index.execute("UPDATE chain_cursors SET block_number = 0, block_hash = NULL WHERE name = 'facts'")
    assert checkpoint(index) is None
    tasks.take_due()
    assert index.query("SELECT count(*) FROM checkpoints") == [(0,)]


def test_the_worker_agrees_with_the_contracts_and_with_the_facts(index, chain, house, collection):
    catch_up(index, chain)
    tasks.take_due()
    run_checks()
    assert checks() == [("CONTRACTS", "AGREED"), ("REPLAY", "AGREED")]
    assert proof_of(house, collection, 65536)["compared"] == "AGREED"
    run_checks()
    assert len(checks()) == 2
    with clock.frozen(clock.now() + timedelta(hours=25)):
        run_checks()
    assert checks() == [("CONTRACTS", "AGREED"), ("REPLAY", "AGREED")] * 2


def test_the_worker_finds_a_mismatch_and_closes_it_when_it_is_repaired(index, chain, house, collection, command):
    catch_up(index, chain)
    index.execute("UPDATE holdings SET status = 1 WHERE token_id = 65537")
    index.execute("UPDATE holdings SET epoch = 9 WHERE token_id = 65538")
    tasks.take_due()
    run_checks()
    assert checks() == [("CONTRACTS", "MISMATCH"), ("REPLAY", "MISMATCH")]
    admin = signed_in_admin()
    told = house.get("/v1/admin/attention", headers=admin).json()
    assert {(one["machine"], one["state"]) for one in told} == {("index_check", "MISMATCH")}
    listed = house.get("/v1/admin/index-checks?status=MISMATCH", headers=admin).json()["items"]
    assert any("ticket 65537 of" in line for one in listed for line in one["findings"])
    assert 'backstage_index_mismatches{kind="CONTRACTS",network="eip155:31337"} 1.0' in house.get("/metrics").text
    command("rebuild", "--from-facts")
    for one in listed:
        answer = house.post(f"/v1/admin/index-checks/{one['id']}/repeat", headers=admin)
        assert answer.status_code == 202, answer.json()
    run_checks()
    assert "MISMATCH" not in dict(checks()).values()
    assert checks().count(("CONTRACTS", "REPAIRED")) == 1
    assert house.get("/v1/admin/attention", headers=admin).json() == []


def test_verify_closes_what_was_open(index, chain, house, collection, command):
    catch_up(index, chain)
    index.execute("UPDATE holdings SET status = 1 WHERE token_id = 65537")
    tasks.take_due()
    run_checks()
    assert command("verify")[0] == 6
    assert ("REPLAY", "MISMATCH") in checks()
    command("rebuild", "--from-facts")
    assert command("verify")[0] == 0
    assert {status for _, status in checks()} <= {"REPAIRED", "DUE", "PASSED_OVER"}


def test_a_node_that_does_not_answer_is_no_mismatch(index, chain, house, collection):
    catch_up(index, chain)
    tasks.take_due()
    index.execute("UPDATE checkpoints SET block_hash = decode(repeat('66', 32), 'hex')")
    with pytest.raises(Exception, match="does not answer for this block"):
        run_checks()
    assert ("CONTRACTS", "DUE") in checks()
    [[error]] = index.query("SELECT last_error FROM index_checks WHERE kind = 'CONTRACTS'")
    assert error


def test_a_check_is_run_once_however_often_it_is_nudged(index, chain, house, collection):
    catch_up(index, chain)
    tasks.take_due()
    [[check_id]] = index.query("SELECT id FROM index_checks")
    tasks.compare_one(check_id)
    before = index.query("SELECT status, status_since FROM index_checks")
    tasks.compare_one(check_id)
    assert index.query("SELECT status, status_since FROM index_checks") == before


def test_a_checkpoint_can_be_asked_for(index, chain, house, collection):
    admin = signed_in_admin()
    assert house.post("/v1/admin/checkpoints", headers=admin).json()["error"]["code"] == "nothing_to_take"
    catch_up(index, chain)
    made = house.post("/v1/admin/checkpoints", headers=admin)
    assert made.status_code == 201, made.json()
    assert house.get("/v1/checkpoints").json()["items"] == [made.json()]
    assert house.post("/v1/admin/checkpoints", headers=admin).json()["error"]["code"] == "nothing_to_take"
    assert (
        house.post(f"/v1/admin/index-checks/{'0' * 8}-0000-7000-8000-{'0' * 12}/repeat", headers=admin).json()["error"][
            "code"
        ]
        == "check_unknown"
    )


def test_what_has_no_proof_is_said(index, chain, house, collection):
    path = f"/v1/collections/0x{collection.hex()}/tickets"
    assert house.get(f"{path}/65536/proof").json()["error"]["code"] == "no_checkpoint"
    catch_up(index, chain)
    checkpoint(index)
    assert house.get(f"{path}/99/proof").json()["error"]["code"] == "no_checkpoint"
    assert house.get(f"/v1/collections/0x{'66' * 20}/tickets/65536/proof").json()["error"]["code"] == "no_checkpoint"
    index.execute("DELETE FROM checkpoint_trees")
    assert house.get(f"{path}/65536/proof").json()["error"]["code"] == "proof_not_ready"


def test_two_at_once_take_one_checkpoint(index, chain, house, collection):
    catch_up(index, chain)
    with unit_of_work() as one, unit_of_work() as other:
        assert take.take(one, NETWORK, clock.now()) is not None
        assert take.take(other, NETWORK, clock.now()) is None
    assert index.query("SELECT count(*) FROM checkpoints") == [(1,)]


def test_an_index_that_is_rebuilt_can_prove_the_same(index, chain, house, collection):
    catch_up(index, chain)
    before = checkpoint(index).root
    with clock.frozen(clock.now() + timedelta(seconds=99)):
        assert rebuild(Runner(index.job)).same
    assert index.query("SELECT root FROM checkpoints") == [(before,)]
    assert proof_of(house, collection, 65536)["root"] == "0x" + before.hex()
