"""The commands: what they print, how they end, and what they do not load."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from backend.chain.replay import digest
from indexer.runner import Runner
from tests.indexer.conftest import ROOT, assert_same


def _digest(index):
    with Runner(index.job).locked() as writer, writer.transaction() as session:
        return digest(session, index.job.network)


@pytest.fixture
def indexed(index, chain):
    collection = chain.new_collection()
    tokens = chain.mint(collection, *chain.people[:6])
    chain.move(collection, tokens[0], chain.people[9])
    chain.set_status(collection, tokens[1], 3)
    chain.anvil.mine(3)
    index.job = replace(index.job, finality_depth=1)
    index.catch_up()
    return index


def _final_cursors(index):
    return index.query("SELECT name, block_number FROM chain_cursors WHERE name LIKE 'final:%%' ORDER BY name")


def test_a_rebuild_from_zero_gives_the_same_digest(indexed, chain, command):
    before, finals = _digest(indexed), _final_cursors(indexed)
    code, out, err = command("rebuild")
    assert code == 0, err
    assert f"before {before}" in out
    assert f"after  {before}" in out
    assert _digest(indexed) == before
    assert _final_cursors(indexed) == finals
    assert_same(indexed, chain)


def test_a_rebuild_finds_and_repairs_what_was_wrong(indexed, chain, command):
    indexed.execute("UPDATE holdings SET owner = %s WHERE token_id = 65538", b"\x66" * 20)
    code, _, err = command("rebuild")
    assert code == 1
    assert "DIFFERENT" in err
    assert_same(indexed, chain)


def test_the_digest_sees_every_column_and_every_row(indexed):
    seen = {_digest(indexed)}
    for change in (
        "UPDATE holdings SET epoch = epoch + 1 WHERE token_id = 65537",
        "UPDATE holdings SET final = NOT final WHERE token_id = 65537",
        "UPDATE token_movements SET kind = 'SALE' WHERE kind = 'GIFT'",
        "DELETE FROM holdings WHERE token_id = 65540",
    ):
        indexed.execute(change)
        seen.add(_digest(indexed))
    assert len(seen) == 5


def test_a_rebuild_killed_half_way_is_finished_by_the_follower(indexed, chain, command, monkeypatch):
    def die(*_, **__):
        raise SystemExit

    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr("indexer.ranges.Ranges.after", die)
        command("rebuild")
    assert indexed.holdings() == {}
    indexed.catch_up()
    assert_same(indexed, chain)


def test_a_rebuild_after_a_deep_reorg_believes_the_node(indexed, chain, command):
    chain.anvil.mine(3)
    indexed.catch_up()
    chain.reorg(8)
    assert command("backfill")[0] == 3
    assert command("rebuild")[0] == 3
    assert command("rebuild", "--accept-deep-reorg")[0] == 0
    assert_same(indexed, chain)
    assert indexed.cursor()[2:] == (chain.head() - 1, "RUNNING", None)


def test_the_status_is_told_to_people_and_programs(indexed, chain, command):
    _, text, _ = command("status")
    assert f"block      {chain.head():,}" in text
    assert "no process follows it now" in text
    with indexed.following():
        indexed.wait_for(lambda: "no process" not in command("status")[1])
    code, text, _ = command("status", "--json")
    told = json.loads(text)
    assert code == 0
    assert (told["block"], told["head"], told["lag_blocks"]) == (chain.head(), chain.head(), 0)
    assert told["finalized"] == chain.head() - 1
    assert {handler["status"] for handler in told["handlers"]} == {"RUNNING"}
    chain.anvil.mine(200)
    assert command("status")[0] == 1
    assert command("status", "--max-lag", "200")[0] == 0


def test_the_status_of_a_new_index_is_new(index, command):
    code, text, _ = command("status", "--json")
    assert (code, json.loads(text)["status"]) == (1, "NEW")


def test_the_status_survives_a_node_that_is_gone(indexed, command):
    code, text, _ = command("status", "--rpc-url", "http://127.0.0.1:9")
    assert code == 0
    assert "unknown" in text


def test_an_option_wins_over_the_environment(indexed, command):
    code, text, _ = command("status", "--network", "eip155:97")
    assert code == 1
    assert "network    eip155:97" in text


@pytest.mark.parametrize("words", [[], ["follow"], ["backfill"], ["rebuild"], ["status"]])
def test_every_command_explains_itself(words, capsys):
    from indexer.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    assert "usage: python -m indexer" in capsys.readouterr().out


def test_a_whole_backfill_never_loads_web3(index, chain):
    chain.mint(chain.new_collection(), chain.people[1])
    code = (
        "import sys; from indexer.__main__ import main; code = main(['backfill']); "
        "sys.exit(code or 100 * ('web3' in sys.modules) or 101 * ('celery' in sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=index.environment(), capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert_same(index, chain)
