"""Real servers for tests: each a context manager that leaves nothing behind. What it yields can also be killed.

    with testbed.postgres() as cluster:
        url = cluster.url("backstage_app")

Data is in a temporary folder; durability is off; ports are free ones.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from scripts.machine import ports, unprivileged
from scripts.machine.anvil import Anvil
from scripts.machine.postgres import ROLES, SUPERUSER, Postgres
from scripts.machine.redis import Redis
from scripts.machine.trouble import Trouble

_PORT_ATTEMPTS = 3


class _Server(Protocol):
    port: int

    def start(self) -> None: ...


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a cluster with the three roles and the empty database `backstage`.

    `url(role, database)` gives addresses (`postgres` is the superuser), `kill()` and `start()` crash and recover it.
    See `copy_database` for a database of one's own.
    """
    with _folder("postgres") as folder:
        inside = folder / "data"
        passwords = {role: secrets.token_hex(12) for role in (SUPERUSER, *ROLES)}
        server = Postgres(inside, ports.free_port(), passwords, folder / "postgres.log", durable=False)
        try:
            server.prepare()
            _start(server)
            yield server
        finally:
            server.kill()
            unprivileged.forget_place(inside)


@contextmanager
def redis() -> Iterator[Redis]:
    """Run a Redis with a password and an append-only file; `url(n)` gives the address of its database n."""
    with _folder("redis") as folder:
        server = Redis(folder / "data", ports.free_port(), secrets.token_hex(12), folder / "redis.log")
        try:
            _start(server)
            yield server
        finally:
            server.kill()


@contextmanager
def anvil(
    block_time: int | None = None, *, mixed: bool = True, accounts: int = 10, keeps_state: bool = False
) -> Iterator[Anvil]:
    """Run a node; `finalized` is two blocks behind its head.

    block_time: seconds between blocks; None mines only for transactions (and `mine()`).
    keeps_state: after `kill()`, `start()` goes on where the chain stood a second before; else at block 0.
    """
    with _folder("anvil") as folder:
        server = Anvil(
            folder,
            ports.free_port(),
            folder / "anvil.log",
            state=folder / "state.json" if keeps_state else None,
            block_time=block_time,
            mixed=mixed,
            accounts=accounts,
        )
        try:
            _start(server)
            yield server
        finally:
            server.kill()


def copy_database(name: str, template: str, execute: Callable[[str], object]) -> None:
    """Create database `name` as a copy of `template`, with the same owner and the same rights to connect.

    `execute` runs one statement as the superuser with autocommit. Nobody may be connected to the template.
    """
    if not (name.isidentifier() and template.isidentifier()):
        message = f"{name!r} or {template!r} is no name for a database"
        raise Trouble(message)
    owner, app, index = ROLES
    execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {owner} STRATEGY FILE_COPY")
    execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {app}, {index}")


def _start(server: _Server) -> None:
    """Start on the free port; somebody else may have taken it meanwhile, then try another."""
    for attempt in range(_PORT_ATTEMPTS):
        try:
            server.start()
        except Trouble:
            if attempt == _PORT_ATTEMPTS - 1:
                raise
            server.port = ports.free_port()
        else:
            return


@contextmanager
def _folder(what: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"backstage-test-{what}-"))
    folder.chmod(0o711)  # Postgres of root runs as nobody, who must pass through it
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
