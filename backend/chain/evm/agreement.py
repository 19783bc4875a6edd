"""What two endpoints have to say alike before it counts: a final block's hash, and what is in a final block."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from backend.chain.endpoints import Finality
from backend.chain.evm.calls import to_block, to_existing_block
from backend.chain.evm.pool import Endpoint, Pool, number_of
from backend.chain.evm.wire import Trouble
from backend.chain.port import Block, ChainError, ChainUnreachable
from backend.kit import logs

_log = logs.get(__name__)
T = TypeVar("T")

OTHER_HASH = "other_hash"
FINAL_AHEAD = "final_ahead_of_head"
OTHER_CONTENT = "other_content_of_final_block"


class Disagreement(ChainUnreachable):
    """The endpoints contradict each other, and no third one decides. Nothing is taken from either."""

    code = "endpoints_disagree"


class Agreement:
    """Asks a second endpoint about what a first one said, a third when those two differ."""

    def __init__(self, pool: Pool, finality_depth: int | None) -> None:
        """`finality_depth` None asks each for its finalized tag, else counts blocks below its head."""
        self._pool = pool
        self._depth = finality_depth
        self._lock = Lock()
        self._agreed: Block | None = None
        self.finality: Finality | None = None

    def final_of(self, endpoint: Endpoint, head: Block | None = None) -> Block:
        """Return what one endpoint calls final. One that is ahead of its own head is benched. Raises Trouble."""
        if self._depth is not None:
            newest = head or self._block(endpoint, "latest")
            return self._block(endpoint, hex(max(newest.number - self._depth, 0)))
        final = self._block(endpoint, "finalized")
        if head is None or final.number > head.number:
            newest_number = self._pool.ask_one(endpoint, number_of, "eth_blockNumber")
            endpoint.health.saw_head(newest_number, self._pool.now())
            if final.number > newest_number:
                self._pool.bench(endpoint, FINAL_AHEAD)
                raise Trouble(FINAL_AHEAD)
        return final

    def final(self, main: Endpoint, mine: Block) -> Block | None:
        """Return the newest block at or below `mine` that another endpoint calls final too; None when none does.

        Raises Trouble, ChainError for `main`.
        """
        if mine == self._agreed and self.finality is Finality.AGREED:
            return mine
        height = self._common_height(main, mine)
        found = None
        if height is not None:
            block = mine if height == mine.number else self._block(main, hex(height))
            try:
                found = block if self.is_confirmed(main, block.hash, self._hash_at(height), OTHER_HASH) else None
            except Disagreement:
                self._say(Finality.UNCONFIRMED, "the endpoints tell different blocks")
                return None
        self._say(Finality.UNCONFIRMED if found is None else Finality.AGREED, "no second endpoint answers")
        if found is not None:
            self._agreed = found
        return found

    def lost(self, reason: str) -> None:
        """Nobody could even be asked."""
        self._say(Finality.UNCONFIRMED, reason)

    def is_confirmed(self, main: Endpoint, mine: T, ask: Callable[[Endpoint], T | None], what: str) -> bool:
        """Say whether a second endpoint answers as `main` did; False when none answers.

        Whoever is alone against two is benched for `what`. Raises Trouble when that is `main`, Disagreement when it
        is one word against another.
        """
        against: list[tuple[Endpoint, T]] = []
        for witness in self._pool.others(main):
            try:
                theirs = ask(witness)
            except (Trouble, ChainError):
                continue
            if theirs is None:
                continue
            if theirs == mine:
                for liar, _ in against:
                    self._pool.bench(liar, what)
                return True
            if any(theirs == other for _, other in against):
                self._pool.bench(main, what)
                raise Trouble(what)
            against.append((witness, theirs))
        if against:
            hosts = [main.host, *(witness.host for witness, _ in against)]
            _log.error("chain_endpoints_disagree", hosts=hosts, about=what)
            raise Disagreement(about=what)
        return False

    def _common_height(self, main: Endpoint, mine: Block) -> int | None:
        best: int | None = None
        for witness in self._pool.others(main):
            try:
                theirs = self.final_of(witness).number
            except (Trouble, ChainError):
                continue
            if theirs >= mine.number:
                return mine.number
            best = max(best or 0, theirs)
        return best

    def _hash_at(self, height: int) -> Callable[[Endpoint], bytes | None]:
        def ask(witness: Endpoint) -> bytes | None:
            if self.final_of(witness).number < height:
                return None
            block = self._pool.ask_one(witness, to_block, "eth_getBlockByNumber", hex(height), False)  # noqa: FBT003 - JSON-RPC
            return None if block is None else block.hash

        return ask

    def _block(self, endpoint: Endpoint, name: str) -> Block:
        return self._pool.ask_one(endpoint, to_existing_block, "eth_getBlockByNumber", name, False)  # noqa: FBT003 - JSON-RPC

    def _say(self, finality: Finality, reason: str) -> None:
        with self._lock:
            before, self.finality = self.finality, finality
        if before is finality:
            return
        if finality is Finality.AGREED:
            _log.info("chain_finality_agreed")
        else:
            _log.error("chain_finality_unconfirmed", reason=reason)
