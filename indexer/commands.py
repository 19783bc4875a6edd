"""What the index's commands do: `indexer/__main__.py` says how they are called.

What only some of them need is loaded by these: reading a past is to be quick from its first moment, and light.
"""

import argparse
import json
import signal
import sys
from typing import TYPE_CHECKING

from backend import discovery
from backend.kit import logs
from backend.settings import Settings, get_settings
from indexer.apply import HandlerFailed
from indexer.follower import NothingToFollow, WrongChain
from indexer.reorg import DeepReorg
from indexer.rpc import NodeTrouble
from indexer.runner import Job, NotAlone, Runner
from indexer.writer import LOST

if TYPE_CHECKING:
    from indexer.rebuild import Rebuilt

OK, FAILED, DEEP_REORG, WRONG_CHAIN, NOTHING, MISMATCH = 0, 1, 3, 4, 5, 6
_CODES: dict[type[Exception], int] = {DeepReorg: DEEP_REORG, WrongChain: WRONG_CHAIN, NothingToFollow: NOTHING}


def load(command: str) -> None:
    """Import what the capabilities have for the index, if the command reads or proves anything."""
    if command != "status":
        discovery.load("models", "reactions", "onchain")


def run(options: argparse.Namespace) -> int:
    """Run one command, after `load`; return the exit code."""
    settings = get_settings()
    logs.configure(settings.log_level)
    job = _job(options, settings)
    try:
        return _run(options, job, settings)
    except (DeepReorg, WrongChain, NothingToFollow, NotAlone, HandlerFailed, NodeTrouble, *LOST) as failed:
        return _failed(failed)


def _run(options: argparse.Namespace, job: Job, settings: Settings) -> int:
    if options.command == "status":
        return _status(options, job)
    if options.command == "verify":
        return _verify(options, job)
    if options.command == "rebuild":
        return _rebuild(options, job)
    return _read(options, job, settings)


def _job(options: argparse.Namespace, settings: Settings) -> Job:
    return Job(
        network=options.network or settings.evm_network,
        rpc_url=options.rpc_url or settings.evm_rpc_url,
        database_url=settings.index_database_url or settings.database_url,
        finality_depth=settings.finality_depth,
        from_block=getattr(options, "from_block", None),
        poll_seconds=getattr(options, "poll", 0.075),
        ws_url=settings.evm_ws_url,
    )


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _failed(error: Exception) -> int:
    _tell(f"{type(error).__name__}: {str(error).splitlines()[0]}")
    return _CODES.get(type(error), FAILED)


def _runner(job: Job) -> Runner:
    runner = Runner(job, say=_tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.stop.set())
    return runner


def _read(options: argparse.Namespace, job: Job, settings: Settings) -> int:
    runner = _runner(job)
    if options.command == "follow":
        from indexer import nudging  # noqa: PLC0415 - Celery is not loaded to show a status or read the past

        nudging.start(settings.redis_url)
    once = options.command == "backfill" or options.once
    runner.follow(getattr(options, "until_block", None), once=once)
    return OK


def _status(options: argparse.Namespace, job: Job) -> int:
    from indexer.health import status  # noqa: PLC0415 - see above

    found = status(job)
    print(json.dumps(found.as_json(), indent=1) if options.json else found.as_text())
    return OK if found.is_well(options.max_lag) else FAILED


def _rebuild(options: argparse.Namespace, job: Job) -> int:
    from indexer.rebuild import rebuild, rebuild_from_facts  # noqa: PLC0415 - see above

    runner = _runner(job)
    if options.check:
        return _check(job)
    if options.from_facts:
        return _told(rebuild_from_facts(runner))
    found = rebuild(runner, accept_deep_reorg=options.accept_deep_reorg)
    if found is None:
        _tell("stopped before the end: `follow` or `rebuild` goes on from here")
        return FAILED
    return _told(found)


def _told(found: "Rebuilt") -> int:
    print(f"block  {found.block}\nbefore {found.before or '-'}\nafter  {found.after}")
    if found.same is None:
        _tell("there was nothing to compare with: the index was new, or the chain changed meanwhile")
    elif not found.same:
        _tell("the projections came out DIFFERENT: what stood there before was wrong. It is right now; find out why.")
    return FAILED if found.same is False else OK


def _check(job: Job) -> int:
    from indexer.rebuild import check  # noqa: PLC0415 - see above

    tables = check(job)
    for one in tables:
        print(f"{one.table:<20} {one.stands} {'same' if one.stands == one.replayed else one.replayed}")
        for line in one.differs:
            _tell(line)
    return OK if all(one.stands == one.replayed for one in tables) else MISMATCH


def _verify(options: argparse.Namespace, job: Job) -> int:
    from indexer.verify import NotWhole, verify  # noqa: PLC0415 - see above

    try:
        found = verify(job, _tell, options.sample)
    except NotWhole as missing:
        return _failed(missing)
    print(json.dumps(found.as_json(), indent=1) if options.json else found.as_text())
    return OK if found.agrees else MISMATCH
