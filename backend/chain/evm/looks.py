"""Several questions to one endpoint, so that the answers fit together; what is final is asked of another as well."""

from collections.abc import Callable
from typing import Any, TypeVar

from backend.chain.evm.agreement import OTHER_CONTENT, Agreement
from backend.chain.evm.calls import Calls, message, to_receipt, to_transaction, unhex
from backend.chain.evm.pool import Endpoint, Pool, number_of
from backend.chain.evm.wire import Trouble
from backend.chain.port import (
    Block,
    BlockRef,
    CallReverted,
    ChainUnreachable,
    Receipt,
    RefusedByNode,
    SentTransaction,
    hex_of,
)

T = TypeVar("T")
RECEIPT_OF_NO_BLOCK = "receipt_of_no_block"


class FinalityUnconfirmed(ChainUnreachable):
    """No second endpoint says what is final, or what is in a final block."""

    code = "finality_unconfirmed"


class EvmLook(Calls):
    """One look at the chain through one endpoint of several. When that fails, so does the look: it is begun anew."""

    def __init__(
        self, pool: Pool, agreement: Agreement, endpoint: Endpoint, head: Block, finality_depth: int | None
    ) -> None:
        """`head` is the endpoint's newest block."""
        self._pool, self._agreement, self._endpoint = pool, agreement, endpoint
        self._head = head
        self._finality_depth = finality_depth
        self._final: Block | None = None
        self._is_final_known = False

    def finalized(self) -> Block:
        """Return the newest block two endpoints call final: the same for the whole look.

        The first block of the chain while no second one confirms any: nothing becomes final then.
        """
        return self._agreed() or self._existing(0)

    def final_ref(self) -> Any:
        """Name the block `finalized` for a call. Raises FinalityUnconfirmed when there is none."""
        agreed = self._agreed()
        if agreed is None:
            raise FinalityUnconfirmed
        return hex(agreed.number)

    def call(
        self,
        to: bytes | None,
        data: bytes,
        block: BlockRef | None = None,
        *,
        sender: bytes | None = None,
        value: int = 0,
    ) -> bytes:
        """Run a call; at the final block, by name or by hash, two have to give the same answer or both refuse."""
        agreed = self._as_final(block)
        if agreed is None:
            return super().call(to, data, block, sender=sender, value=value)
        return self._of_final(agreed, "eth_call", message(sender, to, data, value))

    def code_at(self, address: bytes, block: BlockRef | None = None) -> bytes:
        """Return the code of an address; at the final block two have to tell the same."""
        agreed = self._as_final(block)
        return (
            super().code_at(address, block)
            if agreed is None
            else self._of_final(agreed, "eth_getCode", hex_of(address))
        )

    def nonce(self, address: bytes, block: BlockRef = "latest") -> int:
        """Count transactions; of final blocks the lower of two opinions, none while there is no second one."""
        if block != "finalized":
            return super().nonce(address, block)
        agreed = self._agreed()
        if agreed is None:
            return 0
        asked = ("eth_getTransactionCount", hex_of(address), hex(agreed.number))
        counts = [self._ask(number_of, *asked)]
        for witness in self._pool.others(self._endpoint):
            try:
                counts.append(self._pool.ask_one(witness, number_of, *asked))
            except (Trouble, RefusedByNode):
                continue
            return min(counts)
        return 0

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return a receipt of a block that the endpoint has; of a final block, one that another endpoint has too."""
        found = super().receipt(tx_hash)
        if found is None:
            return None
        if not self._has_block_of(found):
            # Between the two questions a reorg may have come, so both are asked once more.
            found = super().receipt(tx_hash)
            if found is None:
                return None
            if not self._has_block_of(found):
                self._pool.bench(self._endpoint, RECEIPT_OF_NO_BLOCK)
                raise ChainUnreachable(problem=RECEIPT_OF_NO_BLOCK)
        if found.block_number <= self.finalized().number:
            self._confirm(to_receipt, found, "eth_getTransactionReceipt", hex_of(tx_hash))
        return found

    def transaction(self, tx_hash: bytes) -> SentTransaction | None:
        """Return a transaction; of a final block, one that another endpoint has too."""
        asked = ("eth_getTransactionByHash", hex_of(tx_hash))
        found = self._ask(to_transaction, *asked)
        if found is None:
            return None
        sent, number = found
        if number is not None and number <= self.finalized().number:
            self._confirm(to_transaction, found, *asked)
        return sent

    def _ref(self, block: BlockRef | None) -> Any:
        return self.final_ref() if block == "finalized" else super()._ref(block)

    def _ask(self, parse: Callable[[Any], T], method: str, *params: Any) -> T:
        try:
            return self._pool.ask_one(self._endpoint, parse, method, *params)
        except Trouble as trouble:
            self._pool.raise_when_nobody_is_left()
            raise ChainUnreachable(method=method, problem=str(trouble)) from None

    def _agreed(self) -> Block | None:
        if not self._is_final_known:
            try:
                mine = self._agreement.final_of(self._endpoint, self._head)
                self._final = self._agreement.final(self._endpoint, mine)
            except Trouble as trouble:
                raise ChainUnreachable(problem=str(trouble)) from None
            self._is_final_known = True
        return self._final

    def _as_final(self, block: BlockRef | None) -> Block | None:
        """Return the final block if it is the one that is meant. Raises FinalityUnconfirmed when there is none."""
        if block != "finalized" and not (self._final is not None and block == self._final.hash):
            return None
        agreed = self._agreed()
        if agreed is None:
            raise FinalityUnconfirmed
        return agreed

    def _of_final(self, agreed: Block, method: str, *params: Any) -> bytes:
        """Ask two about the state after one block, named by its hash. A refusal is an answer, whatever its words.

        Raises CallReverted, FinalityUnconfirmed, ChainUnreachable.
        """
        refusals: list[CallReverted] = []

        def ask(endpoint: Endpoint) -> tuple[bytes | None]:
            try:
                return (self._pool.ask_one(endpoint, unhex, method, *params, self._name(agreed.hash)),)
            except CallReverted as reverted:
                refusals.append(reverted)
                return (None,)

        try:
            told = ask(self._endpoint)
            is_confirmed = self._agreement.is_confirmed(self._endpoint, told, ask, OTHER_CONTENT)
        except Trouble as trouble:
            self._pool.raise_when_nobody_is_left()
            raise ChainUnreachable(method=method, problem=str(trouble)) from None
        if not is_confirmed:
            raise FinalityUnconfirmed(method=method)
        if told[0] is None:
            raise refusals[0]
        return told[0]

    def _has_block_of(self, receipt: Receipt) -> bool:
        block = self.block(receipt.block_number)
        return block is not None and block.hash == receipt.block_hash

    def _confirm(self, parse: Callable[[Any], T | None], mine: T, method: str, *params: Any) -> None:
        """Raise FinalityUnconfirmed unless a second endpoint answers the same; having nothing is an answer here."""
        told: tuple[T | None] = (mine,)

        def ask(witness: Endpoint) -> tuple[T | None]:
            return (self._pool.ask_one(witness, parse, method, *params),)

        try:
            is_confirmed = self._agreement.is_confirmed(self._endpoint, told, ask, OTHER_CONTENT)
        except Trouble as trouble:
            raise ChainUnreachable(problem=str(trouble)) from None
        if not is_confirmed:
            raise FinalityUnconfirmed(method=method)
