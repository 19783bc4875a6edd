"""The drill on the running house: the minter's key leaks, one command ends it, and the evening goes on."""

import json
import os
import subprocess
import sys

import pytest
from eth_utils import keccak

from scripts.demo.http import until
from scripts.demo.people import GOOD_CARD, Fan, pay
from scripts.demo.wallet import Wallet
from scripts.machine import contracts, layout
from tests.conftest import SETTINGS

LOCKED, STOLEN = 1, 3


@pytest.fixture
def show(story):
    """An event of its own: its collection stays paused afterwards."""
    story.platform()
    story.collection()
    story.promoter.appoint(story.show, story.steward.address)
    return story.show


def _buys(story, fan):
    order = fan.order(story.show, story.show.standing, 1)["order"]
    assert pay(fan.checkout(order["order_id"]), GOOD_CARD) == "complete"
    return order["order_id"]


@pytest.fixture
def sold(story, show):
    """Two fans with a ticket each: one will come to the door, the other wants her money back."""
    orders = [_buys(story, fan) for fan in (story.fan, story.friend)]
    for fan, order in zip((story.fan, story.friend), orders, strict=True):
        fan.await_order(order, "FULFILLED")
    story.node.give(story.admin.wallet, story.fan.address)
    return orders


@pytest.fixture
def secrets(house):
    return json.loads((house.state / "secrets.json").read_text())["keys"]


@pytest.fixture
def stolen(story, show, sold, secrets):
    """The thief mints to himself what the allowance still allows, as the leaked key."""
    node, thief = story.node, story.stranger.address
    number = node.read(show.collection, "nextBatch()", returns="uint64")
    batch = (bytes.fromhex(thief[2:]) + b"\x00\x01") * STOLEN
    node.transact(Wallet(secrets["minter"]), show.collection, "mintBatch(uint64,bytes)", number, batch)
    tokens = [(number << 16) + index for index in range(STOLEN)]
    assert {node.owner_of(show.collection, token) for token in tokens} == {thief}
    return tokens


def _known(house, directory):
    """What an operator of the house writes down: `python -m backend.tickets.known_batches`."""
    password = json.loads((house.state / "secrets.json").read_text())["database_passwords"]["backstage_app"]
    where = {
        "DATABASE_URL": f"postgresql://backstage_app:{password}@127.0.0.1:{house.postgres_port}/backstage",
        "EVM_RPC_URL": house.world.rpc,
    }
    command = [sys.executable, "-m", "backend.tickets.known_batches"]
    told = subprocess.run(command, env=os.environ | SETTINGS | where, cwd=layout.ROOT, capture_output=True, check=True)
    file = directory / "known.json"
    file.write_bytes(told.stdout)
    return file


def _ape(house, secrets, *arguments):
    deployments = json.loads((house.state / "world.json").read_text())["deployments"]
    environment = contracts.ape_environment(
        {
            "EVM_NETWORK": "local",
            "EVM_RPC_URL": house.world.rpc,
            "BACKSTAGE_DEPLOYMENTS": deployments,
            "BACKSTAGE_ADMIN_KEY": secrets["admin"],
            "BACKSTAGE_OPERATOR_KEY": secrets["operator"],
        }
    )
    command = [str(layout.CONTRACTS_ENV / "bin" / "ape"), "run", *arguments]
    done = subprocess.run(command, env=environment, cwd=layout.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _token(story, fan: Fan, order):
    [ticket] = fan.tickets(order)
    return ticket, int(ticket["token_id"])


def _index_says(story, token, status):
    def look():
        found = story.world_view(token)
        return found if found["status"] == status and found["is_final"] else None

    return until(f"the index says that {token} is {status}", look, 90)


def _verified(story, house, show, secrets, directory):
    """The collection is what its promoter signed, but for the allowance, which sinks with every mint."""
    signed = story.promoter.api.get(f"/v1/events/{show.event_id}/collection")["params"]
    file = directory / "params.json"
    file.write_text(json.dumps({name: value for name, value in signed.items() if name != "minterAllowance"}))
    return _ape(house, secrets, "verify", "--collection", show.collection, "--expect", str(file))


@pytest.mark.timeout(300)
def test_one_command_ends_it_while_doors_and_refunds_go_on(story, house, show, sold, stolen, secrets, tmp_path):
    node, collection = story.node, show.collection
    assert "MISMATCH" not in _verified(story, house, show, secrets, tmp_path)
    # Of one collection: --all would stop the evening's others for the journeys that come after.
    drill = ("minter_compromise", "--collection", collection, "--known", str(_known(house, tmp_path)), "--yes")
    said = _ape(house, secrets, *drill)
    assert f"{STOLEN} unknown tickets" in said and story.stranger.address in said

    paused = node.read(collection, "paused()", returns="uint8")
    minter = node.read(collection, "minter()", returns="address")
    assert (paused, int(minter, 16)) == (2, 0)
    for token in stolen:
        # The index follows. The house has no ticket of its own for them, and a door admits by those.
        assert _index_says(story, token, "LOCKED")["owner"].lower() == story.stranger.address.lower()
    with pytest.raises(RuntimeError, match=keccak(text="NotMinter()")[:4].hex()):
        number = node.read(collection, "nextBatch()", returns="uint64")
        entry = bytes.fromhex(story.stranger.address[2:]) + b"\x00\x01"
        node.transact(Wallet(secrets["minter"]), collection, "mintBatch(uint64,bytes)", number, entry)

    # At the door, with the operator's key that has just been used by somebody else than the house.
    ticket, used = _token(story, story.fan, sold[0])
    challenge = story.steward.challenge(show, ticket["ticket_id"])
    verdict = story.steward.admit(challenge, story.fan.wallet.sign_typed(challenge["typed_data"]))
    assert verdict["result"] == "ADMITTED"
    # And money goes back.
    _, refunded = _token(story, story.friend, sold[1])
    story.admin.api.post(f"/v1/admin/orders/{sold[1]}/refund", {"reason": "changed_her_mind"})
    story.friend.await_order(sold[1], "REFUNDED")
    _index_says(story, used, "USED")
    _index_says(story, refunded, "VOID")

    again = _ape(house, secrets, *drill)
    assert "done in block" not in again and "rotated already" in again and again.count(" LOCKED ") == STOLEN
