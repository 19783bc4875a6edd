"""Following one chain: one step looks at the node, and brings the database one transaction closer to it.

A step can be repeated and interrupted anywhere: all it knows is read from the cursor when it starts afresh.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from sqlalchemy.dialects.postgresql import insert

from backend.chain import networks, onlog
from backend.chain.models import ChainCursor, CursorStatus
from backend.kit import clock, logs
from indexer import apply as facts
from indexer.apply import Discovered, Place
from indexer.fetch import Mark, OtherBranch, Stretch, completed, fetch_blocks, linked
from indexer.finality import Finality
from indexer.node import Filter, Header, Node, Tip
from indexer.ranges import Ranges
from indexer.reorg import DeepReorg, common_ancestor, our_branch
from indexer.rpc import NodeMoving, NodeTrouble
from indexer.writer import Writer

GENESIS_CURSOR = "genesis"
"""The cursor row that holds the hash of block 0: which chain this index is of."""

_BURST = 200
_DISCOVERIES = 20
_LOWER_HEADS = 2
_log = logs.get(__name__)


class WrongChain(Exception):
    """The node serves another chain than the index is of. Nothing of it is read."""


class NothingToFollow(Exception):
    """No contract to watch is known: the deployment manifest names none."""


class Step(Enum):
    """What a step did."""

    IDLE = auto()
    MOVED = auto()


@dataclass
class Follower:
    """Brings one network's index up to its node. `start()` first, then `step()` for ever."""

    network: str
    node: Node
    writer: Writer
    from_block: int | None = None
    finality_limit: int | None = None
    """A rebuild moves no checkpoint beyond this block and hands no log to final handlers."""
    place: Place = field(init=False)
    contracts: dict[bytes, str] = field(init=False)
    """Those that are read: names of their interfaces by address."""
    wanted: Filter = field(init=False)
    """Their logs."""
    applied_logs: int = 0
    _lower_heads: int = 0

    def __post_init__(self) -> None:
        """Prepare the parts."""
        self.node.network = self.network
        self._ranges = Ranges(self.node, lambda logs: facts.prepare(self.contracts, logs))
        self._finality = Finality(self.network, self.writer.transaction, self.writer.is_alive)

    def close(self) -> None:
        """End the fetching thread."""
        self._ranges.close()

    def start(self) -> None:
        """Check whose chain the node serves and read the cursor. Raises WrongChain, DeepReorg, NodeTrouble."""
        self.check_identity()
        self._ranges.forget()
        with self.writer.transaction() as session:
            at = facts.place(session, self.network)
            self._read_of(facts.watched(session, self.network))
        if not self.wanted:
            raise NothingToFollow(f"no contract to watch on {self.network}: is it deployed, is its manifest there?")
        self.place = self._begin() if at is None else at

    def _read_of(self, contracts: dict[bytes, str]) -> None:
        self.contracts, self.wanted = contracts, facts.filter_of(contracts)

    def check_identity(self) -> None:
        """Compare chain id and genesis with what this index was begun on. Raises WrongChain, NodeTrouble."""
        chain_id, genesis = self.node.identity()
        expected = networks.network(self.network).chain_id
        if chain_id != expected:
            raise WrongChain(f"the node serves eip155:{chain_id}, expected {self.network}: check EVM_RPC_URL")
        with self.writer.transaction() as session:
            row = session.get(ChainCursor, (self.network, GENESIS_CURSOR))
            if row is None:
                session.execute(
                    insert(ChainCursor).values(
                        network=self.network,
                        name=GENESIS_CURSOR,
                        block_number=0,
                        block_hash=genesis,
                        finalized_number=0,
                        status=CursorStatus.RUNNING,
                        updated_at=clock.now(),
                    )
                )
            elif row.block_hash != genesis:
                raise WrongChain(
                    f"the node's chain has the id of {self.network} but begins with block 0x{genesis.hex()}, this "
                    f"index with 0x{(row.block_hash or b'').hex()}: it is another chain. Check EVM_RPC_URL, or use a "
                    "new database."
                )

    def step(self, until: int | None = None) -> tuple[Step, Tip]:
        """Apply what comes next, at most up to block `until`. Return whether anything moved, and the node's tip.

        Raises NodeTrouble, DeepReorg, HandlerFailed, Moved and what a lost database raises; after any of them call
        `start()` before the next step.
        """
        tip = self.node.tip()
        if self.finality_limit is not None:
            tip = replace(tip, finalized=min(tip.finalized, self.finality_limit))
        try:
            moved = self._advance(tip, until)
        except OtherBranch:
            moved = self._reorganise(tip, until)
        return (Step.MOVED if moved else Step.IDLE), tip

    def settle(self, tip: Tip, is_called: Callable[[], bool], *, at_the_head: bool) -> bool:
        """Move the checkpoint of finality and serve the final handlers, until `is_called`. True: there is more to do.

        `tip` is what the last step returned; `at_the_head`: in small helpings. Raises what a lost database raises.
        """
        if self.finality_limit is not None:
            return False
        if tip.finalized > self.place.finalized and self._finality.advance(tip.finalized, tip.finalized_hash):
            self.place = Place(self.place.mark, min(tip.finalized, self.place.mark.number))
        return self._finality.run(is_called, at_the_head=at_the_head)

    def _advance(self, tip: Tip, until: int | None) -> bool:
        at = self.place.mark
        goal = tip.head.number if until is None else min(tip.head.number, until)
        if tip.head.hash != at.hash and tip.head.number > at.number:
            self._lower_heads = 0
        if tip.head.hash == at.hash or (until is not None and at.number >= until):
            return False
        final = min(tip.finalized, goal)
        if final > at.number:
            self._commit(self._ranges.after(at, final, self.wanted), at, tip.finalized)
            return True
        if goal <= at.number:
            raise OtherBranch("the head is not above ours")
        self._commit(fetch_blocks(self.node, self._next(tip.head, goal), self.wanted), at, self.place.finalized)
        return True

    def _next(self, head: Header, goal: int) -> tuple[Header, ...]:
        at = self.place.mark
        if head.number == at.number + 1 == goal:
            return linked(at, [head])
        headers = linked(at, self.node.headers(range(at.number + 1, min(goal, at.number + _BURST) + 1)))
        if headers[-1].number == head.number and headers[-1].hash != head.hash:
            raise NodeMoving(f"the node has two answers for block {head.number}")
        return headers

    def _reorganise(self, tip: Tip, until: int | None) -> bool:
        """Undo our dead branch and apply the node's in the same transaction."""
        self._ranges.forget()
        with self.writer.transaction() as session:
            ours = our_branch(session, self.network, self.place)
        try:
            ancestor = common_ancestor(self.node, self.network, ours, self.place.finalized)
        except DeepReorg as deep:
            with self.writer.transaction() as session:
                facts.say(session, self.network, CursorStatus.HALTED, f"DeepReorg: {deep}")
            raise
        if ancestor == self.place.mark:  # the node was moving while we looked; it is back
            return False
        if ancestor.number == tip.head.number and self._perhaps_lags():
            return False
        self._lower_heads = 0
        goal = tip.head.number if until is None else min(tip.head.number, until)
        numbers = range(ancestor.number + 1, min(goal, ancestor.number + _BURST) + 1)
        stretch = None
        if numbers:
            stretch = fetch_blocks(self.node, linked(ancestor, self.node.headers(numbers)), self.wanted)
        _log.warning(
            "reorg", network=self.network, depth=self.place.mark.number - ancestor.number, ancestor=ancestor.number
        )
        self._commit(stretch, ancestor, self.place.finalized)
        return True

    def _perhaps_lags(self) -> bool:
        """Say whether a head that is an old block of ours may mean a lagging node; a shorter chain repeats it."""
        self._lower_heads += 1
        return self._lower_heads < _LOWER_HEADS

    def _commit(self, stretch: Stretch | None, parent: Mark, finalized: int) -> None:
        """Apply; when the facts themselves change what we watch, complete them and apply again."""
        for _ in range(_DISCOVERIES):
            try:
                # Facts and cursor are lost or kept together, so what a crashed server forgot is read again; a
                # checkpoint that moved is not forgotten.
                with self.writer.transaction(durable=finalized > self.place.finalized) as session:
                    place = facts.apply(session, self.network, self.place, stretch, finalized, parent)
            except Discovered as discovered:
                self._read_of(discovered.contracts)
                if stretch is not None:
                    stretch = completed(self.node, stretch, self.wanted)
                continue
            self.place = place
            self.applied_logs += 0 if stretch is None else len(stretch.logs)
            return
        raise NodeTrouble(f"what to watch still changes after {_DISCOVERIES} looks at the same blocks")

    def _begin(self) -> Place:
        """Start before the first block of any contract, on a block that is final already."""
        tip = self.node.tip()
        with self.writer.transaction() as session:
            watches = onlog.watched_addresses(session, self.network).values()
        first = min(watch.from_block for watch in watches) if self.from_block is None else self.from_block
        base = max(min(first - 1, tip.finalized, tip.head.number), 0)
        [header] = self.node.headers([base])
        if header is None:
            raise NodeTrouble(f"the node does not have block {base}")
        with self.writer.transaction() as session:
            return facts.start(session, self.network, header)

    def say(self, status: CursorStatus, error: str | None = None) -> None:
        """Write how we are, for status, health and gauges."""
        with self.writer.transaction() as session:
            facts.say(session, self.network, status, error)
