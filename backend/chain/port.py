"""What we ask of a network, and what may go wrong: the only words of a blockchain that leave an adapter.

Addresses and hashes are bytes (20 and 32), amounts are wei, times are aware UTC. An adapter is one folder beside this
file; everything above works with any of them, and with the fake.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from backend.kit.errors import BusinessError, Conflict, Retryable, Unavailable

Tag = Literal["latest", "pending", "finalized"]
BlockRef = int | bytes | Tag
"""A block by number, by hash, or by the name of its place in the chain."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header, as far as we need it."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class ReceiptLog:
    """One log of a receipt."""

    log_index: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a mined transaction; true only as long as its block is part of the chain."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    logs: tuple[ReceiptLog, ...]


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """A transaction as the network has it, in a block or waiting for one. What came of it, its receipt says."""

    tx_hash: bytes
    sender: bytes
    to: bytes | None
    """None: it creates a contract."""
    nonce: int
    value: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction should offer right now, in wei a unit of gas (EIP-1559).

    Below `base_fee` no block takes a transaction; `max_fee` leaves room for it to rise.
    """

    base_fee: int
    max_fee: int
    priority_fee: int


class ChainError(BusinessError):
    """The blockchain refused."""

    code = "chain_refused"
    status = 502


class ChainUnreachable(Unavailable, Retryable):
    """The network's node does not answer; try again shortly."""

    code = "chain_unreachable"


class WrongChain(Unavailable):
    """The node serves another chain than the one we are set up for; nothing is read from it or sent to it."""

    code = "wrong_chain"


class CallReverted(ChainError):
    """The contract refuses this call."""

    code = "call_reverted"
    status = 409

    def __init__(self, data: bytes = b"", message: str | None = None) -> None:
        """Keep the revert `data` (ABI-encoded error; empty when the node gave none)."""
        super().__init__(message, data="0x" + data.hex())
        self.data = data


class AlreadyKnown(ChainError):
    """The node has exactly these bytes already."""

    code = "already_known"


class NonceTooLow(ChainError):
    """A mined transaction has used this nonce: ours, an older set of our bytes, or somebody else's."""

    code = "nonce_too_low"


class FeeTooLow(ChainError):
    """The offered fee is below what the network, or a replacement, needs."""

    code = "fee_too_low"


class InsufficientFunds(Conflict, Retryable):
    """The sender's balance does not cover gas and value."""

    code = "insufficient_funds"


class RefusedByNode(ChainError):
    """The node does not accept the transaction, for a reason we have no word for."""

    code = "refused_by_node"


class SignerMissing(Unavailable):
    """There is no such key here: set its keystore (or, for development only, its raw key)."""

    code = "signer_missing"


class ChainReader(Protocol):
    """What is read from one network. Every method may raise ChainUnreachable, and WrongChain on first use."""

    def call(
        self,
        to: bytes | None,
        data: bytes,
        block: BlockRef | None = None,
        *,
        sender: bytes | None = None,
        value: int = 0,
    ) -> bytes:
        """Run a call without sending it and return its output; `block` None is the latest. Raises CallReverted.

        With `to` None, `data` is creation code and the output is what it returns (ERC-6492 needs that).
        """
        ...

    def code_at(self, address: bytes, block: BlockRef | None = None) -> bytes:
        """Return the contract code at `address`; empty for a plain wallet."""
        ...

    def balance(self, address: bytes) -> int:
        """Return the balance of the network's own coin, in wei."""
        ...

    def nonce(self, address: bytes, block: BlockRef = "latest") -> int:
        """Return how many transactions of `address` are part of the chain up to `block`."""
        ...

    def fees(self) -> Fees:
        """Return what to offer so that a transaction is mined within a few blocks."""
        ...

    def estimate_gas(self, sender: bytes, to: bytes, data: bytes, value: int = 0, block: BlockRef = "pending") -> int:
        """Return the gas a transaction would use on top of what is pending. Raises CallReverted, InsufficientFunds."""
        ...

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return the receipt if the transaction is in a block of the chain now."""
        ...

    def transaction(self, tx_hash: bytes) -> SentTransaction | None:
        """Return the transaction if the node knows it, mined or in its pool."""
        ...

    def transaction_known(self, tx_hash: bytes) -> bool:
        """Say whether the node knows the transaction, mined or in its pool."""
        ...

    def head(self) -> Block:
        """Return the newest block."""
        ...

    def finalized(self) -> Block:
        """Return the newest block that cannot be undone: the finalized tag, or a set depth below the head."""
        ...

    def block(self, ref: BlockRef) -> Block | None:
        """Return a block; None when the chain has none there."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """Several questions to one node of a network, whose newest block is not behind what others showed.

    `asks_two`: there are several nodes, and `node` asks a second one about what is in a final block.
    """

    node: ChainReader
    asks_two: bool


class ChainPort(ChainReader, Protocol):
    """One network, behind one node or several."""

    def chain_id(self) -> int:
        """Return the EIP-155 chain id the node reports."""
        ...

    def look(self) -> AbstractContextManager[Look]:
        """Return one node to ask several things, so that the answers fit together. It fails as a whole."""
        ...

    def send_raw(self, raw: bytes) -> bytes:
        """Hand signed bytes to the network and return their hash. Says nothing about their being mined.

        Raises AlreadyKnown, NonceTooLow, FeeTooLow, InsufficientFunds, RefusedByNode.
        """
        ...


Transaction = Mapping[str, Any]
"""An EIP-1559 transaction: chainId, nonce, gas, maxFeePerGas, maxPriorityFeePerGas, to, value, data; ints and bytes."""


class Signer(Protocol):
    """A key we may use but need not see: a keystore, a development key, a key service."""

    @property
    def address(self) -> bytes:
        """The 20 bytes the signatures recover to."""
        ...

    def sign_transaction(self, transaction: Transaction) -> bytes:
        """Return the signed bytes. The same transaction gives the same bytes wherever the key allows (RFC 6979)."""
        ...

    def sign_typed_data(self, typed_data: Mapping[str, Any]) -> bytes:
        """Return the 65-byte EIP-712 signature: r, s (in the lower half), v (27 or 28)."""
        ...

    def hash_of(self, raw: bytes) -> bytes:
        """Return the hash under which the network will know the signed bytes."""
        ...


def hex_of(value: bytes) -> str:
    """Return `value` as 0x-prefixed hex."""
    return "0x" + value.hex()
