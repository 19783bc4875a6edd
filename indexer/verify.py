"""Does the index say what the chain says? Everything it has of final blocks is put to the test; nothing is changed.

Four comparisons, each at one moment and by one final block's hash: the facts against the node's logs; the projections
against the facts, by replaying the handlers; what they say of contracts against what these answer; and what
rows must agree on among each other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec
from sqlalchemy import NullPool, create_engine, select
from sqlalchemy.orm import Session

from backend.chain import asking, onlog, proving, replay
from backend.chain.models import ChainBlock, ChainCursor, CursorStatus
from backend.chain.progress import FACTS_CURSOR
from backend.chain.proving import Moment
from backend.kit import db
from indexer import apply as facts
from indexer import proof_facts
from indexer.node import Node
from indexer.ranges import Bar
from indexer.reorg import DeepReorg
from indexer.rpc import Call, NodeRefused, NodeTrouble, Rpc, decode
from indexer.runner import Job
from indexer.shared import answering
from indexer.writer import Writer

_SHOWN = 20
_FACTS_WRONG = "python -m indexer rebuild"
_texts = msgspec.json.Decoder(str)
_REVERTED = (3, -32000, -32015)
"""JSON-RPC error codes under which nodes tell of a call that reverted."""


class NotWhole(Exception):
    """There is nothing to verify: the index is new, being rebuilt, or halted."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was compared. `repair` is the command for what it found."""

    name: str
    compared: int
    findings: list[str]
    repair: str | None = None


@dataclass(slots=True)
class Verified:
    """What came of it, as of one final block."""

    network: str
    block: int
    block_hash: str
    parts: list[Part] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not any(part.findings for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self) | {"agrees": self.agrees}

    def as_text(self) -> str:
        """Return everything as lines for a person."""
        lines = [f"network  {self.network}", f"block    {self.block:,} {self.block_hash}"]
        # What was made of wrong facts is right again only when the facts are.
        wrong_facts = any(part.findings and part.repair == _FACTS_WRONG for part in self.parts)
        for part in self.parts:
            repair = _FACTS_WRONG if part.repair and wrong_facts else part.repair
            verdict = "agrees" if not part.findings else f"{len(part.findings)} DIFFER"
            lines.append(f"{part.name:<12} {verdict}, {part.compared:,} compared")
            lines += [f"    {finding}" for finding in part.findings[:_SHOWN]]
            if len(part.findings) > _SHOWN:
                lines.append(f"    and {len(part.findings) - _SHOWN:,} more: --json lists them")
            if part.findings:
                lines.append(f"    repair: {repair or 'by a person, see docs/runbooks/index-mismatch.md'}")
        return "\n".join(lines)


def verify(job: Job, say: Callable[[str], None], sample: int | None = None) -> Verified:
    """Part at everything; of tickets at most at `sample`.

    Raises NotWhole, DeepReorg, NodeTrouble, and what a lost database raises.
    """
    rpc = answering(job.rpc_urls, job.network)
    node = Node(rpc, job.finality_depth)
    try:
        with _snapshot(job) as session:
            moment, first = _moment(session, job, sample)
            _same_block(node, moment)
            found = Verified(job.network, moment.number, "0x" + moment.hash.hex())
            found.parts.append(_facts(session, rpc, node, moment, first, say))
            found.parts += _expectations(session, rpc, moment, say)
            found.parts += [
                Part(name, 1, findings, repair) for name, findings, repair in proving.audited(session, moment)
            ]
            # Last: from here on the session sees the replay's tables instead of those that stand.
            found.parts.append(_replay(session, moment, say))
    finally:
        rpc.close()
    if found.agrees and sample is None:
        _close(job)
    return found


