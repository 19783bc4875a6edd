"""The commands: what they print, how they end, and what they do not load."""

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest

from backend.chain.replay import digest
from indexer.runner import Runner
from tests.indexer.conftest import ROOT, assert_same
from tests.indexer.proxy import proxy


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


_GONE = "http://127.0.0.1:9"


@contextmanager
def _of_another_chain(chain):
    with proxy(chain.anvil.url) as node:
        node.change = lambda method, _, said: said | {"result": "0x1"} if method == "eth_chainId" else said
        yield node


def test_the_status_survives_a_node_that_is_gone(indexed, command):
    code, text, _ = command("status", "--rpc-url", _GONE)
    assert code == 0
    assert "lag        unknown: endpoint 1: nobody listens at the node's address" in text


def test_the_status_says_which_chain_a_node_serves_instead(indexed, chain, command):
    with _of_another_chain(chain) as stranger:
        told = json.loads(command("status", "--json", "--rpc-url", stranger.url)[1])
    assert (told["head"], told["lag_blocks"]) == (None, None)
    assert told["trouble"] == "endpoint 1 serves eip155:1, expected eip155:31337"


@pytest.mark.parametrize("arguments", [["status"], ["verify"], ["rebuild"]])
def test_a_question_is_put_to_the_next_endpoint_when_one_is_gone_or_of_another_chain(
    indexed, chain, command, arguments
):
    with _of_another_chain(chain) as stranger:
        indexed.job = replace(indexed.job, rpc_url=f"{_GONE},{stranger.url},{chain.anvil.url}")
        code, out, err = command(*arguments)
    assert code == 0, (out, err)
    if arguments == ["status"]:
        assert f"head       {chain.head():,}" in out


def test_verify_ends_when_no_endpoint_serves_the_chain(indexed, chain, command):
    with _of_another_chain(chain) as stranger:
        code, _, err = command("verify", "--rpc-url", stranger.url)
        assert (code, "serves eip155:1" in err) == (4, True)
        code, _, err = command("verify", "--rpc-url", f"{stranger.url},{_GONE}")
        assert (code, "NodeTrouble" in err, "endpoint 2: nobody listens" in err) == (1, True, True)


def test_an_option_wins_over_the_environment(indexed, command):
    code, text, _ = command("status", "--network", "eip155:97")
    assert code == 1
    assert "network    eip155:97" in text


COMMANDS = ("follow", "backfill", "rebuild", "verify", "status")


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)])
def test_every_command_explains_itself(words, capsys):
    from indexer.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"usage: {' '.join(['python -m indexer', *words])}" in told
    for word in ("Exit codes: 0 ", "2 bad arguments", "EVM_RPC_URL", "EVM_NETWORK", "INDEX_DATABASE_URL"):
        assert word in told


def test_no_command_and_no_option_is_without_an_explanation():
    from indexer.__main__ import parser

    [commands] = [action for action in parser()._actions if action.dest == "command"]
    assert tuple(sorted(commands.choices)) == tuple(sorted(COMMANDS))
    for name, command in commands.choices.items():
        assert command.description, name
        assert [action.dest for action in command._actions if not action.help] == [], name


@pytest.mark.parametrize(
    "words",
    [
        ["status", "--network", "bsc"],
        ["verify", "--sample", "-1"],
        ["follow", "--poll", "0"],
        ["follow", "--poll", "nan"],
        ["backfill", "--until-block", "newest"],
        ["rebuild", "--check", "--from-facts"],
        ["reindex"],
        [],
    ],
)
def test_a_word_that_makes_no_sense_is_refused(words, capsys):
    from indexer.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


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
