"""The house's side of a chain that is indexed: checkpoints, and the proofs it gives."""

from backend.checkpoints import take
from backend.kit import clock
from backend.kit.db import unit_of_work
from tests.indexer.chainside import NETWORK


def catch_up(index, chain):
    """Let everything so far be final but the newest block, and read it."""
    chain.anvil.mine(1)
    index.catch_up()


def checkpoint(index):
    with unit_of_work() as session:
        return take.take(session, NETWORK, clock.now())


def proof_of(house, collection, token):
    answer = house.get(f"/v1/collections/0x{collection.hex()}/tickets/{token}/proof")
    assert answer.status_code == 200, answer.json()
    return answer.json()
