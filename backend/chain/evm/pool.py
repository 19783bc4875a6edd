"""The RPC endpoints of one network: which is asked, who takes over, and who is left alone.

Every endpoint shows its chain id before anything else is asked of it, and again after each lost connection.
"""

import random
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, TypeVar

from backend.chain.evm.health import NATURAL_LAG, Health, newest_of
from backend.chain.evm.wire import Limited, Trouble, TurnedAway, Wire
from backend.chain.port import ChainError, ChainUnreachable, RefusedByNode, WrongChain
from backend.kit import logs

_log = logs.get(__name__)
_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.2
_BUDGET_SECONDS = 12.0
"""For one question with all its retries: shorter than the lease of the send it is asked for."""
_LIE_SECONDS = 600.0
_TURNED_AWAY_SECONDS = 60.0
_MOST_REMEMBERED = 1000
WRONG_CHAIN = "wrong_chain"

T = TypeVar("T")
Parse = Callable[[Any], T]


class Endpoint:
    """One URL and what we have seen of it. `host` is what may be shown."""

    def __init__(self, url: str) -> None:
        """Nothing is asked yet."""
        self.wire = Wire(url)
        self.host = self.wire.host
        self.health = Health()
        self.is_checked = False
        self.other_chain: int | None = None
        self.lock = Lock()


