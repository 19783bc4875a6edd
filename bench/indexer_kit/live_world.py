"""A world for the live measurement alone: a node, a durable Postgres, one collection, and the follower's process."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config

from bench.indexer_kit.live_chain import NETWORK, LiveChain
from scripts.machine import layout, ports, testbed, unprivileged
from scripts.machine.postgres import ROLES, SUPERUSER, Postgres
from scripts.machine.processes import Program, Running, launch

_TICKETS = 2_000


@dataclass
class LiveWorld:
    """What `live.measure` needs. `follow` starts the real process and is stopped by whoever started it."""

    chain: LiveChain
    database_url: str
    """The superuser's: it only looks."""
    index_url: str
    folder: Path

    def follow(self, finality_depth: int | None) -> Running:
        """Start `python -m indexer follow`; None: final is what the node's tag says."""
        depth = {} if finality_depth is None else {"FINALITY_DEPTH": str(finality_depth)}
        program = Program(
            name="indexer",
            argv=[str(layout.APP_PYTHON), "-m", "indexer", "follow"],
            env=os.environ | self.environment() | depth,
            cwd=layout.ROOT,
            log=self.folder / "indexer.log",
        )
        return launch(program)

    def environment(self) -> dict[str, str]:
        """Return the settings of the process. Nobody listens at its broker, as nobody waits for its nudges."""
        return {
            "ENVIRONMENT": "test",
            "SECRET_KEY": secrets.token_hex(32),
            "EVM_NETWORK": NETWORK,
            "EVM_RPC_URL": self.chain.anvil.url,
            "DATABASE_URL": self.index_url,
            "INDEX_DATABASE_URL": self.index_url,
            "DEPLOYMENTS_DIR": str(self.chain.manifests),
            "REDIS_URL": f"redis://{ports.LOOPBACK}:1/0",
            "LOG_LEVEL": "INFO",
        }


@contextmanager
def live_world() -> Iterator[LiveWorld]:
    """Run node and Postgres (with fsync) for the block; nothing is left of them."""
    folder = Path(tempfile.mkdtemp(prefix="backstage-bench-live-"))
    folder.chmod(0o711)
    inside = folder / "postgres"
    server = Postgres(
        inside,
        ports.free_port(),
        {role: secrets.token_hex(12) for role in (SUPERUSER, *ROLES)},
        folder / "postgres.log",
    )
    try:
        server.prepare()
        server.start()
        migrate(server.url("backstage_owner"))
        with testbed.anvil() as node:
            chain = LiveChain(node, folder / "deployments")
            chain.ready(_TICKETS)
            yield LiveWorld(chain, server.url(SUPERUSER), server.url("backstage_index"), folder)
            chain.close()
    finally:
        server.kill()
        unprivileged.forget_place(inside)
        shutil.rmtree(folder)


def migrate(url: str) -> None:
    """Bring the database to the newest migration, as its owner."""
    config = Config()
    config.set_main_option("script_location", str(layout.ROOT / "backend" / "migrations"))
    config.attributes["url"] = url
    command.upgrade(config, "head")
