"""What happens when something dies, and when somebody says stop."""

import os
import signal
import sys
import time
from functools import partial

import pytest

from scripts.machine import layout
from scripts.machine.processes import Program, launch
from scripts.machine.supervisor import App, Interrupted, Supervisor, ended, interruptible
from scripts.machine.trouble import Trouble


@pytest.fixture(autouse=True)
def _records_in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "RUN", tmp_path / "run")


@pytest.fixture
def supervisor():
    held = Supervisor()
    yield held
    held.stop()


def app(folder, code="import time; print('up', flush=True); time.sleep(60)", name="worker"):
    program = Program(name, [sys.executable, "-c", code], dict(os.environ), folder, folder / f"{name}.log")
    return App(program, is_ready=lambda running: "up" in running.tail(), ready_seconds=10)


class Server:
    def __init__(self, folder):
        self.program = Program("redis", ["sleep", "60"], dict(os.environ), folder, folder / "redis.log")
        self.running = None

    def start(self):
        self.running = launch(self.program)

    def stop(self):
        self.running.stop()


def test_a_killed_worker_is_started_again_with_a_line_about_it(supervisor, tmp_path, capsys):
    worker = app(tmp_path)
    supervisor.start_apps([worker])
    first = worker.running.pid
    os.kill(first, signal.SIGKILL)
    worker.running.popen.wait()
    supervisor.look()
    assert worker.running.pid != first
    assert worker.running.alive()
    assert "worker was killed by SIGKILL; started again" in capsys.readouterr().out


def test_what_halts_on_purpose_stays_down_and_the_rest_goes_on(supervisor, tmp_path, capsys):
    worker, indexer = app(tmp_path), app(tmp_path, "import sys; sys.exit('DeepReorg: a person must look')", "indexer")
    indexer.halts, indexer.way_out = frozenset({1}), "start anew with scripts/start --fresh"
    supervisor.start_apps([worker, indexer])
    supervisor.look()
    supervisor.look()
    assert indexer.running is None
    assert worker.running.alive()
    told = capsys.readouterr().out
    assert told.count("indexer ended with status 1 and stays down") == 1
    assert "a person must look" in told
    assert told.count("scripts/start --fresh") == 1


def test_a_worker_that_dies_again_and_again_ends_the_run(supervisor, tmp_path):
    worker = app(tmp_path)
    supervisor.start_apps([worker])

    def die():
        worker.running.kill()
        supervisor.look()

    for _ in range(5):
        die()
    with pytest.raises(Trouble, match="worker was killed by SIGKILL"):
        die()


def test_a_dead_server_ends_the_run(supervisor, tmp_path):
    server = Server(tmp_path)
    supervisor.start_server("Redis", server)
    server.running.kill()
    with pytest.raises(Trouble, match="Redis was killed by SIGKILL"):
        supervisor.look()


def test_what_does_not_become_ready_is_told_with_its_log(supervisor, tmp_path):
    with pytest.raises(Trouble, match="no settings"):
        supervisor.start_apps([app(tmp_path, "raise SystemExit('no settings')")])


def test_apps_stop_before_the_servers_they_use(tmp_path):
    order = []
    supervisor, server, worker = Supervisor(), Server(tmp_path), app(tmp_path)
    supervisor.start_server("Redis", server)
    supervisor.start_apps([worker])
    stop_server, stop_worker = server.stop, worker.stop
    server.stop = lambda: (order.append("server"), stop_server())
    worker.stop = lambda: (order.append("worker"), stop_worker())
    supervisor.stop()
    assert order == ["worker", "server"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_way_to_say_stop_interrupts_once_and_is_then_ignored(sent, request):
    # Whoever runs the tests may be deaf to it (nohup).
    request.addfinalizer(partial(signal.signal, sent, signal.signal(sent, signal.default_int_handler)))
    before = signal.getsignal(sent)
    with interruptible():
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), sent)
            time.sleep(1)
        os.kill(os.getpid(), sent)  # while we stop: must not interrupt the stopping
    assert signal.getsignal(sent) is before


def test_who_started_us_deaf_to_hangups_keeps_us_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_how_a_process_ended_is_said_in_words():
    assert ended(-9) == "was killed by SIGKILL"
    assert ended(3) == "ended with status 3"