class Pool:
    """Endpoints in the order of preference."""

    def __init__(self, chain_id: int, urls: Sequence[str], now: Callable[[], float] = time.monotonic) -> None:
        """`urls` are of nodes that ought to serve `chain_id`."""
        self.chain_id = chain_id
        self.endpoints = tuple(Endpoint(url) for url in urls)
        for place, endpoint in enumerate(self.endpoints, start=1):
            if [other.wire.host for other in self.endpoints].count(endpoint.wire.host) > 1:
                # One provider, several keys: the figures must not be taken for each other's.
                endpoint.host = f"{endpoint.wire.host}#{place}"
        self.now = now
        self._handed: OrderedDict[bytes, int] = OrderedDict()
        self._handed_lock = Lock()

    @property
    def is_shared(self) -> bool:
        """More than one endpoint: none has to be believed alone."""
        return len(self.endpoints) > 1

    def newest(self) -> int | None:
        """Return the newest block anybody fit to be asked has shown lately."""
        now = self.now()
        heads = [e.health.fresh_head(now) for e in self.endpoints if e.health.reason(now) is None]
        return newest_of([head for head in heads if head is not None])

    def usable(self) -> list[Endpoint]:
        """Return those that may be asked now, best first."""
        now, newest = self.now(), self.newest()
        fit = [endpoint for endpoint in self.endpoints if endpoint.health.is_usable(now)]
        return sorted(fit, key=lambda endpoint: endpoint.health.score(newest, now))

    def others(self, than: Endpoint) -> list[Endpoint]:
        """Return those that may be asked now, without one."""
        return [endpoint for endpoint in self.usable() if endpoint is not than]

    def ask(self, parse: Parse[T], method: str, *params: Any, is_about_chain_id: bool = False) -> T:
        """Ask the best, then the others, again after growing pauses. Raises ChainUnreachable, WrongChain, ChainError.

        What one node refuses without a reason we know, another may answer: a state it still has, a block it has
        already. The first refusal is told when none does.
        """
        return self._in_turn(self.usable, parse, method, params, is_about_chain_id=is_about_chain_id)

    def send(self, tx_hash: bytes, raw: str, parse: Parse[T]) -> T:
        """Hand over signed bytes: to the best, and when its answer is unclear the same bytes to the next.

        Bytes that are handed over again go to the next one first: the node that took them may have lost them.
        """
        with self._handed_lock:
            times = self._handed.pop(tx_hash, 0)
            self._handed[tx_hash] = times + 1
            if len(self._handed) > _MOST_REMEMBERED:
                self._handed.popitem(last=False)

        def order() -> list[Endpoint]:
            fit = self.usable()
            first = times % len(fit) if fit else 0
            return fit[first:] + fit[:first]

        return self._in_turn(order, parse, "eth_sendRawTransaction", [raw])

    def ask_one(self, endpoint: Endpoint, parse: Parse[T], method: str, *params: Any) -> T:
        """Ask this one only, once. Raises Trouble or ChainError."""
        self._make_sure(endpoint)
        return self._measured(endpoint, parse, method, params)

    def foremost(self, parse: Parse[T], number: Callable[[T], int]) -> tuple[Endpoint, T]:
        """Return the best endpoint whose head is not behind what was seen, with its head; else the least behind."""
        behind: list[tuple[Endpoint, T]] = []
        for endpoint in self.usable():
            try:
                head = self.ask_one(endpoint, parse, "eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - JSON-RPC
            except (Trouble, ChainError):
                continue
            endpoint.health.saw_head(number(head), self.now())
            if number(head) + NATURAL_LAG >= (self.newest() or 0):
                return endpoint, head
            behind.append((endpoint, head))
        if not behind:
            self.raise_when_nobody_is_left()
            raise ChainUnreachable(problem="no endpoint tells its newest block")
        return max(behind, key=lambda pair: number(pair[1]))

    def bench(self, endpoint: Endpoint, reason: str, seconds: float = _LIE_SECONDS) -> None:
        """Leave an endpoint alone, and say so to whoever watches the logs and the figures."""
        endpoint.health.bench(self.now(), seconds, reason)
        endpoint.is_checked = False
        _log.error("chain_endpoint_benched", host=endpoint.host, reason=reason, seconds=seconds)

    def raise_when_nobody_is_left(self) -> None:
        """Raise WrongChain or ChainUnreachable when every endpoint is benched."""
        now = self.now()
        reasons = {endpoint.host: endpoint.health.reason(now) for endpoint in self.endpoints}
        if set(reasons.values()) == {WRONG_CHAIN}:
            raise WrongChain(expected=self.chain_id, found=self.endpoints[0].other_chain)
        if all(reasons.values()):
            raise ChainUnreachable("No node may be asked at present.", problem="; ".join(map(str, reasons.values())))

    def _in_turn(
        self,
        order: Callable[[], list[Endpoint]],
        parse: Parse[T],
        method: str,
        params: Sequence[Any],
        *,
        is_about_chain_id: bool = False,
    ) -> T:
        problem, until = "no endpoint may be asked now", self.now() + _BUDGET_SECONDS
        for attempt in range(_TRIES):
            self._wait(attempt, until)
            refusal: RefusedByNode | None = None
            for endpoint in order():
                if self.now() > until:
                    break
                try:
                    if not is_about_chain_id:
                        self._make_sure(endpoint)
                    return self._measured(endpoint, parse, method, params)
                except RefusedByNode as refused:
                    refusal = refusal or refused
                except Trouble as trouble:
                    problem = str(trouble)
            if refusal is not None:
                raise refusal
            self.raise_when_nobody_is_left()
        raise ChainUnreachable(method=method, problem=problem)

    def _wait(self, attempt: int, until: float) -> None:
        """Let some time pass between tries, and as much as endpoints asked for when all of them did."""
        self.raise_when_nobody_is_left()
        now = self.now()
        pause = _grown(attempt) if attempt else 0.0
        fit = [e for e in self.endpoints if now >= e.health.benched_until]
        free = min((endpoint.health.limited_until for endpoint in fit), default=now) - now
        if now + max(free, 0.0) > until:
            raise ChainUnreachable("The node wants to be asked less often.", problem="rate limit", again_in=round(free))
        if max(pause, free) > 0:
            time.sleep(max(pause, free))

    def _make_sure(self, endpoint: Endpoint) -> None:
        """Have an endpoint show its chain id. One of another chain is benched."""
        if endpoint.is_checked:
            return
        with endpoint.lock:
            found = self._measured(endpoint, number_of, "eth_chainId", [])
            if found != self.chain_id:
                endpoint.other_chain = found
                self.bench(endpoint, WRONG_CHAIN, _TURNED_AWAY_SECONDS)
                raise Trouble(f"it serves chain {found}")
            endpoint.is_checked = True

    def _measured(self, endpoint: Endpoint, parse: Parse[T], method: str, params: Sequence[Any]) -> T:
        begun = self.now()
        try:
            answer = endpoint.wire.ask(method, params)
            endpoint.health.answered(self.now() - begun, self.now())
            return _parsed(parse, answer)
        except Limited as limit:
            pause = _grown(endpoint.health.limits) if limit.pause is None else limit.pause
            endpoint.health.limited(self.now(), pause)
            self._tell(endpoint, method, limit)
            raise
        except TurnedAway as refused:
            self.bench(endpoint, str(refused), _TURNED_AWAY_SECONDS)
            raise
        except Trouble as trouble:
            endpoint.health.failed(self.now())
            endpoint.is_checked = False
            self._tell(endpoint, method, trouble)
            raise

    def _tell(self, endpoint: Endpoint, method: str, trouble: Trouble) -> None:
        _log.warning("chain_node_trouble", host=endpoint.host, method=method, problem=str(trouble))


def number_of(answer: Any) -> int:
    """Read a JSON-RPC quantity."""
    return int(answer, 16)


def _parsed(parse: Parse[T], answer: Any) -> T:
    try:
        return parse(answer)
    except (ValueError, TypeError, KeyError, AttributeError) as wrong:
        raise Trouble(f"the answer has another shape ({type(wrong).__name__})") from None


def _grown(attempt: int) -> float:
    return float(_FIRST_PAUSE_SECONDS * 2 ** min(attempt, 8) * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
