"""The settings of the local world: what backend/settings.py reads from the environment, and what the demo is told."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.machine import anvil, layout, ports
from scripts.machine.options import Options
from scripts.machine.trouble import Trouble
from scripts.machine.vault import Vault, write_private

DEPLOYMENTS = layout.DATA / "deployments"
_NETWORK = f"eip155:{anvil.CHAIN_ID}"
_SIGNERS = ("deployer", "minter", "claim", "operator", "quote", "rewards")
"""The wallets of the vault that sign for the backend."""


@dataclass(frozen=True)
class Addresses:
    """Where each part is: embedded, or as the user's environment says."""

    api: str
    database: str
    migrate_database: str
    index_database: str
    redis: str
    evm: str
    stripe: str | None
    """None: Stripe itself."""


def settings(where: Addresses, vault: Vault, options: Options) -> dict[str, str]:
    """Variables for API, worker, beat and indexer. The owner's database address is not among them."""
    user = os.environ
    settings = {
        "ENVIRONMENT": "development",
        "LOG_LEVEL": "DEBUG" if options.verbose else "INFO",
        "PUBLIC_URL": where.api,
        "SECRET_KEY": vault.secret_key,
        "DATABASE_URL": where.database,
        "INDEX_DATABASE_URL": where.index_database,
        "REDIS_URL": where.redis,
        "EVM_RPC_URL": where.evm,
        "EVM_NETWORK": network(options),
        "DEPLOYMENTS_DIR": str(DEPLOYMENTS),
        "GUARDIAN_ADDRESS": vault.addresses["admin"],
        "STRIPE_API_KEY": vault.stripe_api_key,
        "STRIPE_WEBHOOK_SECRET": vault.stripe_webhook_secret,
        "CONTENT_DIR": str(layout.DATA / "content"),
        # 1 BKS, unless the user says otherwise
        "REWARDS_PER_ORDER": user.get("REWARDS_PER_ORDER", str(10**18)),
        # 400 SEK or 20 BKS: the fee of such an order is worth the reward, where a BKS is worth 20 SEK at most
        "REWARDS_FROM": user.get("REWARDS_FROM", json.dumps({"SEK": 40_000, "BKS": 20 * 10**18})),
        "REWARDS_WORTH": user.get("REWARDS_WORTH", json.dumps({"SEK": 2_000})),
        "CHECKOUT_SUCCESS_URL": f"{where.api}/docs#paid",
        "CHECKOUT_CANCEL_URL": f"{where.api}/docs#cancelled",
    }
    settings |= {f"{role.upper()}_KEY": vault.keys[role] for role in _SIGNERS}
    if where.stripe is not None:
        settings["STRIPE_API_BASE"] = where.stripe
    else:
        settings["STRIPE_API_KEY"] = options.external["STRIPE_API_KEY"]
        settings["STRIPE_WEBHOOK_SECRET"] = user["STRIPE_WEBHOOK_SECRET"]
    if "EVM_RPC_URL" in options.external:
        settings |= _of_the_user(settings, user)
    if user.get("IPFS_API"):
        settings["IPFS_API"] = user["IPFS_API"]
    return settings


def network(options: Options) -> str:
    """Return the CAIP-2 name of the network in use."""
    return os.environ.get("EVM_NETWORK", _NETWORK) if "EVM_RPC_URL" in options.external else _NETWORK


def _of_the_user(settings: Mapping[str, str], user: Mapping[str, str]) -> dict[str, str]:
    """On a network of the user's, the keys and manifests are the user's where given."""
    names = {"DEPLOYMENTS_DIR", "GUARDIAN_ADDRESS", "FINALITY_DEPTH", "EVM_WS_URL", "KEYSTORE_PASSWORD"}
    names |= {"FEE_RECEIVER_ADDRESS", "RESALE_HOLD_SECONDS"}
    names |= {f"{role.upper()}_{kind}" for role in _SIGNERS for kind in ("KEY", "KEYSTORE")}
    given = {name: user[name] for name in sorted(names) if user.get(name)}
    given.setdefault("DEPLOYMENTS_DIR", "contracts/deployments")
    without = {f"{name.removesuffix('_KEYSTORE')}_KEY": "" for name in given if name.endswith("_KEYSTORE")}
    return {**{name: value for name, value in without.items() if name in settings}, **given}


def write(where: Addresses, vault: Vault, options: Options) -> None:
    """Write what the demo needs to act as the admin and as everyone else: addresses and the admin's key."""
    told = {
        "api": where.api,
        "rpc": where.evm,
        "network": network(options),
        "stripe": where.stripe,
        "deployments": settings(where, vault, options)["DEPLOYMENTS_DIR"],
        "admin": {"address": vault.addresses["admin"], "key": vault.keys["admin"]},
        "platform": {name: _address(name, vault, options) for name in _SIGNERS},
        "run": str(layout.RUN),
        "logs": str(layout.LOGS),
    }
    write_private(layout.WORLD, json.dumps(told, indent=1))
    signing = {f"{role.upper()}_KEY" for role in _SIGNERS}
    given = {name: one for name, one in settings(where, vault, options).items() if one and name not in signing}
    write_private(layout.HOUSE, "".join(f"{name}={shlex.quote(value)}\n" for name, value in given.items()))


def check_demo(vault: Vault, options: Options) -> None:
    """Raise Trouble when the demo could not act as the admin: it signs with the vault's key only."""
    guardian = os.environ.get("GUARDIAN_ADDRESS", "")
    is_ours = guardian.lower() in {"", vault.addresses["admin"].lower()}
    if options.demo and "EVM_RPC_URL" in options.external and not is_ours:
        message = f"The demo acts as the admin, and the key of GUARDIAN_ADDRESS ({guardian}) is not ours to use: "
        raise Trouble(message + "leave --demo out.")


def _address(role: str, vault: Vault, options: Options) -> str:
    """Return a signer's address: on a network of the user's, of the user's keystore where there is one."""
    keystore = os.environ.get(f"{role.upper()}_KEYSTORE")
    if "EVM_RPC_URL" not in options.external or not keystore:
        return vault.addresses[role]
    try:
        written = str(json.loads(Path(keystore).read_text())["address"])
    except (OSError, ValueError, KeyError) as error:
        message = f"{role.upper()}_KEYSTORE={keystore} is no keystore that names its address ({error})."
        raise Trouble(message) from error
    return "0x" + written.removeprefix("0x")


def api_address(port: int) -> str:
    """Return the address people open."""
    return f"http://{ports.LOOPBACK}:{port}"
