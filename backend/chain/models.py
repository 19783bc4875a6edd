"""The rows of the chain: what we sent, under which nonce and as which bytes, and what blocks and logs we have seen.

Signers, sends and attempts are the outbox. Blocks and logs are facts, written by the indexer alone and keyed by block
hash, so that two branches of a fork can never be mixed up.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.kit.jobs import Leased


class SendStatus(StrEnum):
    """How far a send has come."""

    QUEUED = "QUEUED"  # nothing tried yet
    WAITING = "WAITING"  # held up by something outside: a pause, an empty signer, the fee ceiling; `reason` says what
    OVERDUE = "OVERDUE"  # past its deadline, with or without a nonce; goes on being sent and watched, a person may act
    SENDING = "SENDING"  # a nonce is allotted; the bytes are on their way or in the pool
    MINED = "MINED"  # succeeded in a block that may still be undone
    FINAL = "FINAL"  # succeeded for good
    REVERTED = "REVERTED"  # will not succeed: refused by the contract, for good
    UNKNOWN = "UNKNOWN"  # fate unclear: its nonce was used by bytes we do not know
    CANCELLED = "CANCELLED"  # withdrawn before a nonce was allotted, or found done by other means


class AttemptStatus(StrEnum):
    """How far one set of bytes under one nonce has come."""

    ALLOTTED = "ALLOTTED"  # the nonce is ours, nothing signed yet
    SIGNED = "SIGNED"  # bytes and hash stored; from here on they may be anywhere
    BROADCAST = "BROADCAST"  # a node took the bytes
    MINED = "MINED"  # in a block, succeeded or reverted as its receipt says; not final
    FINAL = "FINAL"  # in a final block, succeeded
    REPLACED = "REPLACED"  # other bytes with this nonce took over; could still be mined instead of them
    REVERTED = "REVERTED"  # in a final block, reverted
    DROPPED = "DROPPED"  # given up: never signed, its nonce used otherwise, or its key refused, each of them for good


class CursorStatus(StrEnum):
    """Whether a reader of logs is moving."""

    RUNNING = "RUNNING"
    STUCK = "STUCK"  # its handler fails; facts advance without it
    HALTED = "HALTED"  # a reorg deeper than finality: a person must look


Number = Annotated[int, mapped_column(BigInteger)]


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


class ChainSigner(Base):
    """A key of ours on one network and the next nonce it will use. Allotting a nonce locks this row."""

    __tablename__ = "chain_signers"
    __table_args__ = (UniqueConstraint("network", "address"), CheckConstraint("next_nonce >= 0", name="next_nonce"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    network: Mapped[str]
    role: Mapped[str]
    address: Mapped[bytes]
    next_nonce: Mapped[Number]
    # What the watcher last saw, so that a gauge needs no network: mined nonces and wei.
    seen_nonce: Mapped[Number | None]
    seen_balance: Mapped[Wei | None]
    seen_at: Mapped[datetime | None]


class ChainSend(Leased, Base):
    """One call that shall happen exactly once on a chain, asked for by `purpose` about `subject_id`."""

    __tablename__ = "chain_sends"
    __table_args__ = (
        UniqueConstraint("purpose", "subject_id", "generation"),
        CheckConstraint(_one_of("status", SendStatus), name="status"),
        Index(
            "ix_chain_sends_unfinished",
            "network",
            "to_address",
            "created_at",
            postgresql_where=text("status IN ('QUEUED', 'WAITING', 'OVERDUE', 'SENDING', 'MINED', 'UNKNOWN')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    network: Mapped[str]
    signer_role: Mapped[str]
    # Which key of the role has to sign, and since which final block the contract takes this call from no other; null:
    # the role's first key. Attempts name the key whose nonce they have, which may be an earlier one.
    signer: Mapped[bytes | None]
    signer_since: Mapped[Number | None]
    to_address: Mapped[bytes]
    data: Mapped[bytes]
    value: Mapped[Wei]
    purpose: Mapped[str]
    subject_id: Mapped[UUID]
    generation: Mapped[int]
    status: Mapped[str]
    reason: Mapped[str | None]
    # Names of custom errors that mean "not yet" for this call: it waits instead of giving up.
    waits_on: Mapped[list[Any]]
    gas_limit: Mapped[Number | None]
    # When it becomes OVERDUE; none: it may take as long as it takes.
    deadline: Mapped[datetime | None]
    # The most it may offer in wei a unit of gas, where a person has allowed it more than the network's ceiling.
    fee_ceiling: Mapped[Wei | None]
    trace_id: Mapped[str]
    created_at: Mapped[datetime]
    # Since when it is in this status: the age alarms read it.
    status_since: Mapped[datetime]


class ChainAttempt(Base):
    """One nonce and one set of bytes. Never deleted: every hash ever sent is kept.

    At most one attempt that is neither REPLACED nor DROPPED holds a nonce; replacements share their send.
    """

    __tablename__ = "chain_attempts"
    __table_args__ = (
        CheckConstraint(_one_of("status", AttemptStatus), name="status"),
        CheckConstraint(
            "status IN ('ALLOTTED', 'REPLACED', 'DROPPED') OR (raw IS NOT NULL AND tx_hash IS NOT NULL)", name="signed"
        ),
        UniqueConstraint("network", "tx_hash"),
        Index("ix_chain_attempts_send_id", "send_id"),
        Index(
            "uq_chain_attempts_nonce",
            "network",
            "signer",
            "nonce",
            unique=True,
            postgresql_where=text("status NOT IN ('REPLACED', 'DROPPED')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    send_id: Mapped[UUID] = mapped_column(ForeignKey("chain_sends.id"))
    network: Mapped[str]
    signer: Mapped[bytes]
    nonce: Mapped[Number]
    status: Mapped[str]
    gas_limit: Mapped[Number]
    max_fee: Mapped[Wei]
    priority_fee: Mapped[Wei]
    raw: Mapped[bytes | None]
    tx_hash: Mapped[bytes | None]
    block_hash: Mapped[bytes | None]
    block_number: Mapped[Number | None]
    receipt: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    broadcast_at: Mapped[datetime | None]


class ChainBlock(Base):
    """A block we have seen. Branches that lost stay as facts with `canonical` false."""

    __tablename__ = "chain_blocks"
    __table_args__ = (Index("ix_chain_blocks_number", "network", "number"),)

    network: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[bytes] = mapped_column(primary_key=True)
    number: Mapped[Number]
    # Unknown for a block of which a range query returned logs but no header.
    parent_hash: Mapped[bytes | None]
    timestamp: Mapped[datetime]
    canonical: Mapped[bool] = mapped_column(server_default=text("true"))


class ChainLog(Base):
    """A log of a contract we watch. No foreign key to its block: the one writer puts both into one transaction."""

    __tablename__ = "chain_logs"
    __table_args__ = (
        # A block's hash decides its number; this order lets new rows go to the index's end, and finds them by number.
        PrimaryKeyConstraint("network", "block_number", "block_hash", "log_index"),
        Index("ix_chain_logs_address", "network", "address", "block_number"),
    )

    network: Mapped[str]
    block_hash: Mapped[bytes]
    log_index: Mapped[int]
    block_number: Mapped[Number]
    tx_hash: Mapped[bytes]
    tx_index: Mapped[int]
    address: Mapped[bytes]
    topics: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    data: Mapped[bytes]


class ChainCursor(Base):
    """How far the reader `name` has come on `network`: everything up to and including `block_number` is applied."""

    __tablename__ = "chain_cursors"
    __table_args__ = (CheckConstraint(_one_of("status", CursorStatus), name="status"),)

    network: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    block_number: Mapped[Number]
    block_hash: Mapped[bytes | None]
    finalized_number: Mapped[Number]
    status: Mapped[str] = mapped_column(server_default=text("'RUNNING'"))
    error: Mapped[str | None]
    updated_at: Mapped[datetime]
