"""Let slither read the contracts, and hold what it finds against the list of what has been explained."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from bench.figures import Figure, report
from bench.slither_kit import findings
from scripts.machine import install, layout, say
from scripts.machine.processes import Program, Running, launch
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

_ENVIRONMENT = layout.INSTALLED / "slither"
_REQUIREMENTS = layout.ROOT / "bench" / "slither_kit" / "requirements.txt"
_SOLADY = "solady/=node_modules/solady/"
_PATIENCE_SECONDS = 600.0
_INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Return 0 when every finding of high or medium impact has been explained."""
    parser = argparse.ArgumentParser(prog="bench/slither", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as a last line of JSON")
    options = parser.parse_args(arguments)
    try:
        with interruptible():
            install.install([_step()])
            return _run(as_json=options.json)
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return 1
    except Interrupted:
        return _INTERRUPTED


def _step() -> install.Step:
    """Describe the installation: an environment of its own, from a list with hashes."""
    return install.Step(
        name="slither",
        title="slither (bench/slither_kit)",
        argv=lambda: install.sync_list(_ENVIRONMENT, _REQUIREMENTS),
        env=install.environment,
        inputs=[_REQUIREMENTS],
        makes=_ENVIRONMENT / "bin" / "slither",
        after=["uv"],
    )


def _run(*, as_json: bool) -> int:
    with say.step("slither"):
        found = findings.read(_slither())
    verdict = findings.judge(found, findings.explanations())
    for finding in verdict.unexplained:
        say.line(f"\n{finding.impact}: {finding.check} in {finding.file}: {finding.place}\n{finding.text}")
    for key in verdict.stale:
        say.line(f"\nexplained but no longer found: {' in '.join(key)}")
    of = {impact: sum(finding.impact == impact for finding in verdict.unexplained) for impact in findings.HELD}
    lesser = sum(finding.impact not in findings.HELD for finding in found)
    return report(
        [
            Figure("unexplained_high", of["High"], "findings", None, "0", met=not of["High"]),
            Figure("unexplained_medium", of["Medium"], "findings", None, "0", met=not of["Medium"]),
            Figure("explained", len(verdict.explained), "findings", "bench/slither_kit/explained.toml", None, met=True),
            Figure("explained_in_vain", len(verdict.stale), "entries", None, "0", met=not verdict.stale),
            Figure("low_and_informational", lesser, "findings", "not held against anything", None, met=True),
        ],
        as_json=as_json,
    )


def _slither() -> dict[str, Any]:
    """Run it over the four contracts and what they import, compiled as they are for the networks."""
    log = layout.LOGS / "slither.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="backstage-slither-") as folder:
        answer = Path(folder) / "findings.json"
        running = launch(
            Program(
                name="slither",
                argv=[
                    str(_ENVIRONMENT / "bin" / "slither"),
                    "contracts",
                    "--solc-standard-json",
                    "--solc",
                    str(_compiler()),
                    "--solc-remaps",
                    _SOLADY,
                    "--fail-none",
                    "--json",
                    str(answer),
                ],
                env=os.environ | {"BACKSTAGE_NODE": str(layout.node()), "BACKSTAGE_SOLC_SETTINGS": _settings()},
                cwd=layout.ROOT,
                log=log,
            ),
        )
        try:
            _wait(running)
            if not answer.exists():
                raise Trouble(f"slither told nothing. The end of its log:\n{running.tail(25)}")
            report_: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        finally:
            running.stop()
    return report_


def _wait(running: Running) -> None:
    try:
        running.popen.wait(timeout=_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired as late:
        raise Trouble(f"slither was not done after {_PATIENCE_SECONDS:.0f} s:\n{running.tail(25)}") from late


def _ape() -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((layout.ROOT / "ape-config.yaml").read_text(encoding="utf-8"))["solidity"]
    return settings


def _compiler() -> Path:
    return layout.ROOT / "scripts" / "solc" / f"solc-v{_ape()['version']}"


def _settings() -> str:
    """Return what slither cannot ask the compiler for, as Ape asks for it."""
    ape = _ape()
    optimizer = {"enabled": True, "runs": ape["optimization_runs"]}
    return json.dumps({"viaIR": ape["via_ir"], "evmVersion": ape["evm_version"], "optimizer": optimizer})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
