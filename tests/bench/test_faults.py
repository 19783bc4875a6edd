"""The campaign itself, in its short version, and what it leaves behind when somebody stops it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.machine import layout
from tests.conftest import SETTINGS

_HOUSES = layout.INSTALLED / "faults"
_SHORT_SECONDS = 240
_STOP_SECONDS = 60


def _start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.programs.faults", *options],
        cwd=layout.ROOT,
        env={name: value for name, value in os.environ.items() if name not in SETTINGS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _houses() -> set[Path]:
    return set(_HOUSES.glob("*")) if _HOUSES.exists() else set()


@pytest.mark.timeout(_SHORT_SECONDS + 30)
def test_nothing_is_lost_doubled_or_stuck_whatever_dies_on_the_way():
    before = _houses()
    campaign = _start("--short", "--json", "--seed", "7")
    try:
        told, _ = campaign.communicate(timeout=_SHORT_SECONDS)
    finally:
        campaign.terminate()
    assert campaign.returncode == 0, told
    figures = {figure["name"]: figure["value"] for figure in json.loads(told.splitlines()[-1])["figures"]}
    assert [figures[name] for name in ("lost", "duplicated", "oversold", "stuck")] == [0, 0, 0, 0]
    assert figures["kills"] >= 10 and figures["purchases"] >= 30
    assert _houses() == before  # one that passed is removed


@pytest.mark.timeout(120)
def test_ctrl_c_leaves_no_process_and_no_house():
    before = _houses()
    campaign = _start("--short")
    pids = []
    assert campaign.stdout is not None
    for line in campaign.stdout:
        if "Postgres, Redis, anvil" in line:
            [house] = _houses() - before
            pids = [json.loads(record.read_text())["pid"] for record in (house / "run").glob("*.json")]
            break
    assert len(pids) >= 3
    campaign.send_signal(signal.SIGINT)
    campaign.stdout.read()
    assert campaign.wait(_STOP_SECONDS) == 130
    campaign.stdout.close()
    give_up = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < give_up, pids
        time.sleep(0.1)
    assert _houses() == before
