"""The whole house on a chain of its own, as scripts/start runs it, with collections that are ready to be minted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from scripts.demo.http import line
from scripts.demo.node import Node
from scripts.demo.people import Admin, Promoter, Show
from scripts.demo.story import World
from scripts.demo.wallet import Wallet
from scripts.machine import layout, ports, unprivileged
from scripts.machine.trouble import Trouble

BLOCK_SECONDS = 1
BLOCK_GAS = 100_000_000
_START_SECONDS = 180
_STOP_SECONDS = 60


@dataclass(frozen=True)
class Prepared:
    """An event on sale whose collection stands on chain, with nothing minted."""

    event_id: str
    tier_id: str
    collection: str


@dataclass
class House:
    """A running Backstage."""

    world: World
    state: Path
    postgres_port: int
    minter_key: str

    def database(self, role: str = "postgres") -> str:
        """Return the database's address for a role."""
        secrets = json.loads((self.state / "secrets.json").read_text())
        password = secrets["database_passwords"][role]
        return f"postgresql://{role}:{password}@{ports.LOOPBACK}:{self.postgres_port}/backstage"

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Open a connection that sees everything, for counting."""
        return psycopg.connect(self.database(), autocommit=True)

    def peak_rss_mb(self, name: str) -> float:
        """Return the most memory a process has held, in MB (VmHWM)."""
        pid = json.loads((self.state / "run" / f"{name}.json").read_text())["pid"]
        told = Path(f"/proc/{pid}/status").read_text()
        return next(int(row.split()[1]) for row in told.splitlines() if row.startswith("VmHWM")) / 1024


@contextmanager
def house(state: Path, settings: dict[str, str]) -> Iterator[House]:
    """Run scripts/start without the demo on data and ports of its own; everything is gone afterwards."""
    _forget(state)
    state.mkdir(parents=True)
    state.chmod(0o711)
    port = ports.free_port()
    output = state / "start.log"
    argv = [str(layout.APP_PYTHON), "-m", "scripts.machine.start", "--no-demo", "--postgres-port", str(port)]
    argv += ["--block-seconds", str(BLOCK_SECONDS), "--block-gas", str(BLOCK_GAS), "--keep-chain-seconds", "86400"]
    with output.open("wb") as log:
        start = subprocess.Popen(
            argv,
            cwd=layout.ROOT,
            env=os.environ | {"BACKSTAGE_STATE": str(state)} | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        give_up = time.monotonic() + _START_SECONDS
        while "Serving" not in output.read_text():
            if start.poll() is not None or time.monotonic() > give_up:
                message = f"the house did not start:\n{output.read_text()[-4000:]}"
                raise Trouble(message)
            time.sleep(0.2)
        keys = json.loads((state / "secrets.json").read_text())["keys"]
        yield House(World.load(state / "world.json"), state, port, keys["minter"])
    finally:
        start.send_signal(signal.SIGINT)
        start.wait(_STOP_SECONDS)
        line.close()
        _forget(state)


def prepare(house: House, names: list[str], tickets: int) -> list[Prepared]:
    """Create an event with `tickets` places for each of `names`, deploy their collections, put them on sale."""
    world = house.world
    node = Node(world.rpc)
    admin, promoter = Admin(world.api, node, Wallet(world.admin_key)), Promoter(world.api, node)
    admin.sign_in()
    organisation = admin.onboard(promoter.address, "Measured Nights")
    promoter.sign_in()
    shows = [_plan(promoter, organisation, name, tickets) for name in names]
    for show in shows:
        promoter.consent(show)
    prepared = []
    for show in shows:
        found = promoter.await_collection(show)
        promoter.publish(show)
        prepared.append(Prepared(show.event_id, show.standing, found["address"]))
    return prepared


def _plan(promoter: Promoter, organisation: str, name: str, tickets: int) -> Show:
    now = datetime.now(UTC).replace(microsecond=0)
    event = promoter.api.post(
        "/v1/events",
        {
            "organisation_id": organisation,
            "title": name,
            "description": "For measuring.",
            "zone": "Europe/Stockholm",
            "doors_at": (now + timedelta(days=2)).isoformat(),
            "starts_at": (now + timedelta(days=2, hours=1)).isoformat(),
            "ends_at": (now + timedelta(days=2, hours=4)).isoformat(),
            "currency": "SEK",
        },
    )
    tier = promoter.api.post(
        f"/v1/events/{event['id']}/tiers", {"name": "Standing", "price_minor": 49_500, "quantity": tickets}
    )
    return Show(event["id"], "", tier["id"], "")


def _forget(state: Path) -> None:
    unprivileged.forget_place(state / "data" / "postgres")
    shutil.rmtree(state, ignore_errors=True)
