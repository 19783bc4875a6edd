"""The command line of scripts/start, and the variables that replace an embedded server."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scripts.machine.trouble import Trouble

API_PORT, POSTGRES_PORT, REDIS_PORT, EVM_PORT, STRIPE_PORT = 8000, 55_432, 56_379, 8545, 12_111
_TEST_STRIPE = ("sk_test_", "rk_test_")
STRIPE_VARIABLES = ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE")
_DATABASES = ("DATABASE_URL", "MIGRATE_DATABASE_URL", "INDEX_DATABASE_URL")

_EPILOG = f"""\
Variables that replace an embedded server, when set:
  DATABASE_URL            with MIGRATE_DATABASE_URL and INDEX_DATABASE_URL: your Postgres
  REDIS_URL               your Redis
  EVM_RPC_URL             your EVM node (set EVM_NETWORK too, such as eip155:97; deploy there yourself)
  STRIPE_API_KEY          Stripe itself, with your test key (set STRIPE_WEBHOOK_SECRET too)
  IPFS_API                your Kubo node, as a multiaddr; the embedded store otherwise
Any of them turns the demo off, unless --demo is given; with a live Stripe key the demo is refused.

Ports are {API_PORT} (API), {POSTGRES_PORT} (Postgres), {REDIS_PORT} (Redis), {EVM_PORT} (EVM node) and {STRIPE_PORT}
(Stripe simulator). When one of these is busy, a free one is taken; one that you name here must be free.

Everything is kept in the checkout: .venv, .venv-contracts, node_modules and .backstage (data, logs, secrets, caches).
Logs: .backstage/logs/NAME.log. Ctrl-C stops all of it. BACKSTAGE_STATE names another folder for data, logs and secrets;
BACKSTAGE_PYTHON names the Python to use.
"""


@dataclass(frozen=True)
class Options:
    """What scripts/start was asked to do."""

    fresh: bool = False
    demo: bool = True
    exit_after_demo: bool = False
    verbose: bool = False
    port: int | None = None
    postgres_port: int | None = None
    redis_port: int | None = None
    evm_port: int | None = None
    stripe_port: int | None = None
    block_seconds: int | None = None
    block_gas: int | None = None
    keep_chain_seconds: int = 1
    """A block is final two blocks, here two seconds, later: what is final is saved before it counts."""
    external: Mapping[str, str] = field(default_factory=dict)
    """Variables of the user's environment that replace an embedded server."""


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Read the command line. Raises Trouble for what cannot be asked for together."""
    parser = argparse.ArgumentParser(
        prog="scripts/start",
        description="Install, start every part of Backstage here, play the main job, and serve until Ctrl-C.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--fresh", action="store_true", help="forget the data of earlier runs (what is installed stays)"
    )
    demo = parser.add_mutually_exclusive_group()
    demo.add_argument("--demo", action="store_true", default=None, help="play the main job, even on your own servers")
    demo.add_argument("--no-demo", dest="demo", action="store_false", help="only start and serve")
    parser.add_argument(
        "--exit-after-demo",
        action="store_true",
        help="stop after the demo; the status is 0 only if every step held",
    )
    parser.add_argument("--verbose", action="store_true", help="show what the deployment prints, and log more")
    for option, what in (
        ("--port", "the API"),
        ("--postgres-port", "Postgres"),
        ("--redis-port", "Redis"),
        ("--evm-port", "the EVM node"),
        ("--stripe-port", "the Stripe simulator"),
    ):
        parser.add_argument(option, type=_port, metavar="N", help=f"port of {what}")
    _add_chain(parser)
    given = parser.parse_args(arguments)
    external = external_servers(environment)
    plays = given.demo if given.demo is not None else not external
    if plays and not external.get("STRIPE_API_KEY", _TEST_STRIPE[0]).startswith(_TEST_STRIPE):
        raise Trouble(
            "STRIPE_API_KEY is not a test key (sk_test_...): the demo buys tickets, and a live key would charge a card."
        )
    if given.exit_after_demo and not plays:
        raise Trouble("--exit-after-demo needs the demo; it is off because of --no-demo or a server of your own.")
    return Options(
        fresh=given.fresh,
        demo=plays,
        exit_after_demo=given.exit_after_demo,
        verbose=given.verbose,
        port=given.port,
        postgres_port=given.postgres_port,
        redis_port=given.redis_port,
        evm_port=given.evm_port,
        stripe_port=given.stripe_port,
        block_seconds=given.block_seconds,
        block_gas=given.block_gas,
        keep_chain_seconds=given.keep_chain_seconds,
        external=external,
    )


def _add_chain(parser: argparse.ArgumentParser) -> None:
    """Let the local chain be made more like a real one."""
    parser.add_argument(
        "--block-seconds",
        type=_positive,
        metavar="N",
        help="mine a block every N seconds and none in between, as real chains do (otherwise at once as well)",
    )
    parser.add_argument("--block-gas", type=_positive, metavar="N", help="gas limit of a block")
    parser.add_argument(
        "--keep-chain-seconds",
        type=_positive,
        metavar="N",
        default=1,
        help="write the local chain to its file every N seconds (default 1); kill -9 loses what came after",
    )


def external_servers(environment: Mapping[str, str]) -> dict[str, str]:
    """Pick the variables that replace an embedded server, checked for being whole."""
    named = (*_DATABASES, "REDIS_URL", "EVM_RPC_URL", "STRIPE_API_KEY")
    external = {name: environment[name] for name in named if environment.get(name)}
    given = [name for name in _DATABASES if name in external]
    if given and "DATABASE_URL" not in external:
        raise Trouble(f"{given[0]} is set but DATABASE_URL is not: set both, or neither.")
    if given and "MIGRATE_DATABASE_URL" not in external:
        raise Trouble("DATABASE_URL is set: set MIGRATE_DATABASE_URL too, for the role that owns the tables.")
    if "STRIPE_API_KEY" in external and not environment.get("STRIPE_WEBHOOK_SECRET"):
        raise Trouble("STRIPE_API_KEY is set: set STRIPE_WEBHOOK_SECRET too (`stripe listen` prints one).")
    return external


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65_535:  # noqa: PLR2004 - TCP
        raise argparse.ArgumentTypeError(f"{port} is no TCP port")
    return port
