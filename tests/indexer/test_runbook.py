"""docs/runbooks/deep-reorg.md, walked: its commands are run as they stand there, by a shell, against real processes."""

import re
import shlex
import subprocess
import sys

import pytest

from indexer.reorg import DeepReorg
from tests.indexer.conftest import ROOT, assert_same
from tests.indexer.proxy import proxy

RUNBOOK = (ROOT / "docs" / "runbooks" / "deep-reorg.md").read_text()


def commands(section):
    """The shell commands of a section, block by block."""
    text = RUNBOOK.split(f"\n## {section}. ", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def statements():
    """The queries of section 4, without the one that says who asks, as psycopg takes them."""
    [found] = re.findall(r"```sql\n(.*?)```", RUNBOOK, re.DOTALL)
    return [one.replace("%", "%%") for one in found.split(";") if one.strip()][1:]


def run_as_written(index, block, values=None):
    """Run commands in the indexer's environment; `python` is ours. Return exit code and everything that was printed."""
    script = re.sub(r"\bpython -m\b", f"{shlex.quote(sys.executable)} -m", block)
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=ROOT,
        env={**index.environment(), **(values or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def shell(index):
    """A shell whose finality is two blocks."""
    values = {"FINALITY_DEPTH": "2"}

    def run(block):
        return run_as_written(index, block, values)

    run.values = values
    return run


@pytest.fixture
def show(index, chain):
    collection = chain.new_collection()
    tokens = chain.mint(collection, chain.people[1], chain.people[2])
    for turn in range(8):
        chain.move(collection, tokens[0], chain.people[3 + turn % 5])
    index.final_after(2).catch_up()
    return collection, tokens


def told(text):
    """What step 1 has a person read: number, our hash, the node's, as step 1 has them exported."""
    number, ours, theirs = re.search(r"block (\d+) was final as (0x\w+), the node now says (0x\w+)", text).groups()
    assert "HALTED" in text
    return {"BLOCK": hex(int(number)), "OURS": ours, "THEIRS": theirs}


def test_the_node_was_wrong(index, chain, show, shell):
    before = index.logs(), index.holdings(), index.cursor()[:3]
    with proxy(chain.anvil.url) as liar:

        def change(method, _params, response):
            block = response.get("result")
            if method == "eth_getBlockByNumber" and block and int(block["number"], 16) >= chain.head() - 5:
                block["hash"] = "0xbad" + block["hash"][5:]
            return response

        liar.change = change
        with pytest.raises(DeepReorg):
            index.final_after(2).at(liar.url).catch_up()
        assert (index.logs(), index.holdings(), index.cursor()[:3]) == before, "it changed nothing"
        shell.values |= {"EVM_RPC_URL": liar.url, "SECOND": chain.anvil.url}
        code, text = shell(commands(1)[0])
        assert code == 1
        shell.values |= told(text)
        code, text = shell(commands(2)[0])
        assert shell.values["OURS"] in text, "the second node agrees with us"
        [again] = commands(3)
        code, text = shell(again)
        assert code == 0, text
        assert "RUNNING" in text
    assert_same(index, chain)


def test_the_network_undid_final_blocks(index, chain, show, shell):
    collection, tokens = show
    chain.reorg(9)  # the mint is kept, the moves are gone
    with pytest.raises(DeepReorg):
        index.final_after(2).catch_up()
    shell.values["SECOND"] = chain.anvil.url
    code, text = shell(commands(1)[0])
    assert code == 1
    shell.values |= told(text)
    assert shell.values["THEIRS"] in shell(commands(2)[0])[1], "the second node agrees with the first"
    pause, rebuild = commands(4)
    assert pause.startswith("ape run pause")
    code, text = shell(rebuild)
    assert code == 0, text
    assert "RUNNING" in text
    assert_same(index, chain)
    assert index.holdings().get((collection, tokens[0])) == chain.ticket(collection, tokens[0])


def test_the_queries_find_nothing_where_nothing_is_sold(index, chain, show):
    assert [index.query(one) for one in statements()] == [[], [], []]


def test_without_the_rebuild_it_halts_again(index, chain, show, shell):
    chain.reorg(9)
    for _ in range(2):
        code, text = shell("python -m indexer follow")
        assert code == 3
        assert "DeepReorg" in text
    assert shell("python -m indexer rebuild")[0] == 3
