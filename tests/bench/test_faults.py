"""The campaign itself, in its short version, and what it leaves behind when somebody stops it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.fault_kit import plan
from scripts.machine import layout, ports
from scripts.machine.processes import dies_with_parent
from tests.conftest import SETTINGS

_HOUSES = layout.INSTALLED / "faults"
_SHORT_SECONDS = 600
"""On a machine that does much else: to start the house takes longer then, the campaign itself does not."""
_STOP_SECONDS = 60
_REAPED_SECONDS = 5.0
"""Until what ended has left the kernel's list: its parent is gone by then, and another one has to ask for it."""


def _start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.programs.faults", *options],
        cwd=layout.ROOT,
        env={name: value for name, value in os.environ.items() if name not in SETTINGS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=dies_with_parent(signal.SIGINT),  # noqa: PLW1509 - it calls one function of the kernel
    )


def _houses() -> set[Path]:
    return set(_HOUSES.glob("*")) if _HOUSES.exists() else set()


@contextmanager
def _campaign(*options: str) -> Iterator[subprocess.Popen[str]]:
    """A campaign that is stopped however the test ends."""
    running = _start(*options)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
        running.communicate(timeout=_STOP_SECONDS)


def _running(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_the_short_campaign_ends_within_a_minute_and_a_half_once_the_house_stands():
    """By its own clock: it stops breaking things, and gives up waiting, whatever the machine does meanwhile."""
    assert plan.short(7).longest_seconds <= 90


@pytest.mark.timeout(_SHORT_SECONDS + _STOP_SECONDS)
def test_nothing_is_lost_doubled_or_stuck_whatever_dies_on_the_way():
    before = _houses()
    with _campaign("--short", "--json", "--seed", "7") as campaign:
        told, _ = campaign.communicate(timeout=_SHORT_SECONDS)
    assert campaign.returncode == 0, told
    figures = {figure["name"]: figure["value"] for figure in json.loads(told.splitlines()[-1])["figures"]}
    assert [figures[name] for name in ("lost", "duplicated", "oversold", "stuck")] == [0, 0, 0, 0]
    assert figures["kills"] >= 10 and figures["purchases"] >= 30
    assert _houses() == before  # one that passed is removed


def test_ctrl_c_leaves_no_process_and_no_house():
    before = _houses()
    with _campaign("--short") as campaign:
        assert campaign.stdout is not None
        assert any("Postgres, Redis, anvil" in line for line in campaign.stdout)
        [house] = _houses() - before
        pids = [json.loads(record.read_text())["pid"] for record in (house / "run").glob("*.json")]
        assert len(pids) >= 3
        campaign.send_signal(signal.SIGINT)
    assert campaign.returncode == 130
    gone = ports.wait_until(lambda: _running(pids) == [], lambda: True, _REAPED_SECONDS)
    assert gone, _running(pids)
    assert _houses() == before
