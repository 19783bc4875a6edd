"""The rules of minting: which state may follow which, what a batch is made of, who may receive.

Pure: values in, values out. Standards: docs/contracts.md (token ids, entries, receiver rule), EIP-7702 (designator).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backend.tickets.states import (
    BatchStatus,
    ClaimStatus,
    CollectionStatus,
    JobStatus,
    StatusChangeStatus,
    TicketStatus,
)

ZERO_ADDRESS = bytes(20)
ADDRESS_BYTES = 20
ENTRY_BYTES = 22
MAX_BATCH = 1000
"""Entries; the contract refuses more."""
_INDEX_BITS = 16
_SINGLE_BIT = 52
_SAFE_MINT = 1 << 51
_DELEGATION_PREFIX = bytes.fromhex("ef0100")
_DELEGATION_BYTES = len(_DELEGATION_PREFIX) + ADDRESS_BYTES

_J, _B, _T, _C, _S = JobStatus, BatchStatus, TicketStatus, CollectionStatus, StatusChangeStatus

JOB_EDGES: dict[JobStatus, frozenset[JobStatus]] = {
    _J.QUEUED: frozenset({_J.BATCHED, _J.STUCK, _J.REFUNDING}),
    # Back to the queue only when the old number was cancelled on chain, for good: "mint again" never means twice.
    _J.BATCHED: frozenset({_J.MINTED, _J.ESCROWED, _J.QUEUED, _J.STUCK, _J.FINAL}),
    # Back to BATCHED when a reorg undid the block; the same batch will be mined again.
    _J.MINTED: frozenset({_J.FINAL, _J.BATCHED}),
    _J.ESCROWED: frozenset({_J.FINAL, _J.BATCHED}),
    _J.STUCK: frozenset({_J.QUEUED, _J.REFUNDING, _J.FINAL}),
    _J.FINAL: frozenset(),
    _J.REFUNDING: frozenset(),
}

_SETTLED_BY_CHAIN = frozenset({_B.LANDED, _B.FINAL, _B.CANCELLED})

BATCH_EDGES: dict[BatchStatus, frozenset[BatchStatus]] = {
    _B.OPEN: frozenset({_B.CLOSED}),
    _B.CLOSED: frozenset({_B.WAITING, _B.OVERDUE, _B.UNKNOWN, _B.CANCELLING, _B.STUCK}) | _SETTLED_BY_CHAIN,
    _B.WAITING: frozenset({_B.CLOSED, _B.OVERDUE, _B.UNKNOWN, _B.CANCELLING, _B.STUCK}) | _SETTLED_BY_CHAIN,
    _B.OVERDUE: frozenset({_B.CLOSED, _B.WAITING, _B.UNKNOWN, _B.CANCELLING, _B.STUCK}) | _SETTLED_BY_CHAIN,
    _B.UNKNOWN: frozenset({_B.CLOSED, _B.WAITING, _B.CANCELLING, _B.STUCK}) | _SETTLED_BY_CHAIN,
    _B.CANCELLING: frozenset({_B.UNKNOWN, _B.STUCK}) | _SETTLED_BY_CHAIN,
    _B.STUCK: frozenset({_B.CLOSED, _B.UNKNOWN, _B.CANCELLING}) | _SETTLED_BY_CHAIN,
    _B.LANDED: frozenset({_B.FINAL, _B.CLOSED, _B.CANCELLED, _B.STUCK}),
    _B.FINAL: frozenset(),
    _B.CANCELLED: frozenset(),
}

IN_FLIGHT = frozenset({_B.OPEN, _B.CLOSED, _B.WAITING, _B.OVERDUE, _B.UNKNOWN, _B.CANCELLING, _B.STUCK})
"""A batch in one of these has a number that is given out and not consumed yet."""

_GAS_OF_A_BATCH = 200_000
_GAS_OF_A_TICKET = 52_000
"""Measured by tests/tickets/test_mint_gas.py: a new holder costs 47,000, the batch itself below 150,000."""

TICKET_EDGES: dict[TicketStatus, frozenset[TicketStatus]] = {
    _T.PENDING: frozenset({_T.LIVE, _T.LOCKED, _T.USED, _T.VOID}),
    _T.LIVE: frozenset({_T.LOCKED, _T.USED, _T.VOID}),
    _T.LOCKED: frozenset({_T.PENDING, _T.LIVE, _T.USED, _T.VOID}),
    _T.USED: frozenset(),
    _T.VOID: frozenset(),
}

COLLECTION_EDGES: dict[CollectionStatus, frozenset[CollectionStatus]] = {
    _C.DRAFT: frozenset({_C.CONSENTED}),
    _C.CONSENTED: frozenset({_C.DEPLOYING, _C.STUCK}),
    _C.DEPLOYING: frozenset({_C.DEPLOYED, _C.UNKNOWN, _C.STUCK}),
    _C.UNKNOWN: frozenset({_C.DEPLOYED, _C.DEPLOYING, _C.STUCK}),
    _C.DEPLOYED: frozenset({_C.LIVE, _C.MISMATCH}),
    _C.MISMATCH: frozenset({_C.LIVE}),
    _C.STUCK: frozenset({_C.CONSENTED, _C.DEPLOYED}),
    _C.LIVE: frozenset(),
}

CLAIM_EDGES: dict[ClaimStatus, frozenset[ClaimStatus]] = {
    ClaimStatus.PENDING: frozenset({ClaimStatus.SENT, ClaimStatus.FAILED}),
    ClaimStatus.SENT: frozenset({ClaimStatus.DONE, ClaimStatus.FAILED}),
    ClaimStatus.DONE: frozenset(),
    ClaimStatus.FAILED: frozenset(),
}

CHANGE_EDGES: dict[StatusChangeStatus, frozenset[StatusChangeStatus]] = {
    _S.SENT: frozenset({_S.DONE, _S.WAITING, _S.STUCK}),
    _S.WAITING: frozenset({_S.SENT, _S.DONE, _S.STUCK}),
    _S.STUCK: frozenset({_S.SENT, _S.DONE}),
    _S.DONE: frozenset(),
}

ON_CHAIN_STATUS: tuple[TicketStatus, ...] = (_T.LIVE, _T.LOCKED, _T.USED, _T.VOID)
"""The contract's numbers for a ticket's status, in order."""

KINDS = ("GIFT", "SALE", "BUYBACK", "CLAIM", "ISSUER", "RECOVERY")
"""The contract's numbers for why a token moved, in order."""

