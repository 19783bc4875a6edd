"""Reading a long past: ranges that halve on trouble and grow on ease; the next are fetched while one is applied."""

import sys
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from backend.chain.facts import Facts
from backend.kit import logs
from indexer import memory
from indexer.fetch import Mark, Stretch, completed, fetch_range, joined
from indexer.node import Filter, Node
from indexer.rpc import NodeDown, NodeTrouble

_FIRST, _LARGEST = 50, 2_000
_PAGE_LOGS, _EASY_SECONDS = 600, 1.5
"""A page is one request; so many logs are about three megabytes while they are read."""
_STRETCH_LOGS, _STRETCH_BLOCKS, _STRETCH_SECONDS = 5_000, 10_000, 2.0
"""A stretch is one transaction: it ends when it has so many, or when so long was waited for it."""
_AT_ONCE, _PAGES_AHEAD = 2, 4
"""Pages that are fetched at a time, and that are there or under way beyond the stretch that is put together."""
_TURN_SECONDS = 0.0005
"""How long a thread that reads may keep the one that writes waiting, which asks Postgres a dozen times a stretch."""
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
class _Ahead:
    """What is under way beyond a place: pages that are being fetched, and how they become stretches."""

    wanted: Filter
    asked: int
    """The newest block asked for."""
    most: int = 1
    """How many pages a stretch has at most: few at first, as what is found there changes what is asked for."""
    pages: deque[Future[Stretch]] = field(default_factory=deque)
    given: Stretch | None = None
    """The stretch given last."""
    next: Future[Stretch] | None = None
    """The one after it, which is put together while that is applied."""
    is_left: bool = False
    """Nobody waits for it any more."""


@dataclass
class Ranges:
    """Fetches stretches of final blocks one after another: pages of them, several at once, ahead of the caller."""

    node: Node
    prepare: Callable[[Facts], None]
    """Called with the logs of each stretch, on a thread of its own."""
    size: Size = field(default_factory=Size)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, "fetch"))
    _joining: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "join"))
    _ahead: _Ahead = field(default_factory=lambda: _Ahead({}, 0, is_left=True))
    _closed: bool = False

    def __post_init__(self) -> None:
        """Prepare the process."""
        memory.share_one_heap()
        sys.setswitchinterval(_TURN_SECONDS)

    def after(self, parent: Mark, last: int, wanted: Filter) -> Stretch:
        """Return the next stretch after `parent`, ending at or before `last`. Raises OtherBranch, NodeTrouble."""
        try:
            ahead = self._stand(parent, last, wanted)
            stretch = self._stretch(ahead, parent, last) if ahead.next is None else ahead.next.result()
        except NodeTrouble:
            self.forget()
            raise
        ahead.given, ahead.next = stretch, None
        ahead.most = min(2 * ahead.most, _STRETCH_BLOCKS)
        if stretch.end.number < last:
            ahead.next = self._joining.submit(self._stretch, ahead, stretch.end, last)
        return stretch

    def forget(self) -> None:
        """Drop what was fetched ahead: the chain or our place on it has changed."""
        self._ahead.is_left = True
        for page in list(self._ahead.pages):
            page.cancel()

    def close(self) -> None:
        """End the fetching threads."""
        self._closed = True
        self.forget()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._joining.shutdown(wait=True, cancel_futures=True)

    def _stand(self, parent: Mark, last: int, wanted: Filter) -> _Ahead:
        """Make what was fetched ahead continue `parent` and hold what is wanted, or begin anew. Raises NodeTrouble."""
        ahead = self._ahead
        ends = [] if ahead.given is None else ahead.given.ends()
        if ahead.is_left or parent not in ends or ahead.asked > last:
            self.forget()
            self._ahead = _Ahead(wanted, parent.number)
            return self._ahead
        if parent != ends[-1] or ahead.wanted != wanted:
            self._again(ahead, ends.index(parent) + 1, wanted)
        return ahead

    def _again(self, ahead: _Ahead, place: int, wanted: Filter) -> None:
        """Take the pages from `place` of the stretch given last once more, and all after them, with what is wanted.

        When a contract was found, only the first page was completed and applied.
        """
        again = [] if ahead.given is None else ahead.given.pages()[place:]
        if ahead.next is not None:
            again += ahead.next.result().pages()
        later: list[Callable[[], Stretch]] = [*(partial(_itself, page) for page in again)]
        later += [page.result for page in ahead.pages]
        ahead.given = ahead.next = None
        if ahead.wanted != wanted:
            ahead.wanted, self.size.blocks = wanted, min(self.size.blocks, _FIRST)
            ahead.pages = deque(self._pool.submit(self._complete, page, wanted) for page in later)
        else:
            ahead.pages = deque(self._pool.submit(page) for page in later)

    def _complete(self, page: Callable[[], Stretch], wanted: Filter) -> Stretch:
        return completed(self.node, page(), wanted)

    def _stretch(self, ahead: _Ahead, parent: Mark, last: int) -> Stretch:
        """Put the next stretch together. Raises OtherBranch, NodeTrouble."""
        began = monotonic()
        pages: list[Stretch] = []
        while not pages or (not ahead.is_left and self._goes_on(pages, ahead.most, last, began)):
            self._ask(ahead, last)
            pages.append(ahead.pages.popleft().result())
        self._ask(ahead, last)
        stretch = joined(parent, pages)
        self.prepare(stretch.logs)
        return stretch

    def _goes_on(self, pages: Sequence[Stretch], most: int, last: int, began: float) -> bool:
        return (
            pages[-1].end.number < last
            and len(pages) < most
            and sum(len(page.logs) for page in pages) < _STRETCH_LOGS
            and sum(len(page.headers) for page in pages) < _STRETCH_BLOCKS
            and monotonic() - began < _STRETCH_SECONDS
        )

    def _ask(self, ahead: _Ahead, last: int) -> None:
        """Keep some pages under way, so that the next is there when it is wanted."""
        while not ahead.is_left and ahead.asked < last and len(ahead.pages) < min(_PAGES_AHEAD, ahead.most + 1):
            first = ahead.asked + 1
            ahead.asked = min(ahead.asked + self.size.blocks, last)
            ahead.pages.append(self._pool.submit(self._fetch, first, ahead.asked, ahead.wanted))

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
