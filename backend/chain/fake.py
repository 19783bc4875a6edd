"""A chain in memory for unit tests: blocks, a pool, receipts, finality, reorgs, and contracts written as functions.

It keeps the habits of anvil that matter: orphaned transactions do not return to the pool, and the pending state is the
newest block with the pool's executable transactions on top. Deterministic; nothing moves until `mine` is called.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from eth_utils.crypto import keccak

from backend.chain.port import (
    AlreadyKnown,
    Block,
    BlockRef,
    CallReverted,
    ChainUnreachable,
    Fees,
    FeeTooLow,
    InsufficientFunds,
    Look,
    NonceTooLow,
    Receipt,
    ReceiptLog,
    SentTransaction,
    Transaction,
)

_GENESIS = datetime(2026, 1, 1, tzinfo=UTC)
_BLOCK_SECONDS = 1
_CALL_GAS = 50_000
_PLENTY = 10**24
_REPLACEMENT_PERCENT = 110


@dataclass(frozen=True, slots=True)
class FakeLog:
    """A log a fake contract emits."""

    topics: tuple[bytes, ...]
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class FakeCall:
    """What a fake contract sees of a call."""

    sender: bytes
    to: bytes
    data: bytes
    value: int


Storage = dict[str, Any]
Contract = Callable[[FakeCall, Storage], tuple[bytes, list[FakeLog]]]
"""Gets the call and its storage (plain values, changed in place); returns output and logs, or raises CallReverted."""


@dataclass(slots=True)
class _Pooled:
    tx_hash: bytes
    sender: bytes
    fields: dict[str, Any]

    @property
    def nonce(self) -> int:
        return int(self.fields["nonce"])

    @property
    def call(self) -> FakeCall:
        to, data = bytes.fromhex(self.fields["to"]), bytes.fromhex(self.fields["data"])
        return FakeCall(self.sender, to, data, int(self.fields["value"]))

    @property
    def sent(self) -> SentTransaction:
        call = self.call
        return SentTransaction(self.tx_hash, call.sender, call.to, self.nonce, call.value, call.data)


@dataclass(slots=True)
class _State:
    storage: dict[bytes, Storage] = field(default_factory=dict)
    nonces: dict[bytes, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Sealed:
    block: Block
    receipts: dict[bytes, Receipt]
    sent: dict[bytes, SentTransaction]
    after: _State


class FakeSigner:
    """A key that signs nothing real: its bytes are understood by FakeChain only."""

    def __init__(self, name: str) -> None:
        """Derive the address from a name."""
        self._address = keccak(text=f"fake signer {name}")[-20:]

    @property
    def address(self) -> bytes:
        """The 20 bytes FakeChain reads as the sender."""
        return self._address

    def sign_transaction(self, transaction: Transaction) -> bytes:
        """Return the transaction as JSON with the sender in it."""
        plain = {key: value.hex() if isinstance(value, bytes) else value for key, value in transaction.items()}
        return json.dumps({"sender": self._address.hex(), **plain}, sort_keys=True).encode()

    def sign_typed_data(self, typed_data: Mapping[str, Any]) -> bytes:
        """Return 65 bytes that depend on the document and the key."""
        half = keccak(self._address + json.dumps(typed_data, sort_keys=True).encode())
        return half + half[:1].rjust(32, b"\x01") + b"\x1b"

    def hash_of(self, raw: bytes) -> bytes:
        """Return the hash FakeChain gives these bytes."""
        return keccak(raw)


class FakeChain:
    """ChainPort in memory. `finality_depth` blocks below the head are final."""

    def __init__(self, chain_id: int = 31337, finality_depth: int = 2) -> None:
        """Start with a genesis block."""
        self._chain_id = chain_id
        self._finality_depth = finality_depth
        self._contracts: dict[bytes, Contract] = {}
        self._codes: dict[bytes, bytes] = {}
        self._balances: dict[bytes, int] = {}
        self._pool: dict[tuple[bytes, int], _Pooled] = {}
        self._branch = 0
        self._answers_left = self._outages = 0
        self.base_fee = 1_000_000_000
        self.sent: list[bytes] = []
        """Every set of bytes that was handed over, repeated ones included."""
        genesis = Block(0, keccak(text="fake genesis"), bytes(32), _GENESIS)
        self._sealed = [_Sealed(genesis, {}, {}, _State())]

    # ---- what a test does to the chain

    def put_contract(self, address: bytes, contract: Contract, code: bytes = b"\x60") -> None:
        """Let `contract` answer calls to `address`."""
        self._contracts[address] = contract
        self._codes[address] = code

    def set_balance(self, address: bytes, wei: int) -> None:
        """Set a balance; addresses nobody set hold plenty."""
        self._balances[address] = wei

    def fail(self, calls: int = 1, after: int = 0) -> None:
        """Be unreachable for `calls` calls, once `after` more have been answered."""
        self._answers_left, self._outages = after, calls

    def forget_pool(self) -> None:
        """Lose every transaction that is not mined, as a restarted node does."""
        self._pool.clear()

    def storage(self, address: bytes) -> Storage:
        """Return a copy of a contract's storage after the newest block."""
        return copy.deepcopy(self._sealed[-1].after.storage.get(address, {}))

    def mine(self, blocks: int = 1) -> Block:
        """Seal blocks; the first takes every executable transaction of the pool. Returns the newest."""
        for _ in range(blocks):
            self._seal(self._executable())
        return self.head()

    def reorg(self, depth: int) -> None:
        """Replace the newest `depth` blocks by empty ones of another branch, one block longer."""
        if not 0 < depth < len(self._sealed):
            raise ValueError(f"cannot undo {depth} of {len(self._sealed) - 1} blocks")
        del self._sealed[-depth:]
        self._branch += 1
        for _ in range(depth + 1):
            self._seal([])

    # ---- ChainPort

    @contextmanager
    def look(self) -> Iterator[Look]:
        """Look at itself: it is one node."""
        yield Look(self, asks_two=False)

    def chain_id(self) -> int:
        """Return the chain id."""
        self._answer()
        return self._chain_id

    def call(
        self,
        to: bytes | None,
        data: bytes,
        block: BlockRef | None = None,
        *,
        sender: bytes | None = None,
        value: int = 0,
    ) -> bytes:
        """Run a call on a copy of the state; creation code (`to` None) goes to the contract put at the zero address."""
        self._answer()
        state = copy.deepcopy(self._state(block or "latest"))
        return self._run(FakeCall(sender or bytes(20), to or bytes(20), data, value), state)[0]

    def code_at(self, address: bytes, block: BlockRef | None = None) -> bytes:
        """Return the code given to `put_contract`; it is there in every block."""
        self._answer()
        self._state(block or "latest")
        return self._codes.get(address, b"")

    def balance(self, address: bytes) -> int:
        """Return what `set_balance` set."""
        self._answer()
        return self._balances.get(address, _PLENTY)

    def nonce(self, address: bytes, block: BlockRef = "latest") -> int:
        """Count the transactions of an address."""
        self._answer()
        return self._state(block).nonces.get(address, 0)

    def fees(self) -> Fees:
        """Offer twice `base_fee` and one gwei on top."""
        self._answer()
        tip = 1_000_000_000
        return Fees(base_fee=self.base_fee, max_fee=2 * self.base_fee + tip, priority_fee=tip)

    def estimate_gas(self, sender: bytes, to: bytes, data: bytes, value: int = 0, block: BlockRef = "pending") -> int:
        """Run the call; every call costs the same."""
        self._answer()
        if self._balances.get(sender, _PLENTY) < value:
            raise InsufficientFunds
        self._run(FakeCall(sender, to, data, value), copy.deepcopy(self._state(block)))
        return _CALL_GAS

    def send_raw(self, raw: bytes) -> bytes:
        """Take bytes of a FakeSigner into the pool."""
        self._answer()
        self.sent.append(raw)
        fields: dict[str, Any] = json.loads(raw)
        pooled = _Pooled(keccak(raw), bytes.fromhex(fields["sender"]), fields)
        if pooled.nonce < self._state("latest").nonces.get(pooled.sender, 0):
            raise NonceTooLow
        there = self._pool.get((pooled.sender, pooled.nonce))
        if there is not None and there.tx_hash == pooled.tx_hash:
            raise AlreadyKnown
        for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
            if there is not None and fields[fee] * 100 < there.fields[fee] * _REPLACEMENT_PERCENT:
                raise FeeTooLow("replacement transaction underpriced")
        if self._balances.get(pooled.sender, _PLENTY) < fields["gas"] * fields["maxFeePerGas"] + fields["value"]:
            raise InsufficientFunds
        self._pool[pooled.sender, pooled.nonce] = pooled
        return pooled.tx_hash

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return the receipt if the transaction is on the present branch."""
        self._answer()
        return next((sealed.receipts[tx_hash] for sealed in self._sealed if tx_hash in sealed.receipts), None)

    def transaction(self, tx_hash: bytes) -> SentTransaction | None:
        """Look into the blocks and the pool."""
        self._answer()
        mined = next((sealed.sent[tx_hash] for sealed in self._sealed if tx_hash in sealed.sent), None)
        return mined or next((one.sent for one in self._pool.values() if one.tx_hash == tx_hash), None)

    def transaction_known(self, tx_hash: bytes) -> bool:
        """Look into the pool and the blocks."""
        return self.receipt(tx_hash) is not None or any(tx_hash == pooled.tx_hash for pooled in self._pool.values())

    def head(self) -> Block:
        """Return the newest block."""
        self._answer()
        return self._sealed[-1].block

    def finalized(self) -> Block:
        """Return the block `finality_depth` below the newest."""
        self._answer()
        return self._sealed[max(len(self._sealed) - 1 - self._finality_depth, 0)].block

    def block(self, ref: BlockRef) -> Block | None:
        """Return a block of the present branch."""
        self._answer()
        sealed = self._find(ref)
        return None if sealed is None else sealed.block

    # ---- inside

    def _answer(self) -> None:
        if self._outages > 0 and self._answers_left > 0:
            self._answers_left -= 1
        elif self._outages > 0:
            self._outages -= 1
            raise ChainUnreachable

    def _find(self, ref: BlockRef) -> _Sealed | None:
        if ref in {"latest", "pending"}:
            return self._sealed[-1]
        if ref == "finalized":
            return self._sealed[max(len(self._sealed) - 1 - self._finality_depth, 0)]
        return next((sealed for sealed in self._sealed if ref in (sealed.block.number, sealed.block.hash)), None)

    def _state(self, ref: BlockRef) -> _State:
        sealed = self._find(ref)
        if sealed is None:
            raise ChainUnreachable(block=str(ref))
        if ref != "pending":
            return sealed.after
        state = copy.deepcopy(sealed.after)
        for pooled in self._executable():
            self._execute(pooled, state)
        return state

    def _executable(self) -> list[_Pooled]:
        """Return the pool's transactions without a gap before them, that pay the base fee, oldest nonce first."""
        nonces = dict(self._sealed[-1].after.nonces)
        ready = []
        for (sender, nonce), pooled in sorted(self._pool.items()):
            if nonce == nonces.get(sender, 0) and pooled.fields["maxFeePerGas"] >= self.base_fee:
                ready.append(pooled)
                nonces[sender] = nonce + 1
        return ready

    def _run(self, call: FakeCall, state: _State) -> tuple[bytes, list[FakeLog]]:
        contract = self._contracts.get(call.to)
        if contract is None:
            return b"", []
        return contract(call, state.storage.setdefault(call.to, {}))

    def _execute(self, pooled: _Pooled, state: _State) -> tuple[bool, list[FakeLog]]:
        state.nonces[pooled.sender] = pooled.nonce + 1
        attempt = copy.deepcopy(state)
        try:
            _, logs = self._run(pooled.call, attempt)
        except CallReverted:
            return False, []
        state.storage = attempt.storage
        return True, logs

    def _seal(self, pooled: list[_Pooled]) -> None:
        parent = self._sealed[-1]
        number = parent.block.number + 1
        content = b"".join(one.tx_hash for one in pooled)
        block_hash = keccak(parent.block.hash + number.to_bytes(8) + self._branch.to_bytes(8) + content)
        block = Block(number, block_hash, parent.block.hash, _GENESIS + timedelta(seconds=number * _BLOCK_SECONDS))
        state = copy.deepcopy(parent.after)
        receipts: dict[bytes, Receipt] = {}
        log_index = 0
        for one in pooled:
            succeeded, emitted = self._execute(one, state)
            logs = tuple(
                ReceiptLog(log_index + place, one.call.to, log.topics, log.data) for place, log in enumerate(emitted)
            )
            log_index += len(logs)
            receipts[one.tx_hash] = Receipt(one.tx_hash, number, block_hash, succeeded, _CALL_GAS, logs)
            self._pool.pop((one.sender, one.nonce), None)
        self._sealed.append(_Sealed(block, receipts, {one.tx_hash: one.sent for one in pooled}, state))
