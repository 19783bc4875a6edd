"""Which chain a command talks to, and who signs. Shared by the commands that Ape runs."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from ape import accounts, chain, networks
from ape.exceptions import ApeException
from ape_test.accounts import TestAccount
from eth_account import Account

ROOT = Path(__file__).resolve().parent.parent

LOCAL = 31337
NAMES = {"local": LOCAL, "bsc-testnet": 97, "bsc": 56}
"""Names for chain ids; any other EVM chain is `eip155:<chain id>`."""

ADMIN_KEY = "BACKSTAGE_ADMIN_KEY"
"""Environment variable with the signer's private key in hex. Only the local chain takes a key this way."""


@dataclass(frozen=True)
class Connection:
    """An open connection to the chain that was asked for, and the account that signs."""

    chain_id: int
    signer: Any
    """An Ape account; None in a dry run without one."""

    @property
    def network(self) -> str:
        """The chain's CAIP-2 id."""
        return f"eip155:{self.chain_id}"

    @property
    def sending(self) -> dict[str, Any]:
        """What each transaction is sent with. Public chains may drop a block: wait for three more."""
        return {"sender": self.signer, "required_confirmations": 0 if self.chain_id == LOCAL else 3}


def network_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options --network, --rpc-url, --account, --deployments and --dry-run."""
    options = [
        click.option(
            "--network",
            envvar="EVM_NETWORK",
            default="local",
            show_default=True,
            show_envvar=True,
            help="local (31337), bsc-testnet (97), bsc (56), or eip155:<chain id>.",
        ),
        click.option(
            "--rpc-url",
            envvar="EVM_RPC_URL",
            default="http://127.0.0.1:8545",
            show_default=True,
            show_envvar=True,
            help="HTTP JSON-RPC endpoint of a node of that network.",
        ),
        click.option(
            "--account",
            help=(
                "Alias of an Ape keystore account (ape accounts import). Asks before each transaction, unless "
                f"$APE_ACCOUNTS_<alias>_PASSPHRASE is set. The local chain also takes ${ADMIN_KEY}."
            ),
        ),
        click.option(
            "--deployments",
            type=click.Path(file_okay=False, path_type=Path),
            envvar="BACKSTAGE_DEPLOYMENTS",
            default=ROOT / "contracts" / "deployments",
            show_default="contracts/deployments",
            show_envvar=True,
            help="Directory of the manifests.",
        ),
        click.option("--dry-run", is_flag=True, help="Say what would be sent; send and write nothing."),
    ]
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


def expected_chain_id(network: str) -> int:
    """Return the chain id that a network's name stands for."""
    if network in NAMES:
        return NAMES[network]
    if match := re.fullmatch(r"eip155:([1-9][0-9]*)", network):
        return int(match[1])
    message = f"{network!r} is none of {', '.join(NAMES)} and not eip155:<chain id>"
    raise click.BadParameter(message, param_hint="--network")


@contextmanager
def connect(network: str, rpc_url: str, account: str | None, *, dry_run: bool) -> Iterator[Connection]:
    """Connect to a node, refuse one of another chain, and find the signer."""
    expected = expected_chain_id(network)
    if not rpc_url.startswith(("http://", "https://")):
        raise click.BadParameter("give an http:// or https:// URL", param_hint="--rpc-url")
    try:
        provider = networks.parse_network_choice(rpc_url)
        with provider:
            if chain.chain_id != expected:
                message = f"{network} is chain {expected}, but the node at --rpc-url is of chain {chain.chain_id}"
                raise click.ClickException(message)
            yield Connection(expected, None if dry_run else _signer(expected, account))
    except ApeException as error:
        # A URL may carry a key: it is not repeated here.
        raise click.ClickException(f"{type(error).__name__}: {error}".replace(rpc_url, "<--rpc-url>")) from error


def _signer(chain_id: int, alias: str | None) -> Any:
    if alias is not None:
        if alias not in accounts.aliases:
            message = f"no Ape account {alias!r}: make it with `ape accounts import {alias}`"
            raise click.ClickException(message)
        account = accounts.load(alias)
        if f"APE_ACCOUNTS_{alias}_PASSPHRASE" in os.environ:
            account.set_autosign(True)
        return account
    key = os.environ.get(ADMIN_KEY)
    if chain_id != LOCAL:
        message = f"sign with --account on chain {chain_id}: a raw key is taken on the local chain only"
        raise click.ClickException(message)
    if not key:
        message = f"name a signer: --account, or a private key in ${ADMIN_KEY}"
        raise click.ClickException(message)
    if not re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", key):
        message = f"${ADMIN_KEY} is not a private key of 32 bytes in hex"
        raise click.ClickException(message)
    return TestAccount(index=0, address_str=Account.from_key(key).address, private_key=key)
