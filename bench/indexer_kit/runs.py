"""One reading of the whole chain into an empty database, as a process of its own, timed and weighed from outside."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.indexer_kit import check
from bench.indexer_kit.contracts import NETWORK, World, text_of
from bench.indexer_kit.live_world import migrate
from scripts.machine import layout, ports, testbed, unprivileged
from scripts.machine.postgres import ROLES, SUPERUSER, Postgres
from scripts.machine.trouble import Trouble

_TEMPLATE = "bench_migrated"
_LOOK_SECONDS = 0.01
_PATIENCE_SECONDS = 900.0
_PARENT, _USED, _USED_ITSELF = 1, slice(11, 15), slice(11, 13)
"""Of /proc/PID/stat, counted behind the name: ppid; utime, stime and those of children waited for; without these."""
_DONE = "SELECT block_number >= %s FROM chain_cursors WHERE name = 'facts'"
_BEGUN = "SELECT count(*) FROM chain_cursors WHERE name = 'facts'"


@dataclass(frozen=True)
class Run:
    """What one reading took. Seconds count from the start of the process, its own loading included."""

    logs: int
    started: float
    """Until it stood before the first block."""
    visible: float
    """Until every fact and every projection of the whole chain could be read by others."""
    finished: float
    """Until final handlers were done, too, and the process had ended."""
    cpu: float
    peak_mb: float
    node_cpu: float
    postgres_cpu: float
    """What the others worked for it, in seconds of CPU, until the process had ended."""

    @property
    def per_second(self) -> float:
        """Logs a second until all was visible."""
        return self.logs / self.visible


@dataclass
class Databases:
    """A durable Postgres with its settings as delivered, and empty migrated databases of it."""

    server: Postgres
    _made: int = 0

    def new(self) -> str:
        """Return the name of a fresh one."""
        self._made += 1
        name = f"bench_{self._made}"
        testbed.copy_database(name, _TEMPLATE, self.execute)
        self.execute("CHECKPOINT")  # what earlier runs left to be written is not this one's
        return name

    def drop(self, name: str) -> None:
        """Forget a database."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser."""
        with psycopg.connect(self.server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def settings(self) -> str:
        """Return the settings that bear on the measurement."""
        names = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")
        with psycopg.connect(self.server.url(SUPERUSER, "postgres")) as connection:
            shown = [str(connection.execute(f"SHOW {name}".encode()).fetchall()[0][0]) for name in names]
        return ", ".join(f"{name} {value}" for name, value in zip(names, shown, strict=True))


@contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """Run the server for the block."""
    inside = folder / "postgres"
    passwords = {role: secrets.token_hex(12) for role in (SUPERUSER, *ROLES)}
    server = Postgres(inside, ports.free_port(), passwords, folder / "postgres.log")
    try:
        server.prepare()
        server.start()
        made = Databases(server)
        made.execute(f"CREATE DATABASE {_TEMPLATE} OWNER {ROLES[0]}")
        migrate(server.url(ROLES[0], _TEMPLATE))
        yield made
    finally:
        server.kill()
        unprivileged.forget_place(inside)


def ours(world: World, kept: Databases, right: check.Expected) -> Run:
    """Read the chain by `python -m indexer backfill`, and check what came out. Raises Trouble."""
    name = kept.new()
    url = kept.server.url(ROLES[2], name)
    environment = {
        "ENVIRONMENT": "test",
        "SECRET_KEY": secrets.token_hex(32),
        "EVM_NETWORK": NETWORK,
        "EVM_RPC_URL": world.anvil.url,
        "DATABASE_URL": url,
        "INDEX_DATABASE_URL": url,
        "DEPLOYMENTS_DIR": str(world.manifests),
        "REDIS_URL": f"redis://{ports.LOOPBACK}:1/0",
    }
    seen = kept.server.url(SUPERUSER, name)
    with _others(world, kept) as used:
        times = _timed(["-m", "indexer", "backfill"], environment, seen, right.head)
    logs = check.check(seen, world, right)
    kept.drop(name)
    return Run(logs, *times, *used)


def floor(world: World, kept: Databases, right: check.Expected) -> Run:
    """Read the same logs by the bare script."""
    name = kept.new()
    url = kept.server.url(ROLES[0], name)
    # The same contracts as ours reads, the token of the resales among them.
    watched = [*world.contracts.values(), *world.collections]
    argv = ["-m", "bench.indexer_kit.floor", world.anvil.url, url, "0", str(right.head), *map(text_of, watched)]
    with _others(world, kept) as used:
        times = _timed(argv, {}, None, right.head)
    logs = check.check_floor(kept.server.url(SUPERUSER, name), right)
    kept.drop(name)
    return Run(logs, *times, *used)


@contextmanager
def _others(world: World, kept: Databases) -> Iterator[list[float]]:
    """Give a list that is filled, after the block, with the CPU seconds of the node and of Postgres meanwhile."""
    nodes, servers = world.anvil.running, kept.server.running
    assert nodes is not None  # noqa: S101 - both run
    assert servers is not None  # noqa: S101
    before = [_cpu_seconds(each.pid) for each in (nodes, servers)]
    used: list[float] = []
    yield used
    used += [_cpu_seconds(each.pid) - was for each, was in zip((nodes, servers), before, strict=True)]


def _cpu_seconds(parent: int) -> float:
    """Return what a process and its children have used, those included that have ended and were waited for."""
    ticks = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if parent in {int(status.parent.name), int(fields[_PARENT])}:
            ticks += sum(map(int, fields[_USED if int(status.parent.name) == parent else _USED_ITSELF]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _timed(
    argv: Sequence[str], environment: dict[str, str], database: str | None, head: int
) -> tuple[float, float, float, float, float]:
    """Run a process to its end. Return when it had begun, was done and ended, its CPU seconds and its peak in MB."""
    watch = None if database is None else psycopg.connect(database, autocommit=True)
    began = time.monotonic()
    process = subprocess.Popen(
        [str(layout.APP_PYTHON), *argv],
        cwd=layout.ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    begun = done = peak = 0.0
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        now = time.monotonic() - began
        if pid:
            break
        peak = max(peak, _peak_mb(process.pid))
        if watch is not None and not begun and _true(watch, _BEGUN):
            begun = now
        elif watch is not None and begun and not done and _true(watch, _DONE, head):
            done = now
        if now > _PATIENCE_SECONDS:
            process.kill()
        time.sleep(_LOOK_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(status)
    if watch is not None:
        watch.close()
    with process:
        said = b"" if process.stderr is None else process.stderr.read()
    if process.returncode != 0 or (watch is not None and not done):
        message = f"{' '.join(argv[:3])} ended with {process.returncode}:\n{said.decode()[-3000:]}"
        raise Trouble(message)
    return begun, done or now, now, used.ru_utime + used.ru_stime, peak


def _true(connection: psycopg.Connection[tuple[object, ...]], query: str, *values: object) -> bool:
    found = connection.execute(query.encode(), values).fetchone()
    return bool(found and found[0])


def _peak_mb(pid: int) -> float:
    """Return the most memory the process has held (VmHWM); 0 when it is gone."""
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(row.split()[1]) for row in told.splitlines() if row.startswith("VmHWM")), 0) / 1024
