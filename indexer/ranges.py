"""Reading a long past: ranges that halve on trouble and grow on ease; the next are fetched while one is applied."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from backend.kit import logs
from indexer import memory
from indexer.fetch import Mark, Stretch, completed, fetch_range, joined
from indexer.node import Filter, Node
from indexer.rpc import NodeDown, NodeTrouble

_FIRST, _LARGEST = 50, 2_000
_PAGE_LOGS, _EASY_SECONDS = 1_000, 1.5
"""A page is one request; so many logs are four megabytes while they are read."""
_STRETCH_LOGS, _STRETCH_BLOCKS, _STRETCH_SECONDS = 7_000, 10_000, 2.0
"""A stretch is one transaction: it ends when it has so many, or when so long was waited for it."""
_AT_ONCE = 2
_log = logs.get(__name__)


@dataclass
class Size:
    """How many blocks to ask for at once."""

    blocks: int = _FIRST

    def went(self, stretch: Stretch, seconds: float) -> None:
        """Learn from a range that came."""
        if len(stretch.logs) > 2 * _PAGE_LOGS:
            self.blocks = max(len(stretch.headers) * _PAGE_LOGS // len(stretch.logs), 1)
        elif (
            len(stretch.logs) < _PAGE_LOGS * 2 // 3 and seconds < _EASY_SECONDS and len(stretch.headers) >= self.blocks
        ):
            self.blocks = min(self.blocks * 2, _LARGEST)

    def failed(self) -> bool:
        """Learn from a range that did not come. Return whether a smaller one can be asked for."""
        smaller = self.blocks > 1
        self.blocks = max(self.blocks // 2, 1)
        return smaller


@dataclass
class Ranges:
    """Fetches stretches of final blocks one after another: pages of them, several at once, ahead of the caller."""

    node: Node
    size: Size = field(default_factory=Size)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, "fetch"))
    _pages: deque[Future[Stretch]] = field(default_factory=deque)
    _given: list[Stretch] = field(default_factory=list)
    """The pages of the stretch given last."""
    _asked: int = 0
    """The newest block asked for."""
    _logs: int = _PAGE_LOGS
    """How many the last page had."""
    _wanted: Filter = field(default_factory=dict)
    _most: int = 1
    """How many pages a stretch has at most: few at first, as what is found there changes what is asked for."""
    _closed: bool = False

    def __post_init__(self) -> None:
        """Prepare the process."""
        memory.share_one_heap()

    def after(self, parent: Mark, last: int, wanted: Filter) -> Stretch:
        """Return the next stretch after `parent`, ending at or before `last`. Raises OtherBranch, NodeTrouble."""
        self._stand(parent, last, wanted)
        began = monotonic()
        pages: list[Stretch] = []
        try:
            while not pages or self._goes_on(pages, last, began):
                self._ask(last)
                pages.append(self._pages.popleft().result())
            self._ask(last)
            stretch = joined(parent, pages)
        except NodeTrouble:
            self.forget()
            raise
        self._given = pages
        self._most = min(2 * self._most, _STRETCH_BLOCKS)
        return stretch

    def forget(self) -> None:
        """Drop what was fetched ahead: the chain or our place on it has changed."""
        pages, self._pages, self._given = self._pages, deque(), []
        for page in pages:
            page.cancel()

    def close(self) -> None:
        """End the fetching threads."""
        self._closed = True
        self.forget()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _stand(self, parent: Mark, last: int, wanted: Filter) -> None:
        """Make what was fetched ahead continue `parent` and hold what is wanted, or forget it."""
        place = next((place for place, page in enumerate(self._given, 1) if page.end == parent), None)
        if place is None or self._asked > last:
            self.forget()
            self._asked, self._wanted, self._most = parent.number, wanted, 1
            return
        # When a contract was found, only the first page was completed and applied: the others come again.
        again = self._given[place:]
        self._given = []
        ahead = [page.result for page in self._pages]
        later: list[Callable[[], Stretch]] = [*(partial(_itself, page) for page in again), *ahead]
        if self._wanted != wanted:
            self._wanted, self.size.blocks = wanted, min(self.size.blocks, _FIRST)
            self._pages = deque(self._pool.submit(self._complete, page, wanted) for page in later)
        elif again:
            self._pages = deque(self._pool.submit(page) for page in later)

    def _complete(self, page: Callable[[], Stretch], wanted: Filter) -> Stretch:
        return completed(self.node, page(), wanted)

    def _goes_on(self, pages: Sequence[Stretch], last: int, began: float) -> bool:
        return (
            pages[-1].end.number < last
            and len(pages) < self._most
            and sum(len(page.logs) for page in pages) < _STRETCH_LOGS
            and sum(len(page.headers) for page in pages) < _STRETCH_BLOCKS
            and monotonic() - began < _STRETCH_SECONDS
        )

    def _ask(self, last: int) -> None:
        """Keep as many pages under way as make a stretch, so that the next is there when this one is applied."""
        enough = min(_STRETCH_LOGS // max(self._logs, 1), _STRETCH_BLOCKS // self.size.blocks, self._most)
        most = max(_AT_ONCE, enough + 1)
        while self._asked < last and len(self._pages) < most:
            first = self._asked + 1
            self._asked = min(self._asked + self.size.blocks, last)
            self._pages.append(self._pool.submit(self._fetch, first, self._asked, self._wanted))

    def _fetch(self, first: int, last: int, wanted: Filter) -> Stretch:
        began = monotonic()
        try:
            stretch = fetch_range(self.node, first, last, wanted)
        except NodeDown:
            raise
        except NodeTrouble as trouble:
            if self._closed or first == last:
                raise
            self.size.failed()
            _log.info("range_halved", blocks=last - first + 1, reason=str(trouble))
        else:
            self.size.went(stretch, monotonic() - began)
            self._logs = len(stretch.logs)
            return stretch
        middle = (first + last) // 2
        halves = [self._fetch(first, middle, wanted), self._fetch(middle + 1, last, wanted)]
        return joined(Mark(first - 1, halves[0].headers[0].parent_hash), halves)


def _itself(page: Stretch) -> Stretch:
    return page


@dataclass
class Bar:
    """Tells how a long read goes: blocks, logs, rates, time left."""

    first: int
    last: int
    say: Callable[[str], None]
    began: float = field(default_factory=monotonic)
    every: float = 1.0
    logs: int = 0
    _said: float = field(default_factory=monotonic)

    def moved(self, block: int, logs: int, *, done: bool = False) -> None:
        """Count a stretch, and speak up once in a while."""
        self.logs += logs
        now = monotonic()
        if not done and now - self._said < self.every:
            return
        self._said = now
        seconds = max(now - self.began, 0.001)
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
