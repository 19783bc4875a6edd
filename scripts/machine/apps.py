"""Our own processes: what scripts/start runs beside the servers. A further one is one more entry in `apps`."""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.machine import layout, ports
from scripts.machine.processes import Program, Running
from scripts.machine.supervisor import App

_NOT_THEIRS = frozenset(
    ["PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP", "MIGRATE_DATABASE_URL", "BACKSTAGE_ADMIN_KEY"]
)
"""What would change our interpreter, and secrets that only the one command which needs them is given."""

_INDEX_HALTED = frozenset({3, 4})
"""A block that was final was undone; the node serves another chain. See docs/runbooks/deep-reorg.md."""

_OWN_CHAIN_WENT_BACK = (
    "The local chain lost blocks that were final, as when its node is killed before it has saved them: "
    "start anew with scripts/start --fresh."
)

_CELERY = (str(layout.APP_PYTHON), "-m", "celery", "-A", "backend.worker")


def apps(env: Mapping[str, str], port: int, *, chain_is_ours: bool) -> list[App]:
    """Return API, worker, beat and indexer, each with how to tell that it is ready."""
    schedule = layout.DATA / "beat"
    schedule.mkdir(parents=True, exist_ok=True)
    uvicorn = [str(layout.APP_PYTHON), "-m", "uvicorn", "backend.api:app", "--host", ports.LOOPBACK]
    return [
        App(
            _program("api", [*uvicorn, "--port", str(port), "--no-access-log"], env),
            # Its own word that it has the port, and then the answer: another server may have been quicker.
            is_ready=lambda running: _has_logged("Uvicorn running on")(running) and answers(port, "/health"),
        ),
        App(
            # Threads, not processes: nothing is orphaned when the worker is killed, and the work is waiting for I/O.
            _program("worker", [*_CELERY, "worker", "--pool=threads", "--concurrency=8", "--without-gossip"], env),
            is_ready=_has_logged("ready"),
        ),
        App(
            _program("beat", [*_CELERY, "beat", "--schedule", str(schedule / "schedule"), "--pidfile="], env),
            is_ready=_has_logged("beat"),
        ),
        App(
            _program("indexer", [str(layout.APP_PYTHON), "-m", "indexer", "follow"], env),
            halts=_INDEX_HALTED,
            way_out=_OWN_CHAIN_WENT_BACK if chain_is_ours else "",
            is_ready=_has_logged("following"),
        ),
    ]


def stripe_simulator(env: Mapping[str, str], port: int, api_port: int, secret: str) -> App:
    """Return the simulator of Stripe that signs and sends webhooks to our API."""
    state = layout.DATA / "stripe.json"
    argv = [str(layout.APP_PYTHON), "-m", "tests.simulators.stripe", "--port", str(port)]
    argv += ["--webhook-url", f"http://{ports.LOOPBACK}:{api_port}/v1/webhooks/stripe"]
    argv += ["--webhook-secret", secret, "--state", str(state)]
    # Its own word: on the port another checkout's simulator may answer, which was quicker.
    return App(_program("stripe", argv, env), is_ready=_has_logged("stripe simulator ready"))


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the user's environment without what is not our processes' business, and with our settings."""
    env = {key: value for key, value in os.environ.items() if key not in _NOT_THEIRS and not key.startswith("XDG_")}
    # A home of ours: Stripe's SDK, for one, writes a file into it.
    return env | {"HOME": str(layout.HOME), "PYTHONUNBUFFERED": "1", "TZ": "UTC"} | dict(settings)


def answers(port: int, path: str) -> bool:
    """Tell whether a GET is answered with 200."""
    connection = http.client.HTTPConnection(ports.LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _program(name: str, argv: list[str], env: Mapping[str, str]) -> Program:
    return Program(
        name=name,
        argv=argv,
        env=env,
        cwd=layout.ROOT,
        log=new_log(name),
        stop_signal=signal.SIGTERM,
        grace=8.0,
    )


def new_log(name: str) -> Path:
    """Make room for an empty log; the one of the run before is kept as NAME.log.1."""
    log = layout.LOGS / f"{name}.log"
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    return log


def _has_logged(word: str) -> Callable[[Running], bool]:
    def has_logged(running: Running) -> bool:
        log = running.program.log
        return log.exists() and word in log.read_text(errors="replace")

    return has_logged
