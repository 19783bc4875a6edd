"""The whole house, started by scripts/start itself: real Postgres, Redis, worker, beat, indexer and EVM node.

The tests here are clients. Only `kill` reaches behind the counter, as a crash would.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from scripts.demo.http import line
from scripts.demo.people import Admin, Fan, Promoter, Show, Steward
from scripts.demo.show import Stage
from scripts.demo.story import Story, World
from scripts.machine import layout, ports, unprivileged
from scripts.machine.processes import dies_with_parent, identity
from tests.conftest import SETTINGS

_START_SECONDS = 180
_STOP_SECONDS = 60
_STORY_SECONDS = 400


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a story take longer than another test: whichever comes first starts the house."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(_STORY_SECONDS))


@dataclass
class House:
    """A running Backstage: what a client needs, and how to break a part of it."""

    world: World
    state: Path
    output: Path
    postgres_port: int

    def process(self, name: str) -> int | None:
        """Return the process id of `api`, `worker`, `beat`, `indexer`, `anvil`, ...; None between two lives."""
        record = self.state / "run" / f"{name}.json"
        try:
            return int(json.loads(record.read_text())["pid"])
        except (FileNotFoundError, ValueError):  # the supervisor is just writing it
            return None

    def kill(self, name: str) -> None:
        """Kill -9 a part and wait until the supervisor has started it anew."""
        dead = self.process(name)
        assert dead is not None
        os.kill(dead, signal.SIGKILL)
        give_up = time.monotonic() + 90
        while self.process(name) in {dead, None}:
            assert time.monotonic() < give_up, f"{name} was not started again"
            time.sleep(0.05)

    def rows(self, query: str, *values: object) -> list[tuple]:
        """Read the database, as an operator with psql would."""
        secrets = json.loads((self.state / "secrets.json").read_text())
        url = f"postgresql://postgres:{secrets['database_passwords']['postgres']}@127.0.0.1:{self.postgres_port}/backstage"
        with psycopg.connect(url) as connection:
            return connection.execute(query, values).fetchall()

    def redeliver(self, checkout_session: str, times: int) -> None:
        """Have the payment provider send every webhook about a Checkout Session again, `times` times, in parallel."""
        simulator = f"{self.world.stripe}/_sim"
        events = httpx.get(f"{simulator}/events", params={"reference": checkout_session}, timeout=30).json()
        assert events, "the provider never sent an event about it"
        for event in events:
            sent = httpx.post(f"{simulator}/events/{event['id']}/redeliver", params={"times": times}, timeout=30)
            assert len(sent.json()["deliveries"]) == times


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """scripts/start --no-demo, on ports and data of its own; stopped by Ctrl-C, which must leave no process."""
    state = tmp_path_factory.mktemp("house")
    state.chmod(0o711)
    output, port = state / "start.log", ports.free_port()
    with output.open("wb") as log:
        start = subprocess.Popen(
            [sys.executable, "-m", "scripts.machine.start", "--no-demo", "--postgres-port", str(port)],
            cwd=layout.ROOT,
            env={name: value for name, value in os.environ.items() if name not in SETTINGS}
            | {"BACKSTAGE_STATE": str(state)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=dies_with_parent(signal.SIGINT),  # noqa: PLW1509 - it calls one function of the kernel
        )
    try:
        give_up = time.monotonic() + _START_SECONDS
        while "Serving" not in output.read_text():
            assert start.poll() is None, output.read_text()
            assert time.monotonic() < give_up, output.read_text()
            time.sleep(0.2)
        yield House(World.load(state / "world.json"), state, output, port)
        started = {file.stem: json.loads(file.read_text()) for file in (state / "run").glob("*.json")}
    finally:
        start.send_signal(signal.SIGINT)
        start.wait(_STOP_SECONDS)
        line.close()
        unprivileged.forget_place(state / "data" / "postgres")
    assert start.returncode == 0, output.read_text()
    assert [name for name, told in started.items() if identity(told["pid"]) == told["identity"]] == []


@pytest.fixture
def story(house: House) -> Story:
    """A fresh cast: a story nobody has played yet."""
    return Story(house.world, Stage())


@dataclass
class Evening:
    """An event on sale, and the people around it."""

    admin: Admin
    promoter: Promoter
    steward: Steward
    show: Show
    organisation: str
    story: Story

    def fan(self) -> Fan:
        """Somebody new with a wallet, signed in, with money for gas."""
        fan = Fan(self.story.world.api, self.story.node)
        fan.sign_in()
        self.story.node.give(self.admin.wallet, fan.address)
        return fan


@pytest.fixture(scope="session")
def evening(house: House) -> Evening:
    """An event on sale with a steward at its door. Tests share it and buy tickets of their own."""
    story = Story(house.world, Stage())
    story.platform()
    story.collection()
    story.promoter.appoint(story.show, story.steward.address)
    return Evening(story.admin, story.promoter, story.steward, story.show, story.organisation, story)
