"""Which chain a command talks to, who signs, and the options that say so. Shared by the commands that Ape runs."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from ape import chain, networks
from ape.exceptions import ApeException
from requests.exceptions import RequestException
from web3.exceptions import Web3Exception

from scripts._inputs import ADDRESS
from scripts._keys import ADMIN_KEY, LOCAL, PASSWORD, KeyChoice, Signer

ROOT = Path(__file__).resolve().parent.parent

NAMES = {"local": LOCAL, "bsc-testnet": 97, "bsc": 56}
"""Names for chain ids; any other EVM chain is `eip155:<chain id>`."""


@dataclass(frozen=True)
class Request:
    """What the options that the commands share say."""

    network: str
    rpc_url: str
    deployments: Path
    key: KeyChoice = field(default_factory=KeyChoice)
    dry_run: bool = True
    yes: bool = False


@dataclass(frozen=True)
class Connection:
    """An open connection to the chain that was asked for."""

    chain_id: int
    request: Request
    signer: Signer | None
    """Who signs. In a dry run: whom the options name, without a key; None if nobody."""

    @property
    def network(self) -> str:
        """The chain's CAIP-2 id."""
        return f"eip155:{self.chain_id}"

    @property
    def confirmations(self) -> int:
        """How many blocks a transaction waits for. Public chains may drop a block: three."""
        return 0 if self.chain_id == LOCAL else 3

    @property
    def sending(self) -> dict[str, Any]:
        """What Ape sends a transaction with."""
        account = self.signer.account if self.signer else None
        return {"sender": account, "required_confirmations": self.confirmations}

    def acting_as(self, usual: str) -> Signer:
        """Return who signs; in a dry run that names nobody, `usual`, who is only simulated."""
        return self.signer or Signer(usual, None)

    def second(self, key: KeyChoice) -> Signer | None:
        """Return the signer of another key; None in a dry run that names nobody."""
        return key.look(self.chain_id) if self.request.dry_run else key.unlock(self.chain_id)


_READING = [
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
        "--deployments",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="BACKSTAGE_DEPLOYMENTS",
        default=ROOT / "contracts" / "deployments",
        show_default="contracts/deployments",
        show_envvar=True,
        help="Directory of the manifests.",
    ),
]

_SENDING = [
    click.option(
        "--account",
        help=(
            "Alias of an Ape keystore account (ape accounts import). Asks before each transaction, unless "
            f"$APE_ACCOUNTS_<alias>_PASSPHRASE is set. The local chain also takes ${ADMIN_KEY}."
        ),
    ),
    click.option(
        "--keystore",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help=f"Encrypted keystore file instead of an alias; its password from ${PASSWORD}, or asked for.",
    ),
    click.option("--from", "simulated", type=ADDRESS, help="With --dry-run: try it as this address; no key is needed."),
    click.option("--dry-run", is_flag=True, help="Say exactly what would be sent and try it; send and write nothing."),
    click.option("--yes", is_flag=True, help="Do not ask before sending."),
]


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --network, --rpc-url and --deployments, as one argument `request`."""

    @functools.wraps(command)
    def with_request(network: str, rpc_url: str, deployments: Path, **others: Any) -> None:
        command(request=Request(network, rpc_url, deployments), **others)

    return _with(with_request, _READING)


def sending_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command those and --account, --keystore, --from, --dry-run and --yes, as one argument `request`."""

    @functools.wraps(command)
    def with_request(
        network: str,
        rpc_url: str,
        deployments: Path,
        account: str | None,
        keystore: Path | None,
        simulated: str | None,
        *,
        dry_run: bool,
        yes: bool,
        **others: Any,
    ) -> None:
        if simulated is not None and not dry_run:
            raise click.UsageError("--from goes with --dry-run: nothing is sent without a key")
        key = KeyChoice(account, keystore, simulated)
        command(request=Request(network, rpc_url, deployments, key, dry_run, yes), **others)

    return _with(with_request, [*_READING, *_SENDING])


def _with(command: Callable[..., None], options: list[Any]) -> Callable[..., None]:
    decorated = command
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def expected_chain_id(network: str) -> int:
    """Return the chain id that a network's name stands for."""
    if network in NAMES:
        return NAMES[network]
    if match := re.fullmatch(r"eip155:([1-9][0-9]*)", network):
        return int(match[1])
    message = f"{network!r} is none of {', '.join(NAMES)} and not eip155:<chain id>"
    raise click.BadParameter(message, param_hint="--network")


@contextmanager
def connect(request: Request, *, needs_key: bool = True) -> Iterator[Connection]:
    """Connect to a node, refuse one of another chain, and find the signer."""
    expected = expected_chain_id(request.network)
    if not request.rpc_url.startswith(("http://", "https://")):
        raise click.BadParameter("give an http:// or https:// URL", param_hint="--rpc-url")
    try:
        with networks.parse_network_choice(request.rpc_url):
            if chain.chain_id != expected:
                message = (
                    f"{request.network} is chain {expected}, but the node at --rpc-url is of chain {chain.chain_id}"
                )
                raise click.ClickException(message)
            key = request.key
            signer = key.look(expected) if request.dry_run or not needs_key else key.unlock(expected)
            yield Connection(expected, request, signer)
    except (ApeException, RequestException, Web3Exception) as error:
        # A URL may carry a key: it is not repeated here.
        raise click.ClickException(
            f"{type(error).__name__}: {error}".replace(request.rpc_url, "<--rpc-url>")
        ) from error
