"""ChainPort for any EVM network, behind one RPC endpoint or several."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from eth_utils.crypto import keccak

from backend.chain.endpoints import Condition, Finality
from backend.chain.evm import conditions
from backend.chain.evm.agreement import Agreement
from backend.chain.evm.calls import Calls, to_existing_block, unhex
from backend.chain.evm.looks import EvmLook
from backend.chain.evm.pool import Pool, number_of
from backend.chain.port import (
    Block,
    BlockRef,
    ChainError,
    ChainUnreachable,
    Look,
    Receipt,
    SentTransaction,
    WrongChain,
    hex_of,
)

T = TypeVar("T")


class EvmChain(Calls):
    """One EVM network. With several endpoints nothing is final before two of them say so."""

    def __init__(self, chain_id: int, rpc_urls: str | Sequence[str], finality_depth: int | None = None) -> None:
        """Keep the settings; nothing is asked before the first use. The first URL is preferred among equals."""
        urls = [rpc_urls] if isinstance(rpc_urls, str) else rpc_urls
        self._finality_depth = finality_depth
        self.pool = Pool(chain_id, urls)
        self.agreement = Agreement(self.pool, finality_depth)

    def chain_id(self) -> int:
        """Return the chain id the node reports."""
        return self.pool.ask(number_of, "eth_chainId", is_about_chain_id=True)

    @contextmanager
    def look(self) -> Iterator[Look]:
        """Choose one endpoint for several questions. With a single one there is nothing to choose."""
        if not self.pool.is_shared:
            yield Look(self, asks_two=False)
            return
        yield Look(self._new_look(), asks_two=True)

    def send_raw(self, raw: bytes) -> bytes:
        """Run eth_sendRawTransaction. Asked twice because of a lost answer, it says AlreadyKnown."""
        expected = keccak(raw)

        def the_hash(answer: Any) -> bytes:
            if unhex(answer) != expected:
                raise ValueError("the hash of other bytes")
            return expected

        return self.pool.send(expected, hex_of(raw), the_hash)

    def finalized(self) -> Block:
        """Return the newest block that cannot be undone; the first of all while nobody confirms any."""
        return self._looking(lambda look: look.finalized()) if self.pool.is_shared else super().finalized()

    def call(
        self,
        to: bytes | None,
        data: bytes,
        block: BlockRef | None = None,
        *,
        sender: bytes | None = None,
        value: int = 0,
    ) -> bytes:
        """Run a call; at the newest final block, one that two answer alike."""
        if block == "finalized" and self.pool.is_shared:
            return self._looking(lambda look: look.call(to, data, "finalized", sender=sender, value=value))
        return super().call(to, data, block, sender=sender, value=value)

    def code_at(self, address: bytes, block: BlockRef | None = None) -> bytes:
        """Return the code of an address; at the newest final block, as two tell it."""
        if block == "finalized" and self.pool.is_shared:
            return self._looking(lambda look: look.code_at(address, "finalized"))
        return super().code_at(address, block)

    def nonce(self, address: bytes, block: BlockRef = "latest") -> int:
        """Count transactions; up to the newest final block, in the lower of two opinions."""
        if block == "finalized" and self.pool.is_shared:
            return self._looking(lambda look: look.nonce(address, "finalized"))
        return super().nonce(address, block)

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return a receipt whose block exists; of a final block, one that two endpoints have."""
        return self._looking(lambda look: look.receipt(tx_hash)) if self.pool.is_shared else super().receipt(tx_hash)

    def transaction(self, tx_hash: bytes) -> SentTransaction | None:
        """Return a transaction; of a final block, one that two endpoints have."""
        if self.pool.is_shared:
            return self._looking(lambda look: look.transaction(tx_hash))
        return super().transaction(tx_hash)

    def survey(self) -> None:
        """Ask every endpoint that nobody has asked lately how it is, and whether they agree about what is final."""
        conditions.survey(self.pool)
        if self.pool.is_shared:
            try:
                self.finalized()
            except (ChainUnreachable, ChainError, WrongChain) as trouble:
                self.agreement.lost(str(trouble))

    def condition(self, network: str) -> Condition:
        """Return what this process has seen of its endpoints. Asks nobody."""
        return conditions.told(network, self.pool, self.agreement.finality if self.pool.is_shared else Finality.TRUSTED)

    def _ask(self, parse: Callable[[Any], T], method: str, *params: Any) -> T:
        return self.pool.ask(parse, method, *params)

    def _ref(self, block: BlockRef | None) -> Any:
        if block == "finalized" and self.pool.is_shared:
            return self._looking(lambda look: look.final_ref())
        return super()._ref(block)

    def _looking(self, question: Callable[[EvmLook], T]) -> T:
        """Ask in a look of its own, and in another while the endpoint of the first fails."""
        for _ in self.pool.endpoints[1:]:
            try:
                return question(self._new_look())
            except ChainUnreachable:
                continue
        return question(self._new_look())

    def _new_look(self) -> EvmLook:
        endpoint, head = self.pool.foremost(to_existing_block, lambda block: block.number)
        return EvmLook(self.pool, self.agreement, endpoint, head, self._finality_depth)
