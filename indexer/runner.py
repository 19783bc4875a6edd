"""Keeping at it: the lock, nodes and databases that come and go, and an orderly end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from backend.chain.models import CursorStatus
from backend.kit import logs
from backend.kit.errors import BusinessError
from indexer.apply import HandlerFailed, Moved
from indexer.follower import Follower, NothingToFollow, Step, WrongChain
from indexer.newheads import NewHeads, socket_urls
from indexer.node import Tip
from indexer.ranges import Bar
from indexer.rpc import NodeMoving, NodeTrouble
from indexer.shared import SharedNode, SharedRpc
from indexer.waiting import Backoff, Stop
from indexer.writer import LOST, Writer, WriterLost

_LOCK_SECONDS = 0.25
_HEARD_SECONDS = 1.0
"""How often to ask all the same while a socket tells of new blocks."""
_SETTLE_SECONDS = 1.0
"""How long final handlers wait at most while new blocks come without a pause."""
_MOVING_SECONDS, _MOST_MOVES = 0.01, 10
"""A node in the middle of a reorg is looked at again so soon, and so often before that is called trouble."""
_WORTH_A_BAR = 50
_log = logs.get(__name__)


class NotAlone(Exception):
    """Another process writes this network's index."""


@dataclass(frozen=True)
class Job:
    """What to follow, from where, and into which database."""

    network: str
    rpc_url: str
    """One node's address, or several with commas between them."""
    database_url: str
    finality_depth: int | None = None
    from_block: int | None = None
    poll_seconds: float = 0.075
    """How long to wait when there is nothing new and no socket to tell of it."""
    ws_url: str | None = None
    """Where new blocks are told of, several with commas; None: at the nodes' own addresses; `off`: nowhere."""

    @property
    def rpc_urls(self) -> list[str]:
        """The nodes' addresses, the preferred one first."""
        return [url.strip() for url in self.rpc_url.split(",") if url.strip()]


@dataclass
class Runner:
    """Runs one job until it is done or `stop` is set."""

    job: Job
    stop: Stop = field(default_factory=Stop)
    say: Callable[[str], None] = lambda _: None
    """Tells a person how far it is."""

    def follow(self, until: int | None = None, *, once: bool = False) -> bool:
        """Follow the chain. With `once` return when the head (or `until`) is reached; True if it was.

        Raises WrongChain, DeepReorg; with `once` also NothingToFollow. All else is waited out.
        """
        backoff = Backoff()
        while not self.stop.is_set():
            try:
                with self.locked() as writer:
                    backoff.reset()
                    return self.follow_with(writer, until, once=once)
            except (*LOST, WriterLost) as lost:
                pause = backoff.next()
                _log.warning("database_lost", error=str(lost).splitlines()[0], again_in_seconds=round(pause, 2))
                self.stop.wait(pause)
        return False

    @contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[Writer]:
        """Give the writer that holds the network's lock, waiting for it or raising NotAlone."""
        writer = Writer(self.job.database_url, self.job.network)
        try:
            waited = False
            while not writer.try_lock():
                if not wait:
                    raise NotAlone(f"another process writes the index of {self.job.network}: stop it first")
                if not waited:
                    _log.info("waiting_for_lock", network=self.job.network)
                    self.say(f"another process follows {self.job.network}: waiting to take over")
                    waited = True
                if self.stop.wait(_LOCK_SECONDS):
                    break
            yield writer
        finally:
            writer.close()

    def follow_with(
        self, writer: Writer, until: int | None = None, *, once: bool = False, finality_limit: int | None = None
    ) -> bool:
        """As `follow`, with a writer that holds the lock. Raises also what a lost database raises."""
        rpc = SharedRpc(self.job.rpc_urls)
        follower = Follower(
            self.job.network,
            SharedNode(rpc, self.job.finality_depth),
            writer,
            from_block=self.job.from_block,
            finality_limit=finality_limit,
        )
        heads = NewHeads([] if once else socket_urls(self.job.rpc_urls, self.job.ws_url), self.stop.wake)
        try:
            heads.start()
            return _Loop(self, follower, rpc, heads, until, once).run()
        finally:
            heads.close()
            follower.close()
            rpc.close()


