"""scripts/start and scripts/test on a machine with little on its PATH."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELL_TOOLS = ("sh", "dirname", "env")


@pytest.fixture
def small_path(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in SHELL_TOOLS:
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


def run(command, path, *arguments):
    return subprocess.run(
        [ROOT / "scripts" / command, *arguments],
        env={"PATH": str(path), "HOME": "/nonexistent"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_needs_python_and_a_shell_only(small_path):
    (small_path / "python3").symlink_to(os.path.realpath(sys.executable))
    done = run("start", small_path, "--help")
    assert done.returncode == 0, done.stderr
    for option in ("--fresh", "--no-demo", "--demo", "--exit-after-demo", "--port", "--postgres-port", "--redis-port"):
        assert option in done.stdout
    for variable in ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL", "EVM_RPC_URL", "STRIPE_API_KEY"):
        assert variable in done.stdout


@pytest.mark.parametrize("command", ["start", "test"])
def test_without_a_python_it_says_which_one_is_needed(small_path, command):
    done = run(command, small_path)
    assert done.returncode == 1
    assert "Python 3.11 or 3.12" in done.stderr


def test_a_python_that_refuses_or_is_too_old_is_passed_over(small_path):
    refusing = small_path / "python3.11"
    refusing.write_text("#!/bin/sh\necho 'not installed' >&2\nexit 127\n")
    refusing.chmod(0o755)
    (small_path / "python3").symlink_to(os.path.realpath(sys.executable))
    assert run("start", small_path, "--help").returncode == 0


def test_what_is_wrong_is_said_without_a_traceback(small_path):
    (small_path / "python3").symlink_to(os.path.realpath(sys.executable))
    done = run("start", small_path, "--no-demo", "--exit-after-demo")
    assert done.returncode == 1
    assert "--exit-after-demo needs the demo" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_continuous_integration_calls_the_test_command_and_nothing_else():
    lines = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "set -eu"
    assert len(lines) == 2
    assert "scripts/test" in lines[1]
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_the_tests_explain_themselves_before_anything_is_installed(small_path):
    (small_path / "python3").symlink_to(os.path.realpath(sys.executable))
    done = run("test", small_path, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: scripts/test")
    assert "Installing" not in done.stdout + done.stderr


def test_a_command_that_is_still_importing_ends_on_ctrl_c_without_a_traceback():
    code = "import sys; sys.argv[:] = ['-m']; import scripts.machine, os, signal; os.kill(os.getpid(), signal.SIGINT)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