_EDGES: dict[type[StrEnum], Mapping[Any, frozenset[Any]]] = {
    JobStatus: JOB_EDGES,
    BatchStatus: BATCH_EDGES,
    TicketStatus: TICKET_EDGES,
    CollectionStatus: COLLECTION_EDGES,
    ClaimStatus: CLAIM_EDGES,
    StatusChangeStatus: CHANGE_EDGES,
}


class ImpossibleStep(Exception):
    """A state was to follow one it cannot follow: a defect of ours, never a person's mistake."""


def may_follow(before: StrEnum, after: StrEnum) -> bool:
    """Tell whether `after` may follow `before`."""
    return after in _EDGES[type(before)][before]


def step(before: StrEnum, after: StrEnum) -> str:
    """Return `after` as it is stored. Staying where one is, is no step and allowed. Raises ImpossibleStep."""
    if before != after and not may_follow(before, after):
        raise ImpossibleStep(f"{type(before).__name__}: {before} -> {after}")
    return str(after)


@dataclass(frozen=True, slots=True)
class Entry:
    """One ticket of a batch: its owner (20 bytes) and its tier's number on chain."""

    owner: bytes
    tier: int


def encode_entries(entries: Sequence[Entry]) -> bytes:
    """Return the bytes `mintBatch` takes: 22 an entry, owner then tier, big endian. Raises ValueError."""
    if not 1 <= len(entries) <= MAX_BATCH:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} entries, not {len(entries)}")
    for entry in entries:
        if len(entry.owner) != ADDRESS_BYTES or entry.owner == ZERO_ADDRESS:
            raise ValueError("an entry's owner is 20 bytes and not zero")
    return b"".join(entry.owner + entry.tier.to_bytes(2, "big") for entry in entries)


def decode_entries(data: bytes) -> list[Entry]:
    """Read back what `encode_entries` wrote."""
    if not data or len(data) % ENTRY_BYTES:
        raise ValueError("entries are whole groups of 22 bytes")
    return [
        Entry(data[at : at + ADDRESS_BYTES], int.from_bytes(data[at + ADDRESS_BYTES : at + ENTRY_BYTES], "big"))
        for at in range(0, len(data), ENTRY_BYTES)
    ]


def mint_gas(tickets: int) -> int:
    """Return the gas limit of `mintBatch` with so many entries, whoever they belong to.

    By formula, so that a batch can be sent behind another whose effect no node can simulate yet.
    """
    return _GAS_OF_A_BATCH + _GAS_OF_A_TICKET * tickets


def token_id(batch_number: int, index: int) -> int:
    """Return the id of the ticket at `index` (from 0) of a batch: number << 16 | index, below 2^53."""
    if not (batch_number >= 1 and 0 <= index < MAX_BATCH):
        raise ValueError(f"no token has batch {batch_number}, index {index}")
    return batch_number << _INDEX_BITS | index


def batch_of(token: int) -> tuple[int, int]:
    """Return (batch number, index) of a token id."""
    return token >> _INDEX_BITS, token & ((1 << _INDEX_BITS) - 1)


def is_single(token: int) -> bool:
    """Tell whether a token was minted by itself (bought by quote, safeMint) and is of no batch: bit 52 is set."""
    return bool(token >> _SINGLE_BIT)


def is_bought(token: int) -> bool:
    """Tell whether a single mint was bought: ids of safeMint have bit 51 set too."""
    return is_single(token) and not token & _SAFE_MINT


def is_plain_wallet(code: bytes) -> bool:
    """Tell whether an address with this code is a wallet with a key: such may always receive.

    No code is a plain wallet; `0xef0100` and 20 bytes is one that delegates by EIP-7702. Every other code is a
    contract, which may receive only if the collection allows its code hash.
    """
    return not code or (len(code) == _DELEGATION_BYTES and code.startswith(_DELEGATION_PREFIX))
