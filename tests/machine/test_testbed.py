"""The servers of the tests are real, keep what they must when they are killed, and leave nothing behind."""

import json
import os
import time
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from scripts.machine import layout, pairing, processes, testbed, unprivileged
from scripts.machine.anvil import Anvil, rpc
from scripts.machine.postgres import Postgres
from scripts.machine.trouble import Trouble


@pytest.fixture(scope="module")
def cluster():
    with testbed.postgres() as running:
        yield running


def test_the_roles_own_nothing_but_the_owners_database(cluster):
    with psycopg.connect(cluster.url("postgres")) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication FROM pg_roles"
            " WHERE rolname LIKE 'backstage%' ORDER BY 1",
        ).fetchall()
        owner = connection.execute(
            "SELECT rolname FROM pg_database JOIN pg_roles r ON r.oid = datdba WHERE datname = 'backstage'",
        ).fetchone()
    assert roles == [("backstage_app", False), ("backstage_index", False), ("backstage_owner", False)]
    assert owner == ("backstage_owner",)


@pytest.mark.parametrize("role", ["backstage_app", "backstage_index"])
def test_the_working_roles_cannot_make_tables(cluster, role):
    with psycopg.connect(cluster.url(role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE mine (id int)")


def test_a_wrong_password_is_refused(cluster):
    url = cluster.url("backstage_app").replace(cluster.passwords["backstage_app"], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url)


def test_a_copied_database_has_the_same_owner_and_the_same_doors(cluster):
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        testbed.copy_database("copied", "backstage", connection.execute)
    with psycopg.connect(cluster.url("backstage_owner", "copied")) as connection:
        connection.execute("CREATE TABLE theirs (id int)")
    with psycopg.connect(cluster.url("backstage_app", "copied")):
        pass
    with pytest.raises(Trouble):
        testbed.copy_database("x; DROP DATABASE backstage", "backstage", print)


def test_postgres_recovers_what_was_committed_before_it_was_killed():
    with testbed.postgres() as server:
        with psycopg.connect(server.url("backstage_owner")) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        server.kill()
        server.start()
        with psycopg.connect(server.url("backstage_owner")) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_redis_wants_its_password_and_keeps_its_data_when_killed():
    with testbed.redis() as server:
        with redis_client.Redis(port=server.port) as stranger, pytest.raises(redis_client.AuthenticationError):
            stranger.ping()
        with redis_client.Redis.from_url(server.url()) as client:
            client.set("kept", "7")
            time.sleep(1.2)  # appendfsync everysec
        server.kill()
        server.start()
        with redis_client.Redis.from_url(server.url()) as client:
            assert client.get("kept") == b"7"


def test_the_chain_goes_on_where_it_stood_when_its_state_is_kept():
    with testbed.anvil(keeps_state=True) as node:
        first = node.genesis()
        node.mine(5)
        time.sleep(2.2)  # the state file is written every second
        node.kill()
        node.start()
        assert rpc(node.url, "eth_blockNumber") == "0x5"
        assert node.genesis() == first
        assert rpc(node.url, "eth_getBlockByNumber", "finalized", False)["number"] == "0x3"


def test_half_a_state_file_is_named_as_the_cause(tmp_path):
    (tmp_path / "state.json").write_text('{"block": {')
    with pytest.raises(Trouble, match="--fresh"):
        Anvil(tmp_path, 1, tmp_path / "log", state=tmp_path / "state.json").start()


def test_nothing_is_left_behind():
    with testbed.postgres() as server, testbed.redis() as broker, testbed.anvil() as node:
        pids = [one.running.pid for one in (server, broker, node)]
        folders = [one.log.parent for one in (server, broker, node)]
        assert all(folder.is_dir() for folder in folders)
    assert all(processes.identity(pid) is None for pid in pids)
    assert not any(folder.exists() for folder in folders)


def test_a_chain_and_a_database_that_do_not_belong_together_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(pairing, "_PAIR", tmp_path / "pair.json")
    with testbed.anvil() as node:
        pairing.check(node, database_is_new=True)
        pairing.check(node, database_is_new=False)
        with pytest.raises(Trouble, match="database is new"):
            pairing.check(node, database_is_new=True)
        (tmp_path / "pair.json").write_text(json.dumps({"genesis": "0x00"}))
        with pytest.raises(Trouble, match="not the one"):
            pairing.check(node, database_is_new=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
def test_in_a_folder_that_only_root_may_enter_postgres_runs_from_elsewhere(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    inside = closed / "data"
    passwords = dict.fromkeys(("postgres", "backstage_owner", "backstage_app", "backstage_index"), "secret")
    server = Postgres(inside, 1, passwords, tmp_path / "log", durable=False)
    try:
        assert server.prepare()
        outside = Path((inside / "outside").read_text())
        assert not outside.is_relative_to(tmp_path)
        assert not server.prepare(), "the same place is found again"
    finally:
        unprivileged.forget_place(inside)
    assert not outside.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
def test_a_place_outside_that_others_may_write_into_is_not_trusted(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    folder.chmod(0o777)
    assert not unprivileged._is_ours(folder)
    folder.chmod(0o711)
    assert unprivileged._is_ours(folder)
    (tmp_path / "link").symlink_to(folder)
    assert not unprivileged._is_ours(tmp_path / "link")
    assert layout.ROOT.is_dir()


def test_a_chain_is_known_again_however_often_it_is_restarted():
    with testbed.anvil(keeps_state=True) as node:
        first = node.genesis()
        for _ in range(5):
            node.stop()
            node.start()
            assert node.genesis() == first
        late = time.time() - int(rpc(node.url, "eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        assert abs(late) < 60, "and its clock is ours"
