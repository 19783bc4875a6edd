"""Write what the backend needs of the contracts: `ape run export_artifacts`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from ape import project
from eth_utils import keccak

from scripts._compiled import contracts
from scripts.source_hash import ARTIFACTS, CONTRACTS, source_hash


def artifact(name: str) -> dict[str, Any]:
    """One contract's artifact. The runtime code has no immutables, so its hash holds on every network."""
    contract = contracts()[name]
    settings = project.config["solidity"]
    runtime = bytes(contract.get_runtime_bytecode())
    return {
        "contract": name,
        "abi": [entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in contract.abi],
        "bytecode": "0x" + bytes(contract.get_deployment_bytecode()).hex(),
        "runtime_hash": "0x" + keccak(runtime).hex(),
        "compiler": {
            "name": "solc",
            "version": str(settings.version),
            "evm_version": settings.evm_version,
            "optimizer": settings.optimize,
            "optimizer_runs": settings.optimization_runs,
            "via_ir": bool(settings.via_ir),
        },
        "source_hash": source_hash(name),
    }


def render(content: dict[str, Any]) -> str:
    """Make the same bytes of the same contract, wherever it was compiled."""
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


@click.command(short_help="Write the ABI and bytecode that the backend uses")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=ARTIFACTS,
    show_default="backend/chain/evm/artifacts",
    help="Directory of the artifacts.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with status 1 if an artifact is missing or stale.")
def cli(output: Path, check: bool) -> None:  # noqa: FBT001 -- a command's flag is a boolean
    """Compile the contracts and write one JSON file for each into the backend's artifacts.

    A file holds the ABI, the deployment bytecode, the hash of the runtime code, the compiler and the hash of all
    sources. Compiling needs no network.
    """
    stale = []
    output.mkdir(parents=True, exist_ok=True)
    for name in CONTRACTS:
        path = output / f"{name}.json"
        wanted = render(artifact(name))
        if path.exists() and path.read_text(encoding="utf-8") == wanted:
            click.echo(f"fresh    {name}")
        elif check:
            stale.append(name)
            click.echo(f"stale    {name}", err=True)
        else:
            path.write_text(wanted, encoding="utf-8")
            click.echo(f"written  {name}")
    if stale:
        raise click.exceptions.Exit(1)
