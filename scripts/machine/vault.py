"""The random secrets of the local world: made once per checkout, kept in one file of mode 0600."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from scripts.machine import layout
from scripts.machine.postgres import ROLES, SUPERUSER
from scripts.machine.trouble import Trouble

WALLETS = ("admin", "deployer", "minter", "claim", "operator", "quote", "rewards")
"""Keys of the platform. `admin` is the person's wallet (also the guardian); the others sign for the backend."""

_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ADDRESSES = "import json, sys; from eth_account import Account as A; "
_ADDRESSES += "print(json.dumps({k: A.from_key(v).address for k, v in json.load(sys.stdin).items()}))"


@dataclass(frozen=True)
class Vault:
    """Secrets of one checkout. Keys are private keys in hex, addresses theirs."""

    database_passwords: dict[str, str]
    redis_password: str
    secret_key: str
    stripe_api_key: str
    stripe_webhook_secret: str
    keys: dict[str, str]
    addresses: dict[str, str]


def open_vault(path: Path = layout.SECRETS) -> Vault:
    """Return the secrets, made now if there are none yet."""
    if path.exists():
        try:
            vault = Vault(**json.loads(path.read_text()))
        except (ValueError, TypeError) as broken:
            raise Trouble(
                f"{path} cannot be read ({broken}). Run scripts/start --fresh to make new secrets."
            ) from broken
        return _with_new_wallets(vault, path)
    keys = {wallet: _new_key() for wallet in WALLETS}
    vault = Vault(
        database_passwords={role: secrets.token_hex(24) for role in (SUPERUSER, *ROLES)},
        redis_password=secrets.token_hex(24),
        secret_key=secrets.token_hex(32),
        stripe_api_key=f"sk_test_{secrets.token_hex(16)}",
        stripe_webhook_secret=f"whsec_{secrets.token_hex(24)}",
        keys=keys,
        addresses=_addresses(keys),
    )
    write_private(path, json.dumps(asdict(vault), indent=1))
    return vault


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    half.replace(path)


def _new_key() -> str:
    return f"0x{1 + secrets.randbelow(_SECP256K1_ORDER - 1):064x}"


def _with_new_wallets(vault: Vault, path: Path) -> Vault:
    """Give wallets that a newer release knows their keys; those there are stay."""
    missing = {wallet: _new_key() for wallet in WALLETS if wallet not in vault.keys}
    if not missing:
        return vault
    grown = replace(vault, keys=vault.keys | missing, addresses=vault.addresses | _addresses(missing))
    write_private(path, json.dumps(asdict(grown), indent=1))
    return grown


def _addresses(keys: dict[str, str]) -> dict[str, str]:
    """Ask the application's environment: the standard library has neither secp256k1 nor Keccak."""
    done = subprocess.run(
        [str(layout.APP_PYTHON), "-c", _ADDRESSES],
        input=json.dumps(keys),  # by standard input: a command line can be read by everyone on the machine
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Trouble(f"The addresses of the new keys could not be computed:\n{done.stderr[-1500:]}")
    addresses: dict[str, str] = json.loads(done.stdout)
    return addresses
