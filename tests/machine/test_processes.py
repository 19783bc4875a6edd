"""Nothing we start outlives us, and nothing we did not start is touched."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.machine import processes
from scripts.machine.processes import Program, launch

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
FAMILY = "import subprocess, sys, time; c = subprocess.Popen(['sleep', '60']); print(c.pid, flush=True); time.sleep(60)"


def program(folder, code, **more):
    return Program("one", [sys.executable, "-c", code], dict(os.environ), folder, folder / "one.log", **more)


def eventually(claim, seconds=30.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(0.02)
    return False


def test_stopping_asks_first(tmp_path):
    running = launch(program(tmp_path, SLEEPER))
    running.stop()
    assert running.popen.returncode == -signal.SIGTERM


def test_what_does_not_listen_is_killed_after_its_grace(tmp_path):
    running = launch(program(tmp_path, STUBBORN, grace=0.2))
    assert eventually(lambda: "deaf" in running.tail())
    running.stop()
    assert running.popen.returncode == -signal.SIGKILL


def test_the_children_of_a_stopped_program_are_gone_too(tmp_path):
    running = launch(program(tmp_path, FAMILY))
    assert eventually(lambda: running.tail().isdigit())
    child = int(running.tail())
    assert processes.identity(child)
    running.stop()
    assert eventually(lambda: processes.identity(child) is None)


@pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel does this on Linux only; elsewhere the next run cleans up"
)
def test_when_we_are_killed_the_kernel_takes_our_programs(tmp_path):
    code = (
        "import os, pathlib, sys, time\n"
        "from scripts.machine.processes import Program, launch\n"
        f"p = pathlib.Path({str(tmp_path)!r})\n"
        "running = launch(Program('one', ['sleep', '60'], dict(os.environ), p, p / 'one.log'))\n"
        "print(running.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        grandchild = int(parent.stdout.readline())
        assert processes.identity(grandchild)
        parent.kill()
    assert eventually(lambda: processes.identity(grandchild) is None)


def test_the_next_run_ends_what_an_earlier_one_left(tmp_path):
    left = launch(program(tmp_path, SLEEPER), tmp_path / "run")
    assert processes.stop_leftovers(tmp_path / "run") == ["one"]
    assert left.popen.wait(30) == -signal.SIGTERM
    assert not list((tmp_path / "run").iterdir())


def test_a_process_that_only_has_the_same_number_is_left_alone(tmp_path):
    other = launch(program(tmp_path, SLEEPER), tmp_path / "run")
    try:
        record = tmp_path / "run" / "one.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"identity": "another boot/123"}))
        assert processes.stop_leftovers(tmp_path / "run") == []
        assert other.alive()
        assert not record.exists()
    finally:
        other.stop()


def test_half_a_record_is_dropped(tmp_path):
    (tmp_path / "one.json").write_text('{"pid": 1')
    assert processes.stop_leftovers(tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_the_tail_of_a_log_is_its_last_lines(tmp_path):
    log = tmp_path / "log"
    assert processes.tail(log) == "(no output)"
    log.write_text("\n".join(str(number) for number in range(5000)))
    assert processes.tail(log, 2) == "4998\n4999"


INTERRUPTED_WHILE_STARTING = """
import os, signal, sys
from pathlib import Path
from scripts.machine.processes import Program, launch
from scripts.machine.supervisor import Interrupted, interruptible

os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
folder = Path(sys.argv[1])
try:
    with interruptible():
        launch(Program("one", ["sleep", "60"], dict(os.environ), folder, folder / "one.log"))
except Interrupted:
    print("interrupted")
"""


def test_a_ctrl_c_in_the_middle_of_a_start_is_not_lost(tmp_path):
    # In a process of its own: ours has threads, and a signal may come to any of them.
    argv = [sys.executable, "-c", INTERRUPTED_WHILE_STARTING, str(tmp_path)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_what_was_started_hears_signals_again(tmp_path):
    told = "import signal, time; print(signal.pthread_sigmask(signal.SIG_BLOCK, []), flush=True); time.sleep(60)"
    running = launch(program(tmp_path, told))
    assert eventually(lambda: "set()" in running.tail())
    running.stop()
    assert running.popen.returncode == -signal.SIGTERM