@contextmanager
def _snapshot(job: Job) -> Iterator[Session]:
    engine = create_engine(db.driver_url(job.database_url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with db.snapshot(engine) as session:
            yield session
    finally:
        engine.dispose()


def _moment(session: Session, job: Job, sample: int | None) -> tuple[Moment, int]:
    """Return the newest final block of the index, and the first block that it reads."""
    at = facts.place(session, job.network)
    if at is None:
        raise NotWhole(f"the index of {job.network} is new: run `follow` or `backfill` first")
    if at.mark.number < at.finalized:
        raise NotWhole(f"the index of {job.network} is being rebuilt: it has not reached block {at.finalized} again")
    status = session.scalar(
        select(ChainCursor.status).where(ChainCursor.network == job.network, ChainCursor.name == FACTS_CURSOR)
    )
    if status == CursorStatus.HALTED:
        raise NotWhole(f"the index of {job.network} is halted: see docs/runbooks/deep-reorg.md")
    query = select(ChainBlock.hash).where(
        ChainBlock.network == job.network, ChainBlock.number == at.finalized, ChainBlock.canonical
    )
    block_hash = session.scalar(query)
    if block_hash is None:
        raise NotWhole(f"the index has no block {at.finalized}, the newest that is final")
    watches = onlog.watched_addresses(session, job.network).values()
    first = min((watch.from_block for watch in watches), default=0) if job.from_block is None else job.from_block
    return Moment(job.network, at.finalized, block_hash, sample), first


def _same_block(node: Node, moment: Moment) -> None:
    [theirs] = node.headers([moment.number])
    if theirs is None:
        raise NodeTrouble(f"the node does not have block {moment.number}, which is final here: it lags")
    if theirs.hash != moment.hash:
        raise DeepReorg(moment.network, moment.number, moment.hash, theirs.hash)


def _facts(session: Session, rpc: Rpc, node: Node, moment: Moment, first: int, say: Callable[[str], None]) -> Part:
    wanted = facts.filter_of(facts.watched(session, moment.network))
    say(f"facts: fetching the logs of blocks {first:,} to {moment.number:,} again")
    bar = Bar(first, moment.number, say)
    told = proof_facts.check(
        session,
        moment.network,
        proof_facts.Source(rpc, node, wanted),
        (first, moment.number),
        lambda block, logs: bar.moved(block, logs, done=block >= moment.number),
    )
    return Part("facts", told.compared, told.findings, _FACTS_WRONG)


def _replay(session: Session, moment: Moment, say: Callable[[str], None]) -> Part:
    say("replay: running the handlers from zero, beside what stands")
    counted = _Counter("replay", say)
    compared, findings = replay.findings(session, moment.network, lambda _, logs: counted.add(logs))
    return Part("replay", compared, findings, proving.FROM_FACTS)


def _expectations(session: Session, rpc: Rpc, moment: Moment, say: Callable[[str], None]) -> Iterator[Part]:
    def ask(to: bytes | None, data: bytes) -> bytes:
        message = {"data": "0x" + data.hex()} | ({} if to is None else {"to": "0x" + to.hex()})
        call: Call = ("eth_call", [message, {"blockHash": "0x" + moment.hash.hex()}])
        [raw] = rpc.attempt([call])
        if isinstance(raw, NodeRefused):
            if to is not None and raw.code in _REVERTED:
                raise asking.Reverted
            raise raw
        return bytes.fromhex(decode(raw, _texts)[2:])

    for name, provide in proving.registered.expects.items():
        say(f"{name}: asking the contracts at block {moment.number:,}")
        counted = _Counter(name, say)
        try:
            outcome = asking.compare(provide(session, moment), ask, counted.add)
        except ValueError as odd:
            raise NodeTrouble(str(odd)) from odd
        yield Part(name, outcome.compared, outcome.findings, proving.FROM_FACTS)


class _Counter:
    """Tells how far a comparison without a known end is, now and then."""

    def __init__(self, name: str, say: Callable[[str], None], every: int = 20_000) -> None:
        self._name, self._say, self._every, self._count = name, say, every, 0

    def add(self, more: int) -> None:
        before, self._count = self._count, self._count + more
        if self._count // self._every > before // self._every:
            self._say(f"{self._name}: {self._count:,}")


def _close(job: Job) -> None:
    """Everything agrees: what was open because something did not is closed."""
    writer = Writer(job.database_url, job.network)
    try:
        with writer.transaction() as session:
            for hook in proving.registered.verified:
                hook(session, job.network)
    finally:
        writer.close()
