"""One Backstage of the campaign's own: everything scripts/start runs, in parts that can be killed and revived by name.

Nothing here restarts by itself: only the campaign knows what died on purpose. All of it is started from one thread, the
one whose death the kernel reports to the children.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.fault_kit.plan import Plan
from scripts.machine import apps, contracts, layout, ports, processes, say, unprivileged
from scripts.machine import world as worlds
from scripts.machine.anvil import Anvil, rpc
from scripts.machine.options import Options
from scripts.machine.postgres import SUPERUSER, Postgres
from scripts.machine.processes import Program, Running
from scripts.machine.redis import Redis
from scripts.machine.trouble import Trouble
from scripts.machine.vault import Vault, open_vault

SERVERS = ("postgres", "redis", "anvil")
_OUTSIDE = ("proxy", "stripe", "crowd")
_TRIES = 20
_PYTHON = str(layout.APP_PYTHON)


@dataclass
class House:
    """The parts by name."""

    plan: Plan
    control: str
    """Path of the campaign's socket."""
    vault: Vault = field(init=False)
    postgres: Postgres = field(init=False)
    redis: Redis = field(init=False)
    anvil: Anvil = field(init=False)
    api_port: int = field(default_factory=ports.free_port)
    proxy_ports: list[int] = field(init=False)
    stripe_port: int = field(default_factory=ports.free_port)
    mail_port: int = field(default_factory=ports.free_port)
    """Where Stripe's webhooks go first; from there they reach the API late, often and shuffled."""
    programs: dict[str, Program] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    revived_at_block: int = 0

    def __post_init__(self) -> None:
        """Choose the ports of the endpoints."""
        self.proxy_ports = [ports.free_port() for _ in range(self.plan.endpoints)]

    def open(self) -> None:
        """Start the servers, migrate, deploy, and prepare the programs. Raises Trouble."""
        layout.DATA.mkdir(parents=True, exist_ok=True)
        layout.STATE.chmod(0o711)
        layout.DATA.chmod(0o711)
        self.vault = open_vault(layout.SECRETS)
        self._servers()
        where, options = self._addresses(), Options()
        env = apps.environment(worlds.settings(where, self.vault, options) | self._settings())
        owner = {"MIGRATE_DATABASE_URL": where.migrate_database}
        migrating = _begin([_PYTHON, "-m", "alembic", "upgrade", "head"], env | owner, "migrate")
        manifest = worlds.DEPLOYMENTS / f"{worlds.network(options).replace(':', '-')}.json"
        contracts.deploy(self.anvil.url, worlds.network(options), manifest, self.vault, verbose=False)
        with say.step("database migrated, first admin"):
            _finish(migrating)
            admin = ["-m", "backend.accounts.bootstrap_admin", "--address", self.vault.addresses["admin"]]
            _finish(_begin([_PYTHON, *admin], env | owner, "admin"))
        # People speak to the node itself; only our own processes hear it through the proxy.
        worlds.write(replace(where, evm=self.anvil.url), self.vault, options)
        self._programs(env)

    def start(self, name: str) -> None:
        """Start a program, without waiting for it."""
        self.running[name] = processes.launch(self.programs[name], layout.RUN)

    def kill(self, name: str) -> bool:
        """Kill -9 a part; False when it was dead already."""
        if not self.alive(name):
            return False
        if name == "anvil":
            self._freeze_with_whole_state()
        server = self._server(name)
        if server is not None:
            server.kill()
        else:
            self.running.pop(name).kill()
        return True

    def alive(self, name: str) -> bool:
        """Tell whether a part runs."""
        server = self._server(name)
        running = self.running.get(name) if server is None else server.running
        return running is not None and running.alive()

    def revive(self, name: str) -> None:
        """Start a dead part again. A server answers when this returns. Raises Trouble."""
        server = self._server(name)
        if server is None:
            self.start(name)
            return
        for attempt in range(_TRIES):
            try:
                server.start()
                break
            except Trouble:
                # The dead Postgres's backends finish their last command before they notice.
                if attempt == _TRIES - 1:
                    raise
                time.sleep(0.1)
        if name == "anvil":
            self.revived_at_block = self.head()

    def exit_status(self, name: str) -> int | None:
        """How a program ended; None while it runs."""
        running = self.running.get(name)
        return None if running is None else running.popen.poll()

    def bury(self, name: str) -> None:
        """Forget a program that died, and what is left of its group."""
        self.running.pop(name).kill()

    def head(self) -> int:
        """Return the number of the node's newest block."""
        return int(rpc(self.anvil.url, "eth_blockNumber"), 16)

    def reorg(self, depth: int) -> None:
        """Replace the newest `depth` blocks by empty ones. Raises Trouble."""
        rpc(self.anvil.url, "anvil_reorg", depth, [])

    def flush_redis(self) -> None:
        """FLUSHALL. Raises OSError."""
        with socket.create_connection((ports.LOOPBACK, self.redis.port), timeout=5) as connection:
            connection.sendall(f"AUTH {self.redis.password}\r\nFLUSHALL\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (more := connection.recv(256)):  # noqa: PLR2004 - two commands
                answer += more
        if answer.count(b"+OK") != 2:  # noqa: PLR2004 - as above
            raise OSError(answer.decode(errors="replace"))

    def slow_down_chain(self) -> None:
        """Mine by the clock alone from now on: a transaction waits in the pool for its block."""
        self.anvil.stop()
        self.anvil.mixed = False
        self.revive("anvil")

    def database(self) -> str:
        """Address of the database for somebody who may read all of it."""
        return self.postgres.url(SUPERUSER)

    def close(self) -> None:
        """Stop everything, clients before servers."""
        for running in self.running.values():
            running.ask_to_stop()
        for running in self.running.values():
            running.stop()
        for name in ("anvil", "redis", "postgres"):
            with contextlib.suppress(AttributeError):  # it never came to be
                server = self._server(name)
                if server is not None:
                    server.stop()

    def _server(self, name: str) -> Postgres | Redis | Anvil | None:
        if name == "postgres":
            return self.postgres
        if name == "redis":
            return self.redis
        return self.anvil if name == "anvil" else None

    def _servers(self) -> None:
        log, records = layout.LOGS, layout.RUN
        passwords = self.vault.database_passwords
        self.postgres = Postgres(
            layout.DATA / "postgres",
            ports.free_port(),
            passwords,
            log / "postgres.log",
            durable=False,
            records=records,
        )
        self.redis = Redis(
            layout.DATA / "redis", ports.free_port(), self.vault.redis_password, log / "redis.log", records
        )
        self.anvil = Anvil(
            layout.DATA / "anvil",
            ports.free_port(),
            log / "anvil.log",
            state=layout.DATA / "anvil" / "state.json",
            block_time=self.plan.block_time,
            accounts=0,
            final_after=self.plan.finality_depth,
            records=records,
        )
        with say.step("Postgres, Redis, anvil"):
            self.postgres.prepare()
            for name in SERVERS:
                self.revive(name)
            contracts.fund(self.anvil, self.vault)

    def _addresses(self) -> worlds.Addresses:
        return worlds.Addresses(
            api=worlds.api_address(self.api_port),
            database=self.postgres.url("backstage_app"),
            migrate_database=self.postgres.url("backstage_owner"),
            index_database=self.postgres.url("backstage_index"),
            redis=self.redis.url(),
            evm=",".join(f"http://{ports.LOOPBACK}:{port}" for port in self.proxy_ports),
            stripe=f"http://{ports.LOOPBACK}:{self.stripe_port}",
        )

    def _settings(self) -> dict[str, str]:
        return {
            **({} if self.plan.has_tag else {"FINALITY_DEPTH": str(self.plan.finality_depth)}),
            "HOLD_SECONDS": str(self.plan.hold_seconds),
            "BATCH_SIZE": str(self.plan.batch_size),
            # A reward is another batch of transactions; this is about tickets.
            "REWARDS_PER_ORDER": "0",
        }

    def _programs(self, env: dict[str, str]) -> None:
        own = {app.program.name: app.program for app in apps.apps(env, self.api_port, chain_is_ours=True)}
        for name in ("api", "beat", "indexer"):
            self.programs[name] = self._under_control(own[name], name)
        for number in range(1, self.plan.workers + 1):
            name = f"worker-{number}"
            worker = own["worker"]
            argv = [*worker.argv, "-n", f"{name}@%h"]
            self.programs[name] = self._under_control(replace(worker, argv=argv), name)
        proxy = [_PYTHON, "-m", "bench.fault_kit.proxy"]
        for port in self.proxy_ports:
            proxy += ["--port", str(port)]
        proxy += ["--node", f"{ports.LOOPBACK}:{self.anvil.port}", "--control", self.control]
        stripe = [_PYTHON, "-m", "tests.simulators.stripe", "--port", str(self.stripe_port)]
        stripe += ["--webhook-url", f"http://{ports.LOOPBACK}:{self.mail_port}/v1/webhooks/stripe"]
        stripe += ["--webhook-secret", self.vault.stripe_webhook_secret]
        crowd = [_PYTHON, "-m", "bench.fault_kit.crowd", "--control", self.control]
        crowd += ["--spec", str(layout.STATE / "crowd.json")]
        for name, argv in zip(_OUTSIDE, (proxy, stripe, crowd), strict=True):
            self.programs[name] = Program(name, argv, env, layout.ROOT, layout.LOGS / f"{name}.log", grace=5.0)

    def _under_control(self, program: Program, name: str) -> Program:
        """Start it by `launch` instead: `python -m MODULE ...` becomes `python -m launch ... MODULE ...`."""
        python, _, *module = program.argv
        options: Sequence[str] = (
            *("--name", name, "--control", self.control, "--seed", f"{self.plan.seed}:{name}"),
            *("--visibility", str(self.plan.visibility), "--longest-lease", str(self.plan.longest_lease)),
            *("--stand-still", str(self.plan.stand_still)),
            *(("--variant", self.plan.variant) if self.plan.variant else ()),
        )
        argv = [python, "-m", "bench.fault_kit.launch", *options, *module]
        return replace(program, name=name, argv=argv, log=layout.LOGS / f"{name}.log")

    def _freeze_with_whole_state(self) -> None:
        """Stop the node at a moment when its state file is whole.

        anvil writes it in place. Killed while writing, it would take the whole chain with it, and killed after a file
        that it wrote half-way through a reorg, the blocks that it had undone: no network does either.
        """
        running, state = self.anvil.running, self.anvil.state
        if running is None or state is None:
            return
        for _ in range(200):
            os.kill(running.pid, signal.SIGSTOP)
            if _is_whole(state):
                return
            os.kill(running.pid, signal.SIGCONT)
            time.sleep(0.01)
        raise Trouble(f"{state} was never whole")


def forget() -> None:
    """Remove what a run left, the part of Postgres outside the state directory included."""
    unprivileged.forget_place(layout.DATA / "postgres")


def _is_whole(state: Path) -> bool:
    """Tell whether the file can be read and has every block up to its newest."""
    try:
        kept = json.loads(state.read_bytes())
    except (OSError, ValueError):
        return False
    blocks = {int(block["header"]["number"], 16) for block in kept["blocks"]}
    return bool(kept["best_block_number"]) and blocks == set(range(kept["best_block_number"] + 1))


def _begin(argv: list[str], env: dict[str, str], name: str) -> Running:
    return processes.launch(Program(name, argv, env, layout.ROOT, layout.LOGS / f"{name}.log"), layout.RUN)


def _finish(running: Running) -> None:
    status = running.popen.wait()
    running.kill()
    if status != 0:
        raise Trouble(f"{running.program.name} ended with status {status}:\n{running.tail(30)}")