class _Loop:
    """Steps one follower, waiting out what passes."""

    def __init__(
        self,
        runner: Runner,
        follower: Follower,
        rpc: SharedRpc,
        heads: NewHeads,
        until: int | None,
        once: bool,  # noqa: FBT001
    ) -> None:
        self._runner, self._follower, self._rpc, self._heads = runner, follower, rpc, heads
        self._until, self._once = until, once
        self._wrong_chains = 0
        self._stop = runner.stop
        self._backoff = Backoff()
        self._moved_under_us = self._doubts = 0
        self._bar: Bar | None = None
        self._started = self._unwell = False
        self._settled_at = monotonic()

    def run(self) -> bool:
        """Step until stopped; with `once`, until the head is reached."""
        while not self._stop.is_set():
            try:
                if not self._started:
                    self._start()
                reached = self._step()
            except Moved as moved:
                _log.warning("cursor_moved", reason=str(moved))
                self._started = False
            except (NodeTrouble, WrongChain) as trouble:
                self._node_failed(trouble)
            except HandlerFailed as failed:
                self._handler_failed(failed)
            except (NothingToFollow, BusinessError) as missing:
                if self._once:
                    raise NothingToFollow(str(missing)) from missing
                self._wait("nothing_to_follow", str(missing))
            else:
                self._backoff.reset()
                self._wrong_chains = self._moved_under_us = 0
                if reached and self._once:
                    return True
        return False

    def _start(self) -> None:
        self._follower.start()
        self._started = True
        at = self._follower.place
        _log.info("following", network=self._follower.network, block=at.mark.number, finalized=at.finalized)
        self._unwell = True  # whatever was wrong before, the first step that works says that it is over

    def _step(self) -> bool:
        """Come one transaction closer; with nothing left to do, nap. True when the goal is reached."""
        was_called, began = self._stop.answer(), monotonic()
        logs_before, block_before = self._follower.applied_logs, self._follower.place.mark.number
        step, tip = self._follower.step(self._until)
        if self._unwell:
            self._follower.say(CursorStatus.RUNNING)
            self._unwell = False
        at = self._follower.place.mark
        goal = tip.head.number if self._until is None else min(self._until, tip.head.number)
        if self._once and self._until is None and at.number <= goal:  # a head below ours is looked at again
            self._until = goal  # a chain that grows as fast as it is read would never be done
        self._show(
            Bar(block_before, goal, self._runner.say, began), at.number, self._follower.applied_logs - logs_before
        )
        has_moved = step is Step.MOVED
        if has_moved:
            self._heads.found(tip.head.number)
        if was_called:
            self._heads.led_to(something=has_moved)
        is_behind = at.number < goal or (has_moved and not self._heads.is_heard)
        if at.number < min(tip.finalized, goal):
            return False  # finality waits for the end of a past: its handlers take longer than reading it
        if self._settle(tip, is_behind=is_behind):
            return False
        self._nap(tip, is_there=at.hash == tip.head.hash)
        if not self._once or self._until is None:
            return not self._once
        return at.number >= self._until  # else it is not mined yet

    def _settle(self, tip: Tip, *, is_behind: bool) -> bool:
        """Serve finality while no new block waits, or when it has waited too long. True: step again without a pause."""
        is_due = monotonic() - self._settled_at > _SETTLE_SECONDS
        if not is_due and (is_behind or self._stop.is_called):
            return True
        has_more = self._follower.settle(tip, lambda: not is_due and self._stop.is_called, at_the_head=not self._once)
        self._settled_at = monotonic()
        return has_more or is_behind

    def _nap(self, tip: Tip, *, is_there: bool) -> None:
        """Wait for a hint. Without a socket, or with a doubt about what the node said, ask again soon."""
        poll, newest = self._runner.job.poll_seconds, self._heads.newest
        if is_there and (newest is None or newest.hash == tip.head.hash):
            self._doubts = 0
            self._stop.nap(max(poll, _HEARD_SECONDS) if self._heads.is_heard else poll)
            return
        # In the middle of a reorg the node shows old heads for a moment, and the hint at the new one has come already.
        self._doubts += 1
        self._stop.nap(min(poll, _MOVING_SECONDS) if self._doubts <= _MOST_MOVES else poll)

    def _show(self, new: Bar, at: int, logs_now: int) -> None:
        if self._bar is None:
            if new.last - new.first < _WORTH_A_BAR:
                return
            self._bar = new
        self._bar.last = max(new.last, self._bar.last)
        self._bar.moved(at, logs_now, done=at >= new.last)
        if at >= new.last:
            self._bar = None

    def _wait(self, what: str, reason: str) -> None:
        self._started = False
        pause = self._backoff.next()
        _log.warning(what, network=self._follower.network, reason=reason, again_in_seconds=round(pause, 2))
        self._stop.wait(pause)

    def _node_failed(self, trouble: NodeTrouble | WrongChain) -> None:
        """Go over to the next endpoint. One of another chain is passed over; when all are, the settings are wrong."""
        if isinstance(trouble, NodeMoving) and self._moved_under_us < _MOST_MOVES:
            self._moved_under_us += 1
            _log.info("node_moves", network=self._follower.network, reason=str(trouble))
            self._started = False
            self._stop.wait(_MOVING_SECONDS)
            return
        has_turned = self._rpc.turn()
        if isinstance(trouble, WrongChain):
            self._wrong_chains += 1
            if not has_turned or self._wrong_chains >= len(self._rpc.endpoints):
                raise trouble
        self._wait("node_trouble", str(trouble))

    def _handler_failed(self, failed: HandlerFailed) -> None:
        """Facts and projections go together: when one of these cannot be written, nothing may be."""
        if not self._follower.writer.is_alive():
            raise WriterLost("the database connection was lost inside a handler") from failed
        _log.error("projection_stuck", handler=failed.name, exc_info=failed)
        self._follower.say(CursorStatus.STUCK, str(failed)[:1000])
        self._wait("projection_stuck", failed.name)
