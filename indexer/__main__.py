"""`python -m indexer follow|backfill|rebuild|verify|status`."""

import argparse
import math
import re
import sys
from collections.abc import Sequence

from indexer import memory

_EXITS = (
    "Exit codes: 0 done or stopped by SIGTERM/SIGINT; 1 failed; 2 bad arguments; 3 DeepReorg: a block that was final "
    "was undone, a person must decide; 4 the node serves another chain; 5 no contract to follow is known; 6 the index "
    "does not say what the chain says: docs/runbooks/index-mismatch.md."
)
_ENVIRONMENT = (
    "Environment: EVM_RPC_URL, EVM_WS_URL, EVM_NETWORK, INDEX_DATABASE_URL (a direct connection, no pooler in "
    "transaction mode), FINALITY_DEPTH, DEPLOYMENTS_DIR, REDIS_URL, LOG_LEVEL."
)
_EPILOG = f"{_EXITS} {_ENVIRONMENT}"
_STATUS_EXITS = (
    "Exit codes: 0 well; 1 it is STUCK, HALTED or new, or too far behind its node, or the database does not answer; "
    "2 bad arguments. A node that does not answer is told and is no failure of the index."
)
_REBUILD = (
    "Catch up, take the digest of all projections, delete this network's facts and projections, read them again and "
    "compare: exit code 1 when they came out different. Who holds what is incomplete meanwhile, so close the doors "
    "first. Final handlers (orders, mail, ledger) are not called again: balances stay. Stop `follow` before. With "
    "--from-facts nothing is fetched and readers see no gap; with --check nothing is changed."
)
_VERIFY = (
    "Fetch every log of final blocks again and compare it with the facts; ask the contracts, at the hash of the newest "
    "final block, for every ticket's owner and status, every role and pause, and the supply of BKS; compute the newest "
    "checkpoint's root again; compare roles with the manifest; replay the handlers and compare the projections. "
    "Changes nothing and may run beside `follow`; a full one that agrees closes open mismatches. Progress goes to "
    "standard error. Exit code 6 when something differs, with what differs and the command that repairs it."
)


def _number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _network(text: str) -> str:
    if not re.fullmatch(r"eip155:[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no network of the form eip155:56")
    return text


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--network", type=_network, metavar="CAIP2", help="network to index, such as eip155:56 (EVM_NETWORK)"
    )
    shared.add_argument("--rpc-url", metavar="URL", help="JSON-RPC of a node, or of several with commas (EVM_RPC_URL)")
    reading = argparse.ArgumentParser(add_help=False)
    reading.add_argument(
        "--from-block",
        type=_number,
        metavar="N",
        help="first block of a new index; default: the block in which the first watched contract was deployed",
    )
    top = argparse.ArgumentParser(
        prog="python -m indexer",
        description="Keeps the index of one network: logs of our contracts as facts, and what follows from them.",
        epilog=_EPILOG,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    follow = commands.add_parser(
        "follow",
        parents=[shared, reading],
        help="catch up and keep up with the chain",
        description="Catch up with the chain and keep up with it until told to stop. One process per network writes; "
        "another one waits and takes over when the first is gone. Goes on where it was, whatever ended it.",
        epilog=_EPILOG,
    )
    follow.add_argument("--once", action="store_true", help="exit when the head is reached")
    follow.add_argument(
        "--poll",
        type=_seconds,
        default=0.075,
        metavar="SECONDS",
        help="pause when nothing is new and no socket tells of it (%(default)s)",
    )
    backfill = commands.add_parser(
        "backfill",
        parents=[shared, reading],
        help="read the past, with a progress line, then exit",
        description="Read up to the head as it is now, or to a block, then exit. Can be interrupted and repeated.",
        epilog=_EPILOG,
    )
    backfill.add_argument("--until-block", type=_number, metavar="N", help="stop at this block; default: the head")
    again = commands.add_parser(
        "rebuild",
        parents=[shared, reading],
        help="delete and read everything again, and compare",
        description=_REBUILD,
        epilog=_EPILOG,
    )
    how = again.add_mutually_exclusive_group()
    how.add_argument(
        "--from-facts",
        action="store_true",
        help="delete the projections only and fold them from the facts again, in one transaction, without the node",
    )
    how.add_argument(
        "--check",
        action="store_true",
        help="fold them beside those that stand and compare, while `follow` goes on; exit code 6 when they differ",
    )
    how.add_argument(
        "--accept-deep-reorg",
        action="store_true",
        help="the network undid blocks that were final: believe the node, forget the checkpoint of finality",
    )
    proof = commands.add_parser(
        "verify",
        parents=[shared],
        help="compare everything the index says of final blocks with the chain",
        description=_VERIFY,
        epilog=_EPILOG,
    )
    proof.add_argument("--json", action="store_true", help="print one JSON object, with everything that differs")
    proof.add_argument("--from-block", type=_number, metavar="N", help="where the index begins, if it was told to")
    proof.add_argument(
        "--sample", type=_number, metavar="N", help="ask for at most so many tickets; default: for all of them"
    )
    status = commands.add_parser(
        "status",
        parents=[shared],
        help="show cursor, head, lag, finality and handlers",
        description="Show how the index is: its cursor, the head of the first endpoint that answers, how far it is "
        "final, and how far each final handler is. Changes nothing.",
        epilog=f"{_STATUS_EXITS} {_ENVIRONMENT}",
    )
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.add_argument(
        "--max-lag", type=_number, default=100, metavar="BLOCKS", help="how far behind is still well (%(default)s)"
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = parser().parse_args(arguments)
    with memory.loading():
        from indexer import commands  # noqa: PLC0415 - half a second, which an explanation does not wait for

        commands.load(options.command)
    return commands.run(options)


if __name__ == "__main__":
    sys.exit(main())
