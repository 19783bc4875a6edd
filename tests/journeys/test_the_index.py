"""The running house can prove what it says of tickets: to itself, and to somebody who has only a node."""

import json
import os
import subprocess
import sys

import httpx
import pytest

from scripts.demo.http import until
from scripts.demo.people import GOOD_CARD, pay
from scripts.machine import layout


def _run(house, *command, told=None):
    world = json.loads((house.state / "world.json").read_text())
    secrets = json.loads((house.state / "secrets.json").read_text())
    password = secrets["database_passwords"]["backstage_index"]
    env = os.environ | {
        "INDEX_DATABASE_URL": f"postgresql://backstage_index:{password}@127.0.0.1:{house.postgres_port}/backstage",
        "EVM_RPC_URL": house.world.rpc,
        "DEPLOYMENTS_DIR": world["deployments"],
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=layout.ROOT,
        env=env,
        input=told,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.timeout(240)  # a checkpoint is taken a minute after the last
def test_a_ticket_is_proven_and_the_whole_index_agrees_while_it_follows(evening, house):
    fan = evening.fan()
    order = fan.order(evening.show, evening.show.standing, 1)["order"]
    pay(fan.checkout(order["order_id"]), GOOD_CARD)
    fan.await_order(order["order_id"], "FULFILLED")
    [ticket] = fan.tickets(order["order_id"])
    url = f"{house.world.api}/v1/collections/{evening.show.collection}/tickets/{ticket['token_id']}/proof"

    def look():
        found = httpx.get(url)
        return found if found.status_code == 200 else None

    answer = until("a checkpoint holds the ticket", look, 90)
    root = answer.json()["root"]
    assert root in {one["root"] for one in httpx.get(f"{house.world.api}/v1/checkpoints").json()["items"]}
    done = _run(house, "scripts/verify_inclusion.py", root, house.world.rpc, told=answer.text)
    assert done.returncode == 0, done
    assert answer.json()["owner"] == fan.address
    verified = _run(house, "-m", "indexer", "verify", "--json")
    assert verified.returncode == 0, verified.stdout
    compared = {part["name"]: part["compared"] for part in json.loads(verified.stdout)["parts"]}
    assert compared["tickets"] >= 1 and compared["authority"] > 20 and compared["bks"] == 2
    assert house.rows("SELECT count(*) FROM index_checks WHERE status = 'MISMATCH'") == [(0,)]
