"""Reading a long past: ranges that halve on trouble and grow on ease; the next one is fetched while one is applied."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic

from backend.kit import logs
from indexer.fetch import Mark, OtherBranch, Stretch, fetch_range
from indexer.node import Filter, Node
from indexer.rpc import NodeDown, NodeTrouble

_FIRST, _LARGEST = 100, 2_000
_EASY_LOGS, _EASY_SECONDS = 8_000, 1.5
_HEAVY_LOGS = 20_000
_log = logs.get(__name__)


@dataclass
class Size:
    """How many blocks to ask for at once."""

    blocks: int = _FIRST

    def went(self, stretch: Stretch, seconds: float) -> None:
        """Learn from a range that came."""
        if len(stretch.logs) > _HEAVY_LOGS:
            self.blocks = max(self.blocks // 2, 1)
        elif len(stretch.logs) < _EASY_LOGS and seconds < _EASY_SECONDS and len(stretch.headers) >= self.blocks:
            self.blocks = min(self.blocks * 2, _LARGEST)

    def failed(self) -> bool:
        """Learn from a range that did not come. Return whether a smaller one can be asked for."""
        smaller = self.blocks > 1
        self.blocks = max(self.blocks // 2, 1)
        return smaller


@dataclass
class _Pending:
    parent: Mark
    future: Future[Stretch]


@dataclass
class Ranges:
    """Fetches stretches of final blocks one after another, one ahead of the caller."""

    node: Node
    size: Size = field(default_factory=Size)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "fetch"))
    _pending: _Pending | None = None
    _closed: bool = False

    def after(self, parent: Mark, last: int, wanted: Filter) -> Stretch:
        """Return the next stretch after `parent`, ending at or before `last`. Raises OtherBranch, NodeTrouble."""
        pending, self._pending = self._pending, None
        if pending is not None and pending.parent != parent:
            pending.future.cancel()
            pending = None
        stretch = pending.future.result() if pending else self._fetch(parent, last, wanted)
        if stretch.end.number < last:
            end = stretch.end
            self._pending = _Pending(end, self._pool.submit(self._fetch, end, last, stretch.wanted))
        return stretch

    def forget(self) -> None:
        """Drop what was fetched ahead: the chain or our place on it has changed."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.future.cancel()

    def close(self) -> None:
        """End the fetching thread."""
        self._closed = True
        self.forget()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _fetch(self, parent: Mark, last: int, wanted: Filter) -> Stretch:
        while True:
            began = monotonic()
            try:
                stretch = fetch_range(self.node, parent, min(parent.number + self.size.blocks, last), wanted)
            except (OtherBranch, NodeDown):
                raise
            except NodeTrouble as trouble:
                if self._closed or not self.size.failed():
                    raise
                _log.info("range_halved", blocks=self.size.blocks, reason=str(trouble))
            else:
                self.size.went(stretch, monotonic() - began)
                return stretch


@dataclass
class Bar:
    """Tells how a long read goes: blocks, logs, rates, time left."""

    first: int
    last: int
    say: Callable[[str], None]
    every: float = 1.0
    logs: int = 0
    _began: float = field(default_factory=monotonic)
    _said: float = field(default_factory=monotonic)

    def moved(self, block: int, logs: int, *, done: bool = False) -> None:
        """Count a stretch, and speak up once in a while."""
        self.logs += logs
        now = monotonic()
        if not done and now - self._said < self.every:
            return
        self._said = now
        seconds = max(now - self._began, 0.001)
        blocks = block - self.first
        share = blocks / max(self.last - self.first, 1)
        left = seconds / share * (1 - share) if share else 0.0
        self.say(
            f"block {block:,} of {self.last:,} ({share:.0%})  {self.logs:,} logs  "
            f"{blocks / seconds:,.0f} blocks/s  {self.logs / seconds:,.0f} logs/s  {_clock(left)} left"
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
