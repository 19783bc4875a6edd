"""Processes that share the tests: what stays together, what goes first, and what Ctrl-C leaves (nothing)."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.machine import layout
from scripts.machine.processes import identity
from tests.fixtures.workers import CHECKS, LONGEST, in_order, unit

SHARED_SERVER = """
import subprocess, pytest
@pytest.fixture(scope="session")
def server(tmp_path_factory, worker_id):
    running = subprocess.Popen(["sleep", "600"])
    (OUT / f"{worker_id}.pid").write_text(str(running.pid))
    yield running
    running.terminate()
    running.wait()
    (OUT / f"{worker_id}.closed").write_text("")
"""
# pytest-xdist itself would wait ten seconds for what it told to end, and then kill.
IMPATIENT = """
import xdist.workermanage
xdist.workermanage.NodeManager.EXIT_TIMEOUT = 0.1
"""
NOTES = """
import os
@pytest.fixture(autouse=True)
def note(request):
    with (OUT / "ran").open("a") as file:
        file.write(f"{request.path.name} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("tests/kit/test_ids.py::test_a[1::2]", "tests/kit/test_ids.py"),
        ("tests/journeys/test_a_guest.py::test_b", "tests/journeys"),
        (f"{CHECKS}::test_the_sources_hold[ruff]", f"{CHECKS}::test_the_sources_hold"),
    ],
)
def test_what_shares_a_house_or_a_file_stays_together(nodeid, expected):
    assert unit(nodeid) == expected


def test_the_longest_goes_first_then_what_has_most_tests():
    few, many = ["tests/a/test_few.py::test_1"], [f"tests/b/test_many.py::test_{n}" for n in range(3)]
    assert in_order([*few, *many, f"{LONGEST[-1]}::test_it"]) == [LONGEST[-1], unit(many[0]), unit(few[0])]


def test_what_is_said_to_be_long_exists():
    for name in LONGEST:
        path, _, test = name.partition("::")
        assert (layout.ROOT / path).exists()
        assert not test or f"def {test}(" in (layout.ROOT / path).read_text()


@contextmanager
def _pytest(folder: Path, tests: dict[str, str], *options: str):
    """Run other tests in two processes, stopped however the block ends."""
    (folder / "out").mkdir()
    conftest = f"from pathlib import Path\nimport pytest\nOUT = Path({str(folder / 'out')!r})\n"
    (folder / "conftest.py").write_text(conftest + SHARED_SERVER + IMPATIENT + NOTES)
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in tests.items():
        (folder / name).write_text(text)
    running = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n2",
            "-p",
            "xdist.plugin",
            "-p",
            "tests.fixtures.workers",
            "-p",
            "no:cacheprovider",
            *options,
            folder,
        ],
        cwd=layout.ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # they take seconds to import
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)


def test_a_file_runs_in_one_process_and_each_has_servers_of_its_own(tmp_path):
    text = "import time\n" + "".join(f"def test_{n}(server): time.sleep(0.05)\n" for n in range(4))
    with _pytest(tmp_path, dict.fromkeys(("test_one.py", "test_two.py", "test_three.py"), text)) as running:
        told, _ = running.communicate(timeout=100)
    assert running.returncode == 0 and "12 passed" in told, told
    where = defaultdict(set)
    for line in (tmp_path / "out" / "ran").read_text().splitlines():
        file, worker = line.split()
        where[file].add(worker)
    assert all(len(workers) == 1 for workers in where.values())
    assert set.union(*where.values()) == {"gw0", "gw1"}
    servers = {file.read_text() for file in (tmp_path / "out").glob("*.pid")}
    assert len(servers) == 2
    assert all(identity(int(pid)) is None for pid in servers)


def test_a_failure_in_any_process_counts_and_is_shown(tmp_path):
    tests = {"test_good.py": "def test_it(): pass\n", "test_bad.py": "def test_it(): assert 1 == 2, 'not so'\n"}
    with _pytest(tmp_path, tests) as running:
        told, _ = running.communicate(timeout=100)
    assert running.returncode == 1
    assert "1 failed, 1 passed" in told and "not so" in told


def test_ctrl_c_closes_the_servers_of_each_process(tmp_path):
    text = "import time\ndef test_it(server): time.sleep(600)\n"
    with _pytest(tmp_path, {"test_one.py": text, "test_two.py": text}) as running:
        give_up = time.monotonic() + 60
        while len(pids := [file.read_text() for file in (tmp_path / "out").glob("*.pid")]) < 2 or "" in pids:
            assert time.monotonic() < give_up and running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        told, _ = running.communicate(timeout=60)
    assert running.returncode == 2, told
    assert {file.name for file in (tmp_path / "out").glob("*.closed")} == {"gw0.closed", "gw1.closed"}
    assert all(identity(int(pid)) is None for pid in pids)
