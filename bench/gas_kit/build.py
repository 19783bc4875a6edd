"""The peers' code: installed from a lock file of their own, compiled once, kept until something of it changes.

Each peer is compiled to its own advantage: by IR and for cheap calls; the collection whose deployment is measured, for
small code; Seaport by the compiler and the settings it is deployed with. Unlock comes as its publisher compiled it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.chain.abi import Interface
from scripts.machine import install, layout
from scripts.machine.trouble import Trouble

PEERS = layout.INSTALLED / "gas-peers"
_HERE = Path(__file__).resolve().parent
_LOCK = (_HERE / "package.json", _HERE / "package-lock.json")
_SOLIDITY = _HERE / "peers"
_KEPT = layout.ROOT / ".build" / "bench" / "gas"
_MODULES = PEERS / "node_modules"
_COMPILER = layout.ROOT / "scripts" / "solc" / "solc-v0.8.37"
_PATIENCE_SECONDS = 300
_CHEAP_CALLS, _SMALL_CODE, _SEAPORT = 1_000_000, 1, 4_294_967_295
_REMAPPINGS = (
    "solady/=node_modules/solady/",
    "@openzeppelin/=node_modules/@openzeppelin/",
    *(f"{name}/={_MODULES.relative_to(layout.ROOT)}/{name}/" for name in ("erc721a", "seaport-core", "seaport-types")),
)
_UNLOCK = {"Unlock": "Unlock/UnlockV14", "PublicLock": "PublicLock/PublicLockV15"}


@dataclass(frozen=True)
class Code:
    """A contract that can be deployed and called."""

    interface: Interface
    bytecode: bytes


@dataclass(frozen=True)
class _Job:
    """Sources that one compiler compiles with one setting, and the contracts wanted of them."""

    sources: dict[str, str]
    wanted: tuple[str, ...]
    runs: int
    modules: Path = layout.NODE_MODULES
    """Where the compiler is."""


def step() -> install.Step:
    """Describe the installation of the peers' packages, beside those of the checkout."""
    copied = " ".join(f'"{path}"' for path in _LOCK)
    npm = " ".join(f'"{part}"' for part in (layout.node(), layout.npm_cli()))
    flags = "--ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=warn"
    command = f'mkdir -p "{PEERS}" && cp {copied} "{PEERS}" && exec {npm} ci --prefix "{PEERS}" {flags}'
    return install.Step(
        name="gas-peers",
        title="contracts to measure against (bench/gas_kit)",
        argv=lambda: ["/bin/sh", "-euc", command],
        env=install.environment,
        inputs=_LOCK,
        makes=_MODULES / ".package-lock.json",
        after=["npm"],
    )


def codes() -> dict[str, Code]:
    """Return every peer's code by the name of its contract. Raises Trouble with the compiler's words."""
    found: dict[str, Code] = {}
    for job in _jobs():
        found |= _compiled(job)
    for name, place in _UNLOCK.items():
        path = _MODULES / "@unlock-protocol" / "contracts" / "dist" / "abis" / f"{place}.json"
        told = json.loads(path.read_text(encoding="utf-8"))
        found[name] = _code(name, told["abi"], told["bytecode"])
    return found


def _jobs() -> list[_Job]:
    whole = "SoladyCollection"
    called = sorted(path.stem for path in _SOLIDITY.glob("*.sol") if path.stem != whole)
    seaport = "import 'seaport-core/src/Seaport.sol'; import 'seaport-core/src/conduit/ConduitController.sol';"
    pragma = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.24;\n"
    return [
        _Job({name: _source(name) for name in called}, tuple(called), _CHEAP_CALLS),
        _Job({whole: _source(whole)}, (whole,), _SMALL_CODE),
        _Job({"Imports": pragma + seaport}, ("Seaport", "ConduitController"), _SEAPORT, modules=_MODULES),
    ]


def _source(name: str) -> str:
    return (_SOLIDITY / f"{name}.sol").read_text(encoding="utf-8")


def _compiled(job: _Job) -> dict[str, Code]:
    asked = {
        "language": "Solidity",
        "sources": {f"{name}.sol": {"content": text} for name, text in job.sources.items()},
        "settings": {
            "evmVersion": "cancun",
            "viaIR": True,
            "optimizer": {"enabled": True, "runs": job.runs},
            "metadata": {"bytecodeHash": "none", "appendCBOR": False},
            "remappings": list(_REMAPPINGS),
            "outputSelection": {"*": {name: ["abi", "evm.bytecode.object"] for name in job.wanted}},
        },
    }
    kept = _KEPT / f"{_fingerprint(asked)}.json"
    if not kept.exists():
        told = _ask_the_compiler(asked, job.modules)
        kept.parent.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(".half")
        half.write_text(json.dumps(told), encoding="utf-8")
        half.replace(kept)
    read: dict[str, dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8"))
    return {name: _code(name, one["abi"], one["bytecode"]) for name, one in read.items()}


def _fingerprint(asked: dict[str, Any]) -> str:
    hashed = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    for path in (*_LOCK, layout.ROOT / "package-lock.json"):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:32]


def _ask_the_compiler(asked: dict[str, Any], modules: Path) -> dict[str, Any]:
    env = os.environ | {"BACKSTAGE_NODE": str(layout.node()), "BACKSTAGE_NODE_MODULES": str(modules)}
    run = subprocess.run(
        [str(_COMPILER), "--standard-json", "--base-path", str(layout.ROOT)],
        input=json.dumps(asked).encode(),
        capture_output=True,
        env=env,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    if run.returncode != 0:
        raise Trouble(f"the compiler did not work:\n{run.stderr.decode(errors='replace')[-2000:]}")
    told = json.loads(run.stdout)
    errors = [error["formattedMessage"] for error in told.get("errors", ()) if error["severity"] == "error"]
    if errors:
        raise Trouble(f"a peer does not compile:\n{errors[0]}")
    found = {}
    for contracts in told["contracts"].values():
        for name, one in contracts.items():
            if one.get("evm", {}).get("bytecode", {}).get("object"):
                found[name] = {"abi": one["abi"], "bytecode": one["evm"]["bytecode"]["object"]}
    return found


def _code(name: str, abi: list[dict[str, Any]], bytecode: str) -> Code:
    return Code(Interface(name, tuple(abi)), bytes.fromhex(bytecode.removeprefix("0x")))
