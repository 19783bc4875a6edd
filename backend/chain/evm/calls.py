"""The port's questions in the words of JSON-RPC, and the answers in ours; who is asked, a subclass says.

Responses are taken raw: web3's formatters trip over the headers of proof-of-authority chains and hide error codes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from eth_utils.address import to_checksum_address

from backend.chain.evm.pool import number_of
from backend.chain.port import (
    Block,
    BlockRef,
    ChainUnreachable,
    Fees,
    Receipt,
    ReceiptLog,
    SentTransaction,
    hex_of,
)

_HASH_LENGTH = 32
_REWARD_PERCENTILE = 60
_FEE_BLOCKS = 5
_LEAST_PRIORITY_FEE = 1_000_000_000
Json = Any
T = TypeVar("T")


def unhex(value: str) -> bytes:
    """Read 0x-prefixed bytes."""
    return bytes.fromhex(value.removeprefix("0x"))


def to_block(answer: Json) -> Block | None:
    """Read a block; None where there is none."""
    if answer is None:
        return None
    return Block(
        number=int(answer["number"], 16),
        hash=unhex(answer["hash"]),
        parent_hash=unhex(answer["parentHash"]),
        timestamp=datetime.fromtimestamp(int(answer["timestamp"], 16), UTC),
    )


def to_existing_block(answer: Json) -> Block:
    """Read a block that every synchronised node has. Raises TypeError."""
    block = to_block(answer)
    if block is None:
        raise TypeError("no block")
    return block


def to_receipt(answer: Json) -> Receipt | None:
    """Read a receipt; None while the transaction is in no block."""
    if answer is None or answer.get("blockHash") is None:
        return None
    return Receipt(
        tx_hash=unhex(answer["transactionHash"]),
        block_number=int(answer["blockNumber"], 16),
        block_hash=unhex(answer["blockHash"]),
        succeeded=int(answer["status"], 16) == 1,
        gas_used=int(answer["gasUsed"], 16),
        logs=tuple(
            ReceiptLog(
                log_index=int(log["logIndex"], 16),
                address=unhex(log["address"]),
                topics=tuple(unhex(topic) for topic in log["topics"]),
                data=unhex(log["data"]),
            )
            for log in answer["logs"]
        ),
    )


def to_transaction(answer: Json) -> tuple[SentTransaction, int | None] | None:
    """Read a transaction with the number of its block; None when the node does not know it."""
    if answer is None:
        return None
    sent = SentTransaction(
        tx_hash=unhex(answer["hash"]),
        sender=unhex(answer["from"]),
        to=unhex(answer["to"]) if answer.get("to") else None,
        nonce=int(answer["nonce"], 16),
        value=int(answer["value"], 16),
        data=unhex(answer["input"]),
    )
    number = answer.get("blockNumber")
    return sent, None if number is None else int(number, 16)


def _to_fees(history: Json) -> Fees:
    base_fee = int(history["baseFeePerGas"][-1], 16)
    rewards = sorted(int(row[0], 16) for row in history.get("reward") or [["0x0"]])
    priority_fee = max(rewards[len(rewards) // 2], _LEAST_PRIORITY_FEE)
    return Fees(base_fee=base_fee, max_fee=2 * base_fee + priority_fee, priority_fee=priority_fee)


def _to_presence(answer: Json) -> bool:
    return answer is not None


def message(sender: bytes | None, to: bytes | None, data: bytes, value: int) -> dict[str, str]:
    """Write a call as eth_call and eth_estimateGas take it."""
    written = {"data": hex_of(data), "value": hex(value)}
    if to is not None:
        written["to"] = to_checksum_address(to)
    if sender is not None:
        written["from"] = to_checksum_address(sender)
    return written


class Calls(ABC):
    """Everything that is read from a chain. `finality_depth` None trusts the finalized tag, else counts blocks."""

    _finality_depth: int | None

    @abstractmethod
    def _ask(self, parse: Callable[[Json], T], method: str, *params: Json) -> T:
        """Ask and read the answer; one that `parse` cannot read is trouble of the node."""

    def call(
        self,
        to: bytes | None,
        data: bytes,
        block: BlockRef | None = None,
        *,
        sender: bytes | None = None,
        value: int = 0,
    ) -> bytes:
        """Run eth_call."""
        return self._ask(unhex, "eth_call", message(sender, to, data, value), self._ref(block))

    def code_at(self, address: bytes, block: BlockRef | None = None) -> bytes:
        """Run eth_getCode."""
        return self._ask(unhex, "eth_getCode", hex_of(address), self._ref(block))

    def balance(self, address: bytes) -> int:
        """Run eth_getBalance."""
        return self._ask(number_of, "eth_getBalance", hex_of(address), "latest")

    def nonce(self, address: bytes, block: BlockRef = "latest") -> int:
        """Run eth_getTransactionCount; `finalized` respects the set depth."""
        at: BlockRef = self.finalized().number if block == "finalized" else block
        return self._ask(number_of, "eth_getTransactionCount", hex_of(address), self._name(at))

    def fees(self) -> Fees:
        """Offer twice the base fee plus what the middle of recent blocks paid on top."""
        return self._ask(_to_fees, "eth_feeHistory", hex(_FEE_BLOCKS), "latest", [_REWARD_PERCENTILE])

    def estimate_gas(self, sender: bytes, to: bytes, data: bytes, value: int = 0, block: BlockRef = "pending") -> int:
        """Run eth_estimateGas."""
        return self._ask(number_of, "eth_estimateGas", message(sender, to, data, value), self._ref(block))

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Run eth_getTransactionReceipt."""
        return self._ask(to_receipt, "eth_getTransactionReceipt", hex_of(tx_hash))

    def transaction(self, tx_hash: bytes) -> SentTransaction | None:
        """Run eth_getTransactionByHash."""
        found = self._ask(to_transaction, "eth_getTransactionByHash", hex_of(tx_hash))
        return None if found is None else found[0]

    def transaction_known(self, tx_hash: bytes) -> bool:
        """Run eth_getTransactionByHash."""
        return self._ask(_to_presence, "eth_getTransactionByHash", hex_of(tx_hash))

    def head(self) -> Block:
        """Return the newest block."""
        return self._existing("latest")

    def finalized(self) -> Block:
        """Return the newest block that cannot be undone, by the word of whoever is asked."""
        if self._finality_depth is None:
            return self._existing("finalized")
        return self._existing(max(self.head().number - self._finality_depth, 0))

    def block(self, ref: BlockRef) -> Block | None:
        """Run eth_getBlockByNumber or eth_getBlockByHash, without transactions."""
        if isinstance(ref, bytes) and len(ref) == _HASH_LENGTH:
            return self._ask(to_block, "eth_getBlockByHash", hex_of(ref), False)  # noqa: FBT003 - JSON-RPC
        return self._ask(to_block, "eth_getBlockByNumber", self._name(ref), False)  # noqa: FBT003 - JSON-RPC

    def _existing(self, ref: BlockRef) -> Block:
        block = self.block(ref)
        if block is None:
            raise ChainUnreachable("The node has not synchronised yet.", block=str(ref))
        return block

    def _ref(self, block: BlockRef | None) -> Json:
        """Name the block whose state is asked for; what counts as final may be counted in blocks."""
        if block == "finalized" and self._finality_depth is not None:
            block = self.finalized().number
        return self._name(block)

    def _name(self, block: BlockRef | None) -> Json:
        """Name a block in a call's parameters; a hash in the form of EIP-1898."""
        if block is None:
            return "latest"
        if isinstance(block, bytes):
            return {"blockHash": hex_of(block)}
        return hex(block) if isinstance(block, int) else block
