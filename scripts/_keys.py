"""Whose key signs: an Ape account, a keystore file, or, on the local chain, a raw key in the environment."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from ape import accounts
from ape_test.accounts import TestAccount
from eth_account import Account
from eth_utils import is_address, to_checksum_address

LOCAL = 31337

ADMIN_KEY = "BACKSTAGE_ADMIN_KEY"
"""Environment variable with the signer's private key in hex. Only the local chain takes a key this way."""
OPERATOR_KEY = "BACKSTAGE_OPERATOR_KEY"
"""The same for the operator, where a command needs two signers."""
PASSWORD = "KEYSTORE_PASSWORD"  # noqa: S105 -- the name of the variable
"""Environment variable with the password of keystore files, as the backend reads it."""


@dataclass(frozen=True)
class Signer:
    """An address that acts."""

    address: str
    account: Any
    """The Ape account that signs for it; None when it is only simulated."""


@dataclass(frozen=True)
class KeyChoice:
    """Which key the options name. Nothing is unlocked yet."""

    account: str | None = None
    keystore: Path | None = None
    simulated: str | None = None
    """An address to simulate as, without a key."""
    variable: str = ADMIN_KEY
    prefix: str = ""
    """What the options' names begin with, such as `operator-`."""

    def unlock(self, chain_id: int) -> Signer:
        """Return the signer with its key. Raises ClickException when the options name none or it cannot be read."""
        if self.account is not None and self.keystore is not None:
            raise click.UsageError(f"give --{self.prefix}account or --{self.prefix}keystore, not both")
        if self.account is not None:
            return _of_ape(self.account)
        if self.keystore is not None:
            return _of_file(self.keystore)
        return _of_environment(self.variable, chain_id, self.prefix)

    def look(self, chain_id: int) -> Signer | None:
        """Return the address only, nothing unlocked; None when the options name nobody."""
        if self.simulated is not None:
            return Signer(self.simulated, None)
        if self.account is not None:
            return Signer(_alias(self.account).address, None)
        if self.keystore is not None:
            return Signer(_address_in(self.keystore), None)
        if chain_id == LOCAL and os.environ.get(self.variable):
            return Signer(_of_environment(self.variable, chain_id, self.prefix).address, None)
        return None


def _alias(alias: str) -> Any:
    if alias not in accounts.aliases:
        message = f"no Ape account {alias!r}: make it with `ape accounts import {alias}`"
        raise click.ClickException(message)
    return accounts.load(alias)


def _of_ape(alias: str) -> Signer:
    account = _alias(alias)
    if f"APE_ACCOUNTS_{alias}_PASSPHRASE" in os.environ:
        account.set_autosign(True)
    return Signer(account.address, account)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} cannot be read as a keystore: {error}") from None
    if not isinstance(content, dict) or not is_address("0x" + str(content.get("address", "")).removeprefix("0x")):
        raise click.ClickException(f"{path} is no keystore file: it names no address")
    return content


def _address_in(path: Path) -> str:
    return str(to_checksum_address("0x" + str(_read(path)["address"]).removeprefix("0x")))


def _of_file(path: Path) -> Signer:
    content = _read(path)
    password = os.environ.get(PASSWORD) or click.prompt(f"Password of {path}", hide_input=True, err=True)
    try:
        key = "0x" + bytes(Account.decrypt(content, password)).hex()
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"{path} cannot be opened: {error or type(error).__name__}") from None
    return _with_key(key)


def _of_environment(variable: str, chain_id: int, prefix: str) -> Signer:
    if chain_id != LOCAL:
        message = (
            f"sign with --{prefix}account or --{prefix}keystore on chain {chain_id}: "
            "a raw key is taken on the local chain only"
        )
        raise click.ClickException(message)
    key = os.environ.get(variable)
    if not key:
        message = f"name a signer: --{prefix}account, --{prefix}keystore, or a private key in ${variable}"
        raise click.ClickException(message)
    if not re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", key):
        message = f"${variable} is not a private key of 32 bytes in hex"
        raise click.ClickException(message)
    return _with_key(key)


def _with_key(key: str) -> Signer:
    address = Account.from_key(key).address
    return Signer(address, TestAccount(index=0, address_str=address, private_key=key))
