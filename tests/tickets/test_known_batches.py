"""The file for `ape run minter_compromise --known`: what this house minted and quoted, and nothing else."""
# ruff: noqa: F811 -- a parameter named like an imported fixture is that fixture

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from backend.accounts.addresses import show_address
from backend.chain import abi, registry
from backend.chain.port import ChainUnreachable
from backend.kit.db import DatabaseAway
from backend.tickets import cancel, known_batches, tasks
from backend.tickets.models import Batch
from tests.factories.tickets import ALICE, NETWORK
from tests.tickets.test_on_chain import mint, queue
from tests.tickets.test_paid_on_chain import buyer, collection, promoter, sale  # noqa: F401 - fixtures


@pytest.fixture
def told(session):
    return lambda: json.loads(json.dumps(known_batches.known(session, NETWORK, 7)))["collections"]


def _state(chain, collection, number):
    answer = chain.port.call(collection.address, abi.encode_call("TicketCollection", "batchState", [number]))
    return tuple(abi.decode_output("TicketCollection", "batchState", answer).values())


def test_a_batch_is_known_by_the_hash_that_the_chain_has(chain, session, sale, collection, told):
    mint(chain, session, sale, collection, ALICE)
    [entry] = told()
    assert entry["address"] == show_address(collection.address)
    [batch] = entry["batches"]
    assert _state(chain, collection, batch["number"]) == (1, bytes.fromhex(batch["contents_hash"][2:]))


def test_a_batch_is_known_from_its_closing_and_forgotten_when_cancelled(
    chain,
    session,
    sale,
    collection,
    told,
):
    queue(session, sale, ALICE)
    tasks.close_batch(collection.id)
    assert [batch["number"] for batch in told()[0]["batches"]] == [1], "it may be mined at any moment"
    batch = session.scalars(select(Batch)).one()
    cancel.ask(session, batch.id, chain.now())
    chain.work(batch.id)
    chain.index(collection.address)
    assert told()[0]["batches"] == []


def test_a_quote_is_known_with_what_the_chain_says_of_it(buyer, chain, session, collection, told):
    order = buyer.order("BKS")
    buyer.send(buyer.transaction(order))
    logs = chain._logs(collection.address, 1, chain.port.head().number)
    [bought] = [log for log in logs if log.topics[0] == abi.topic("TicketCollection", "TicketsBought")]
    said = abi.decode_log("TicketCollection", "TicketsBought", bought.topics, bought.data)
    [quote] = told()[0]["quotes"]
    assert quote == {
        "id": "0x" + said["quoteId"].hex(),
        "buyer": show_address(said["buyer"]),
        "tier": said["tier"],
        "quantity": said["quantity"],
        "currency": show_address(said["currency"]),
        "price": str(said["price"]),
        "fee": str(said["fee"]),
    }


def test_an_order_by_card_was_quoted_nothing(chain, session, sale, collection, told):
    mint(chain, session, sale, collection, ALICE)
    assert told()[0]["quotes"] == []


def test_another_networks_collections_are_left_out(session, collection):
    assert known_batches.known(session, "eip155:56", 7)["collections"] == []


def test_the_command_writes_json_with_the_block_it_holds_for(fresh_database, anvil):
    anvil.mine(3)
    done = _command(DATABASE_URL=fresh_database.url, EVM_RPC_URL=anvil.url)
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)
    assert (written["format"], written["network"], written["block"], written["collections"]) == (1, NETWORK, 3, [])


def test_without_a_node_it_writes_nothing(monkeypatch, capsys):
    def away(_network):
        raise ChainUnreachable("connection refused")

    monkeypatch.setattr(registry, "port", away)
    assert known_batches.main([]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "The node does not answer" in err


def _command(**where):
    command = [sys.executable, "-m", "backend.tickets.known_batches"]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | where, check=False, timeout=60)


def test_a_database_that_is_away_is_told_with_what_to_do(chain, monkeypatch, capsys):
    def away(*_, **__):
        raise DatabaseAway

    monkeypatch.setattr(known_batches, "known", away)
    monkeypatch.setattr(known_batches.db, "configure", lambda *_, **__: None)
    monkeypatch.setattr(known_batches.db, "engine", lambda: SimpleNamespace(dispose=lambda: None))
    assert known_batches.main([]) == 1
    said = capsys.readouterr()
    assert "DATABASE_URL does not answer" in said.err and "house.env" in said.err and said.out == ""


def test_from_a_checkout_without_the_house_s_settings_it_ends_with_words(chain):
    where = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing", "EVM_RPC_URL": chain.node.url}
    command = [sys.executable, "-m", "backend.tickets.known_batches"]
    done = subprocess.run(command, env=os.environ | where, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr and "DATABASE_URL does not answer" in done.stderr


def test_a_database_that_is_away_is_told_with_what_to_do(chain):
    where = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing", "EVM_RPC_URL": chain.node.url}
    command = [sys.executable, "-m", "backend.tickets.known_batches"]
    done = subprocess.run(command, env=os.environ | where, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert "DATABASE_URL does not answer" in done.stderr and "house.env" in done.stderr
