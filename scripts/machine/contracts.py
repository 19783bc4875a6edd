"""Deploy the platform's contracts with Ape: only when the chain does not have them yet."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from scripts.machine import anvil, layout, say
from scripts.machine.processes import Program, launch, tail
from scripts.machine.trouble import Trouble
from scripts.machine.vault import Vault

_DEPLOYMENT_SECONDS = 300.0
_ETHER = 10**18
_NO_CODE = "0x"
_ARTIFACTS = layout.ROOT / "backend" / "chain" / "evm" / "artifacts"
_CONTRACTS = {"BKS", "TicketCollection", "CollectionFactory", "ResaleMarket"}
_APE_REMARKS = ("INFO", "SUCCESS", "WARNING")


def fund(node: anvil.Anvil, vault: Vault) -> None:
    """Give every platform wallet 1,000 ether of the local chain."""
    for address in vault.addresses.values():
        node.fund(address, 1_000 * _ETHER)


def deployed(url: str, manifest: Path, vault: Vault) -> bool:
    """Tell whether every contract has its code on the chain and the roles were granted."""
    if not manifest.exists():
        return False
    told = json.loads(manifest.read_text())
    contracts = told["contracts"]
    is_whole = all(_is_present(name, contracts) for name in _CONTRACTS)
    roles = told.get("roles", {})
    are_granted = vault.addresses["admin"] in roles.get("bks_pausers", [])
    are_granted = are_granted and vault.addresses["rewards"] in roles.get("bks_minters", [])
    return (
        is_whole
        and are_granted
        and all(anvil.rpc(url, "eth_getCode", one["address"], "latest") != _NO_CODE for one in contracts.values())
    )


def deploy(url: str, network: str, manifest: Path, vault: Vault, *, verbose: bool) -> None:
    """Deploy as the admin, who then owns factory and token, and let the platform's deployer key use the factory."""
    env = ape_environment(
        {
            "EVM_NETWORK": network,
            "EVM_RPC_URL": url,
            "BACKSTAGE_DEPLOYMENTS": str(manifest.parent),
            "BACKSTAGE_ADMIN_KEY": vault.keys["admin"],
        },
    )
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with say.step("contracts deployed by the admin (ape run deploy)"):
        told = _ape(["run", "deploy", "--yes"], env, "ape-deploy")
    _show(told, verbose=verbose)
    admin, deployer = vault.addresses["admin"], vault.addresses["deployer"]
    # The admin's wallet mints for the demo; rewards have a key of their own.
    minters = [f"bks-minter={admin}", f"bks-minter={vault.addresses['rewards']}"]
    grants = [f"deployer={deployer}", *minters, f"bks-pauser={admin}"]
    with say.step("roles granted (ape run grant)"):
        told = _ape(["run", "grant", *grants, "--yes"], env, "ape-grant")
    _show([line for line in told if "granted" in line], verbose=verbose)


def _is_present(name: str, contracts: Mapping[str, Mapping[str, str]]) -> bool:
    """Tell whether the contract is deployed and made from what the backend's artifact was made from."""
    artifact = json.loads((_ARTIFACTS / f"{name}.json").read_text())
    return name in contracts and contracts[name]["runtime_hash"] == artifact["runtime_hash"]


def _show(told: list[str], *, verbose: bool) -> None:
    """Print our commands' own lines; Ape's remarks (INFO and so on) only on request."""
    for line in told:
        if verbose or ("0x" in line and not line.startswith(_APE_REMARKS)):
            say.note(line)


def _ape(arguments: list[str], env: Mapping[str, str], name: str) -> list[str]:
    """Run an Ape command to its end and return what it printed. Raises Trouble with the end of it."""
    log = layout.LOGS / f"{name}.log"
    log.unlink(missing_ok=True)
    command = [str(layout.CONTRACTS_ENV / "bin" / "ape"), *arguments]
    running = launch(Program(name=name, argv=command, env=env, cwd=layout.ROOT, log=log), layout.RUN)
    try:
        deadline = time.monotonic() + _DEPLOYMENT_SECONDS
        while running.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        took_too_long = running.alive()
    finally:
        running.stop()
    if running.popen.returncode != 0:
        problem = "took too long" if took_too_long else "did not work"
        raise Trouble(f"ape {' '.join(arguments[:2])} {problem}. The end of {log}:\n{tail(log, 30)}")
    return log.read_text(errors="replace").splitlines()


def ape_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ape's data and the compiler's place, in the checkout: nothing of the user's ~/.ape is read or written."""
    home = layout.HOME / "ape"
    home.mkdir(parents=True, exist_ok=True)
    env = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
    return env | {
        "HOME": str(home),
        "SOLCX_BINARY_PATH": str(layout.ROOT / "scripts" / "solc"),
        "BACKSTAGE_NODE": str(layout.node()),
        **more,
    }
