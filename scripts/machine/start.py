"""scripts/start: install, start everything, play the main job, serve until Ctrl-C."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.machine import (
    apps,
    contracts,
    install,
    layout,
    locks,
    options,
    pairing,
    ports,
    processes,
    say,
    unprivileged,
)
from scripts.machine import world as worlds
from scripts.machine.anvil import Anvil
from scripts.machine.options import Options
from scripts.machine.postgres import Postgres
from scripts.machine.redis import Redis
from scripts.machine.supervisor import Interrupted, Supervisor, ended, interruptible
from scripts.machine.trouble import Trouble
from scripts.machine.vault import Vault, open_vault

_INTERRUPTED = 130  # what a shell reports of a command ended by Ctrl-C


def main(arguments: Sequence[str]) -> int:
    """Run, and return the exit status: 0 when stopped on request (and, with a demo, every step of it held)."""
    started = time.monotonic()
    try:
        asked = options.parse(arguments)
        with interruptible(), locks.only_one("start", wait=False):
            return _Start(asked, started).run()
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return 1
    except Interrupted:
        return _INTERRUPTED


class _Start:
    def __init__(self, asked: Options, started: float) -> None:
        self._asked = asked
        self._started = started
        self._supervisor = Supervisor()
        self._demo_status: int | None = None

    def run(self) -> int:
        install.install()
        os.umask(0o077)  # data, logs and secrets are ours alone; what is installed is not secret
        for name in processes.stop_leftovers(layout.RUN):
            say.note(f"Ended {name}, left over by an earlier run.")
        if self._asked.fresh:
            forget()
        vault = open_vault()
        worlds.check_demo(vault, self._asked)
        try:
            where = self._start_everything(vault)
            if self._asked.demo:
                self._play()
            if not self._asked.exit_after_demo:
                self._serve(where)
        except Interrupted:
            say.line("\nStopping.")
            if self._asked.demo and self._demo_status is None:
                self._demo_status = _INTERRUPTED  # asked to play, and did not get to the end
        finally:
            begun = time.monotonic()
            self._supervisor.stop()
            say.done("everything stopped", time.monotonic() - begun)
        return self._demo_status or 0

    def _start_everything(self, vault: Vault) -> worlds.Addresses:
        asked, external = self._asked, self._asked.external
        layout.DATA.mkdir(parents=True, exist_ok=True)
        layout.DATA.chmod(0o711)
        port = ports.choose(asked.port, options.API_PORT, "--port")
        say.heading("Starting")
        postgres = self._postgres(vault) if "DATABASE_URL" not in external else None
        redis_url = external.get("REDIS_URL") or self._redis(vault)
        evm_url = external.get("EVM_RPC_URL") or self._chain(
            vault, database_is_new=postgres is not None and postgres[1]
        )
        stripe_port = None
        if "STRIPE_API_KEY" not in external:
            stripe_port = ports.choose(asked.stripe_port, options.STRIPE_PORT, "--stripe-port")
        databases = (
            [postgres[0].url(role) for role in ("backstage_app", "backstage_owner", "backstage_index")]
            if postgres
            else [
                external["DATABASE_URL"],
                external["MIGRATE_DATABASE_URL"],
                external.get("INDEX_DATABASE_URL", external["DATABASE_URL"]),
            ]
        )
        where = worlds.Addresses(
            api=worlds.api_address(port),
            database=databases[0],
            migrate_database=databases[1],
            index_database=databases[2],
            redis=redis_url,
            evm=evm_url,
            stripe=None if stripe_port is None else f"http://{ports.LOOPBACK}:{stripe_port}",
        )
        env = apps.environment(worlds.settings(where, vault, asked))
        self._once(
            "database migrated", ["-m", "alembic", "upgrade", "head"], env, where.migrate_database, _migrations()
        )
        if "EVM_RPC_URL" not in external:
            self._deploy(where, vault)
        admin = ["-m", "backend.accounts.bootstrap_admin", "--address", vault.addresses["admin"]]
        self._once("first admin", admin, env, where.migrate_database, vault.addresses["admin"])
        worlds.write(where, vault, asked)
        own = apps.apps(env, port, chain_is_ours="EVM_RPC_URL" not in external)
        if stripe_port is not None:
            own.insert(0, apps.stripe_simulator(env, stripe_port, port, vault.stripe_webhook_secret))
        self._supervisor.start_apps(own)
        say.note(f"Up after {time.monotonic() - self._started:.1f} s.")
        return where

    def _postgres(self, vault: Vault) -> tuple[Postgres, bool]:
        port = ports.choose(self._asked.postgres_port, options.POSTGRES_PORT, "--postgres-port")
        log = apps.new_log("postgres")
        server = Postgres(layout.DATA / "postgres", port, vault.database_passwords, log, records=layout.RUN)
        begun = time.monotonic()
        is_new = server.prepare()
        if is_new:
            say.done("Postgres: cluster, roles, database", time.monotonic() - begun)
        self._supervisor.start_server("Postgres 18", server, f"port {port}")
        return server, is_new

    def _redis(self, vault: Vault) -> str:
        port = ports.choose(self._asked.redis_port, options.REDIS_PORT, "--redis-port")
        server = Redis(layout.DATA / "redis", port, vault.redis_password, apps.new_log("redis"), records=layout.RUN)
        self._supervisor.start_server("Redis", server, f"port {port}")
        return server.url()

    def _chain(self, vault: Vault, *, database_is_new: bool) -> str:
        port = ports.choose(self._asked.evm_port, options.EVM_PORT, "--evm-port")
        node = Anvil(
            layout.DATA / "anvil",
            port,
            apps.new_log("anvil"),
            state=layout.DATA / "anvil" / "state.json",
            state_interval=self._asked.keep_chain_seconds,
            block_time=self._asked.block_seconds or 1,
            mixed=self._asked.block_seconds is None,
            block_gas=self._asked.block_gas,
            accounts=0,
            records=layout.RUN,
        )
        self._supervisor.start_server("EVM node (anvil)", node, f"port {port}")
        if "DATABASE_URL" not in self._asked.external:
            pairing.check(node, database_is_new=database_is_new)
        contracts.fund(node, vault)
        return node.url

    def _deploy(self, where: worlds.Addresses, vault: Vault) -> None:
        network = worlds.network(self._asked)
        manifest = worlds.DEPLOYMENTS / f"{network.replace(':', '-')}.json"
        if contracts.deployed(where.evm, manifest, vault):
            say.done("contracts", 0.0, "deployed by an earlier run")
            return
        contracts.deploy(where.evm, network, manifest, vault, verbose=self._asked.verbose)

    def _once(self, title: str, arguments: list[str], env: dict[str, str], migrate_url: str, subject: str) -> None:
        """Run a command unless it was run on this embedded database for the same subject."""
        mark = layout.DATA / f"{arguments[1].rpartition('.')[2]}.done"
        if "DATABASE_URL" not in self._asked.external and mark.exists() and mark.read_text() == subject:
            say.done(title, 0.0, "by an earlier run")
            return
        self._command(title, arguments, env, migrate_url)
        mark.write_text(subject)

    def _command(self, title: str, arguments: list[str], env: dict[str, str], migrate_url: str) -> None:
        """Run a module of the application to its end, as the owner of the database."""
        with say.step(title):
            done = subprocess.run(
                [str(layout.APP_PYTHON), *arguments],
                cwd=layout.ROOT,
                env=env | {"MIGRATE_DATABASE_URL": migrate_url},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                preexec_fn=processes.dies_with_parent(signal.SIGKILL),
            )
            if done.returncode != 0:
                raise Trouble(f"{' '.join(arguments[:2])} failed:\n{done.stdout[-4000:]}")

    def _play(self) -> None:
        """Run the demo in the foreground while everything is looked after. It is a client like any other."""
        say.heading("The main job, from a fresh event to a fan through the door")
        argv = [str(layout.APP_PYTHON), "-m", "scripts.demo", "--world", str(layout.WORLD)]
        demo = subprocess.Popen(
            argv,
            cwd=layout.ROOT,
            env=apps.environment({}),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to answer
            preexec_fn=processes.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - there are no threads
        )
        try:
            self._supervisor.watch(until=lambda: demo.poll() is not None)
        finally:
            if demo.poll() is None:
                demo.kill()
            status = demo.wait()
        self._demo_status = int(status != 0)
        if status != 0:
            say.line(f"\n  The demo {ended(status)}. Logs: {layout.LOGS}")

    def _serve(self, where: worlds.Addresses) -> None:
        say.heading(f"Serving {where.api}   (Ctrl-C stops everything)")
        say.note(f"documentation  {where.api}/docs")
        say.note(f"health         {where.api}/health   {where.api}/ready   {where.api}/metrics")
        say.note(f"EVM node       {where.evm}")
        if where.stripe:
            say.note(f"Stripe (simulated)  {where.stripe}")
        say.note(f"logs           {layout.LOGS}/")
        self._supervisor.watch()


def _migrations() -> str:
    """Return a hash of all migrations: when it changes, the database must be migrated."""
    hashed = hashlib.sha256()
    for version in sorted((layout.ROOT / "backend" / "migrations" / "versions").glob("*.py")):
        hashed.update(version.name.encode() + b"\0" + version.read_bytes())
    return hashed.hexdigest()


def forget() -> None:
    """Remove the data, secrets and logs of earlier runs; what is installed stays."""
    unprivileged.forget_place(layout.DATA / "postgres")
    for folder in (layout.DATA, layout.LOGS, layout.RUN):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (layout.SECRETS, layout.WORLD, layout.HOUSE):
        Path(file).unlink(missing_ok=True)
    layout.LOGS.mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    os.chdir(layout.ROOT)
    sys.exit(main(sys.argv[1:]))
