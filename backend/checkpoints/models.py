"""Checkpoints and their roots, which never change; trees, which are a cache; and what checks of the index came to."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.checkpoints.states import CheckKind, CheckStatus
from backend.kit.db import Base
from backend.kit.ids import new_id
from backend.kit.jobs import Leased


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


class Checkpoint(Base):
    """What the index said at a final block: the root over every ticket ever minted on the network. Never changed."""

    __tablename__ = "checkpoints"
    __table_args__ = (
        CheckConstraint("length(root) = 32 AND length(block_hash) = 32", name="hashes"),
        Index("ix_checkpoints_latest", "network", "block_number", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    network: Mapped[str]
    block_number: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[bytes]
    root: Mapped[bytes]
    tokens: Mapped[int] = mapped_column(BigInteger)
    """Leaves under the root: tickets ever minted, burned ones included."""
    collections: Mapped[int]
    taken_at: Mapped[datetime]


class CollectionRoot(Base):
    """The root of one collection's tickets, written at the checkpoint at which it changed. Never changed."""

    __tablename__ = "checkpoint_collections"
    __table_args__ = (
        CheckConstraint("length(root) = 32 AND length(collection) = 20", name="bytes"),
        Index("ix_checkpoint_collections_latest", "network", "collection", "block_number", "checkpoint_id"),
    )

    checkpoint_id: Mapped[UUID] = mapped_column(ForeignKey("checkpoints.id"), primary_key=True)
    collection: Mapped[bytes] = mapped_column(primary_key=True)
    network: Mapped[str]
    block_number: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes]
    tokens: Mapped[int] = mapped_column(BigInteger)


class CollectionTree(Base):
    """The tree under a collection's newest root, to make proofs from. A cache: can be grown again."""

    __tablename__ = "checkpoint_trees"

    network: Mapped[str] = mapped_column(primary_key=True)
    collection: Mapped[bytes] = mapped_column(primary_key=True)
    root: Mapped[bytes]
    token_ids: Mapped[bytes]
    """8 bytes each (big endian), rising: the order of the leaves."""
    held: Mapped[bytes]
    """21 bytes each: owner (20), status (1)."""
    nodes: Mapped[bytes]
    """32 bytes each: the leaves, then each level above, the root last."""


class IndexCheck(Leased, Base):
    """One comparison of the index with what it must agree with."""

    __tablename__ = "index_checks"
    __table_args__ = (
        CheckConstraint(_one_of("kind", CheckKind), name="kind"),
        CheckConstraint(_one_of("status", CheckStatus), name="status"),
        Index("ix_index_checks_due", "kind", "id", postgresql_where=text("status = 'DUE'")),
        Index("ix_index_checks_latest", "network", "kind", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    network: Mapped[str]
    kind: Mapped[str]
    checkpoint_id: Mapped[UUID | None] = mapped_column(ForeignKey("checkpoints.id"))
    """Of CONTRACTS: where it looks."""
    status: Mapped[str]
    status_since: Mapped[datetime]
    compared: Mapped[int] = mapped_column(BigInteger, default=0)
    """Claims put to contracts, or projections replayed."""
    reason: Mapped[str | None]
    """What differs, in words; the first of it where there is much."""
    findings: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime]
