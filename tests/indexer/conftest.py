"""An anvil with our contracts, an empty migrated database, and an index that follows the one into the other."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from backend import discovery
from backend.api import make_app
from backend.chain import onlog, registry
from backend.chain.evm.client import EvmChain
from backend.kit import db
from indexer import __main__, commands
from indexer.runner import Job, Runner
from scripts.machine import testbed
from tests.fixtures.database import TEMPLATE
from tests.indexer.chainside import NETWORK, Chainside

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Index:
    """The index under test, in this process or as processes of their own."""

    job: Job
    owner_url: str
    manifests: Path
    _processes: list[subprocess.Popen] = field(default_factory=list)

    def at(self, url) -> "Index":
        return replace(self, job=replace(self.job, rpc_url=url))

    def final_after(self, depth) -> "Index":
        """None: as the node's finalized tag says, two blocks behind its head."""
        return replace(self, job=replace(self.job, finality_depth=depth))

    def catch_up(self, until=None):
        """Read until the head; give up after a while instead of hanging."""
        runner = Runner(self.job)
        timer = threading.Timer(60, runner.stop.set)
        timer.start()
        try:
            assert runner.follow(until, once=True), "it did not reach the head in a minute"
        finally:
            timer.cancel()

    @contextmanager
    def following(self, *, patient=False) -> Iterator[Runner]:
        """Follow on a thread; whatever ends it is raised at the end of the block. Patient: as often as the job says."""
        runner = Runner(self.job if patient else replace(self.job, poll_seconds=0.01))
        failed = []

        def run():
            try:
                runner.follow()
            except Exception as error:  # noqa: BLE001 - raised below
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield runner
        finally:
            runner.stop.set()
            thread.join(60)
            assert not thread.is_alive()
        if failed:
            raise failed[0]

    def environment(self):
        env = os.environ | {
            "INDEX_DATABASE_URL": self.job.database_url,
            "DATABASE_URL": self.job.database_url,
            "EVM_RPC_URL": self.job.rpc_url,
            "DEPLOYMENTS_DIR": str(self.manifests),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "LOG_LEVEL": "INFO",
        }
        if self.job.finality_depth is not None:
            env["FINALITY_DEPTH"] = str(self.job.finality_depth)
        return env

    def run(self, *arguments) -> subprocess.Popen:
        """Start `python -m indexer` on its own."""
        return self._run("indexer", *arguments)

    def armed(self) -> subprocess.Popen:
        """Start what runs processes that are killed around the commit of a reorg; see tests/indexer/armed.py."""
        with (self.manifests.parent / "armed.log").open("w") as log:
            return self._run("tests.indexer.armed", log=log)  # nobody reads what hundreds of processes say

    def _run(self, module, *arguments, log=subprocess.PIPE):
        command, pipe = [sys.executable, "-m", module, *arguments], subprocess.PIPE
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment(), stdin=pipe, stdout=pipe, stderr=log, text=True
        )
        self._processes.append(process)
        return process

    def kill_all(self):
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=60)

    def query(self, statement, *values):
        with psycopg.connect(self.owner_url) as connection:
            connection.execute("SELECT set_config('app.tenant', 'platform', false)")
            return connection.execute(statement, values).fetchall()

    def execute(self, statement, *values):
        with psycopg.connect(self.owner_url) as connection:
            connection.execute(statement, values)

    def cursor(self, name="facts"):
        """Block number, hash, finalized number, status and error of a cursor; None before it exists."""
        found = self.query(
            "SELECT block_number, block_hash, finalized_number, status, error FROM chain_cursors WHERE name = %s", name
        )
        return found[0] if found else None

    def head(self):
        found = self.cursor()
        return None if found is None else found[0]

    def holdings(self):
        """Owner, tier, status, epoch by (collection, token id), without what was burned."""
        rows = self.query("SELECT collection, token_id, owner, tier, status, epoch FROM holdings")
        return {(c, int(t)): (o, tier, s, e) for c, t, o, tier, s, e in rows if o != b"\0" * 20}

    def logs(self):
        rows = self.query("SELECT block_number, log_index, block_hash FROM chain_logs ORDER BY 1, 2")
        return [(number, place, "0x" + block.hex()) for number, place, block in rows]

    def wait_for(self, is_so, seconds=60.0):
        """Wait until `is_so()`; return how long it took."""
        began = time.monotonic()
        while not is_so():
            assert time.monotonic() - began < seconds, f"not within {seconds} s; the cursor: {self.cursor()}"
            time.sleep(0.005)
        return time.monotonic() - began


def assert_same(index: Index, chain: Chainside):
    """The index is exactly what the chain is: its head, every log, every ticket."""
    assert index.cursor()[:2] == (chain.head(), chain.head_hash())
    assert index.logs() == chain.logs()
    assert index.holdings() == chain.holdings()


@pytest.fixture
def chain(anvil, tmp_path) -> Chainside:
    return Chainside(anvil, tmp_path / "deployments").deploy()


@pytest.fixture(scope="session")
def database(cluster) -> tuple[str, str]:
    """One database for all these tests, emptied before each: the addresses of the index's role and the owner's."""
    name = "of_the_indexer"

    def execute(statement):
        with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(statement)

    testbed.copy_database(name, TEMPLATE, execute)
    return cluster.url("backstage_index", name), cluster.url("backstage_owner", name)


@pytest.fixture
def index(database, chain, settings, monkeypatch) -> Iterator[Index]:
    """Final is what is 100 blocks deep, so that reorgs have room; `final_after(None)` asks the node's tag."""
    settings(deployments_dir=chain.manifests)
    discovery.load("models", "reactions", "onchain")
    monkeypatch.setattr("indexer.waiting._LONGEST_PAUSE", 0.1)
    index_url, owner_url = database
    made = Index(Job(NETWORK, chain.anvil.url, index_url, finality_depth=100), owner_url, chain.manifests)
    tables = ", ".join(table.name for table in onlog.registered.projections)
    made.execute(f"TRUNCATE chain_blocks, chain_logs, chain_cursors, checkpoints, checkpoint_trees, {tables} CASCADE")
    yield made
    made.kill_all()


@pytest.fixture
def command(index, settings, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Runs `python -m indexer ...` inside this process; gives exit code, output and what was said beside it."""
    monkeypatch.setattr(commands.logs, "configure", lambda _level: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr("indexer.nudging.start", lambda _url: None)

    def run(*arguments, job=None):
        job = index.job if job is None else job
        settings(index_database_url=job.database_url, evm_rpc_url=job.rpc_url, finality_depth=job.finality_depth)
        capsys.readouterr()
        code = __main__.main(arguments)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def house(index, chain, cluster, settings):
    """The API and the worker on the database of the index, with the node as their chain."""
    index.job = replace(index.job, finality_depth=1)
    index.execute("TRUNCATE index_checks CASCADE")
    engine = db.configure(cluster.url("backstage_app", "of_the_indexer"))
    settings(checkpoint_seconds=30)
    port = EvmChain(31337, [chain.anvil.url], 1)
    with registry.replaced(NETWORK, port, {}):
        yield TestClient(make_app())
    engine.dispose()


@pytest.fixture
def collection(chain):
    address = chain.new_collection()
    chain.mint(address, *chain.people[1:7])
    chain.anvil.mine(2)
    return address
