"""A pytest plugin for Ape: collects the contract tests once, then runs them again and again in forks of itself.

Each job is a line of JSON on the socket named by BACKSTAGE_SUITE_SOCKET: the compiled contracts and the tests to run.
The fork starts a node of its own, so nothing of one job is left for the next. Imported by the contracts' environment
only, which has none of the application's packages.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ape.contracts import ContractContainer
from ape.managers.project import ContractManager
from ape.pytest.runners import PytestApeRunner
from ape.utils.basemodel import ManagerAccessMixin
from ape_foundry.provider import FoundryProvider
from ethpm_types import ContractType

from bench.mutation_kit.wire import NODE_OUTPUT, PRINTER, SOCKET
from scripts.machine import processes

_PEOPLE = 15

# Ape has no public way to connect later than it does, nor to name its runner.
_connect = PytestApeRunner._connect  # noqa: SLF001
_build_command = FoundryProvider.build_command


def _node_command(provider: FoundryProvider) -> list[str]:
    """Any code size is allowed."""
    told = [*_build_command(provider), "--disable-code-size-limit", "--gas-limit", "200000000"]
    output = os.environ.get(NODE_OUTPUT)
    return ["/bin/sh", "-c", f'exec "$@" > "${NODE_OUTPUT}"', "sh", *told] if output else told


FoundryProvider.build_command = _node_command
PytestApeRunner._connect = lambda _runner: None  # noqa: SLF001 - each fork connects for itself


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Answer jobs until the other side hangs up."""
    import scripts._compiled as compiled  # noqa: PLC0415 - the tests' own path is set by now

    import_module("thrift").UNSEEN.add(PRINTER)  # in tests/contracts
    _compile_nothing(compiled)
    accounts = ManagerAccessMixin.account_manager.test_accounts
    for number in range(_PEOPLE):
        accounts[number]  # its key is derived here, once, and not in every fork
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(os.environ[SOCKET])
        with line.makefile("rw", encoding="utf-8") as wire:
            wire.write(json.dumps({"tests": [item.nodeid for item in session.items]}) + "\n")
            wire.flush()
            for told in wire:
                wire.write(json.dumps(_in_a_fork(session, json.loads(told))) + "\n")
                wire.flush()
    return True


def _compile_nothing(compiled: ModuleType) -> None:
    """Keep Ape from compiling: the contracts come with each job."""
    compiled.contracts = dict  # type: ignore[attr-defined]


def _in_a_fork(session: pytest.Session, job: dict[str, Any]) -> dict[str, Any]:
    """Run one job in a child and return what it told; `timed_out` when it had to be killed."""
    results = Path(job["results"])
    results.write_text("")
    began = time.monotonic()
    die_with_us = processes.dies_with_parent(signal.SIGKILL)
    child = os.fork()
    if child == 0:
        if die_with_us is not None:
            die_with_us()
        _child(session, job, results)
    deadline = began + job["seconds"]
    timed_out = False
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline and not timed_out:
            timed_out = True
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        time.sleep(0.01)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # its node
    told = [json.loads(line) for line in results.read_text().splitlines()]
    return {"told": told, "timed_out": timed_out, "seconds": round(time.monotonic() - began, 2)}


def _child(session: pytest.Session, job: dict[str, Any], results: Path) -> None:
    """Never returns."""
    os.setsid()
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os.environ["APE_FOUNDRY_HOST"] = f"http://127.0.0.1:{_free_port()}"
        if job["node_output"]:
            os.environ[NODE_OUTPUT] = job["node_output"]
        _use(json.loads(Path(job["contracts"]).read_text()))
        runner = ManagerAccessMixin._test_runner  # noqa: SLF001
        assert runner is not None  # noqa: S101 - Ape's own plugin has registered it
        _connect(runner)
        with results.open("a", encoding="utf-8") as told:
            _run(session, job, lambda line: _tell(told, line))
    except BaseException as error:  # noqa: BLE001 - told to the parent, which decides
        with results.open("a", encoding="utf-8") as told:
            _tell(told, {"broke": f"{type(error).__name__}: {error}"[:400]})
    os._exit(0)


def _tell(told: Any, line: dict[str, Any]) -> None:
    told.write(json.dumps(line) + "\n")
    told.flush()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _use(contracts: list[dict[str, Any]]) -> None:
    """Give the tests these contracts, and no others."""
    types = {
        one["name"]: ContractType.model_validate(
            {
                "contractName": one["name"],
                "sourceId": one["source"],
                "abi": one["abi"],
                "deploymentBytecode": {"bytecode": f"0x{one['bytecode']}"},
                "runtimeBytecode": {"bytecode": f"0x{one['runtime']}"},
            }
        )
        for one in contracts
    }
    ContractManager.get = lambda _manager, name, *_more, **_rest: ContractContainer(types[name])


def _run(session: pytest.Session, job: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Run the tests in the order told; end at the first that fails, if so told."""
    by_name = {item.nodeid: item for item in session.items}
    items = [by_name[name] for name in job["tests"]]
    outcome = _Outcome(tell)
    session.config.pluginmanager.register(outcome)
    if job["node_output"]:
        session.config.pluginmanager.register(_Fixtures(tell, Path(job["node_output"])))
    for item, following in zip(items, [*items[1:], None], strict=True):
        outcome.begin()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if outcome.has_failed and job["stops"]:
            break
    tell({"done": True})


class _Outcome:
    """Hears how each test went."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._began = 0.0
        self.has_failed = False

    def begin(self) -> None:
        """Start the clock of a test."""
        self._began = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell that a test passed when its call did, that it failed when any part of it did."""
        seconds = round(time.monotonic() - self._began, 3)
        if report.failed:
            self.has_failed = True
            crash = getattr(report.longrepr, "reprcrash", None)
            why = " ".join(str(crash.message if crash else report.longrepr).split())
            self._tell({"failed": report.nodeid, "when": report.when, "seconds": seconds, "why": why[:300]})
        elif report.when == "call":
            self._tell({"passed": report.nodeid, "seconds": seconds})


class _Fixtures:
    """Tells how far the node's output had come before and after what several tests share, and after each test."""

    def __init__(self, tell: Callable[[dict[str, Any]], None], output: Path) -> None:
        self._tell = tell
        self._output = output

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        begin = self._output.stat().st_size
        yield
        if fixturedef.scope in {"session", "module"}:
            module = "" if fixturedef.scope == "session" else request.node.nodeid
            self._tell({"shared": module, "bytes": [begin, self._output.stat().st_size]})

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        begin = self._output.stat().st_size
        yield
        self._tell({"test": item.nodeid, "bytes": [begin, self._output.stat().st_size]})
