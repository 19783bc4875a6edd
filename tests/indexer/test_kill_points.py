"""A backfill ended by kill -9 at each named point, and then done: no gap, no double, whatever was under way."""

import json
import signal
import subprocess
import sys

import pytest

from tests.indexer.conftest import ROOT, assert_same

POINTS = {
    "before the first block": "indexer.apply.start",
    "before a page is asked for": "indexer.ranges.fetch_range",
    "before a stretch is applied": "indexer.apply.apply",
    "after the cursor is written, before the facts": "indexer.apply._store",
    "between facts and projections": "indexer.apply._project",
    "between movements and holdings": "backend.tickets.holdings._write",
    "before what was found is completed": "indexer.follower.completed",
    "before the final handlers": "indexer.finality.Finality.run",
    "between two final handlers": "indexer.finality.Finality._give",
}
_KILLED_THERE = """
import os, signal, sys
from importlib import import_module

path, times = sys.argv.pop(1), int(sys.argv.pop(1))
owner, name = path.rsplit(".", 1)
import indexer.__main__ as program
try:
    place = import_module(owner)
except ModuleNotFoundError:
    module, kind = owner.rsplit(".", 1)
    place = getattr(import_module(module), kind)
real, left = getattr(place, name), times

def counted(*args, **kwargs):
    global left
    left -= 1
    if left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)

setattr(place, name, counted)
sys.exit(program.main(sys.argv[1:]))
"""


def _run(index, point, times):
    """Backfill until `point` is reached for the time `times`; return the exit code."""
    command = [sys.executable, "-c", _KILLED_THERE, point, str(times), "backfill"]
    done = subprocess.run(
        command, cwd=ROOT, env=index.environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.parametrize("point", POINTS)
def test_a_backfill_killed_there_again_and_again_ends_as_the_chain(index, chain, point):
    collection = chain.new_collection()
    for turn in range(3):
        tokens = chain.mint(collection, *(chain.people[(turn + n) % 10] for n in range(4)))
        chain.move(collection, tokens[0], chain.people[9 - turn])
        chain.anvil.mine(60)
    index = index.final_after(None)
    assert _run(index, POINTS[point], 1) == -signal.SIGKILL
    _run(index, POINTS[point], 2)
    done = index.run("backfill")
    _, said = done.communicate(timeout=60)
    assert done.returncode == 0, said
    assert_same(index, chain)


def test_what_reads_a_past_stays_light(index, chain):
    """No web3, no API framework, no HTTP client of comfort, no signing: memory is one of the goals."""
    collection = chain.new_collection()
    chain.mint(collection, *chain.people[:3])
    chain.anvil.mine(60)
    code = (
        "import json, sys\nimport indexer.__main__ as program\n"
        "assert program.main(['backfill']) == 0\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=index.environment(), capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(told.stdout.splitlines()[-1]))
    heavy = {"web3", "fastapi", "starlette", "httpx", "celery", "eth_account", "stripe"}
    assert not loaded & (heavy | {"eth_abi", "eth_keys", "websockets"})
