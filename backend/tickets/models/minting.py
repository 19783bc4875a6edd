"""Tickets, the batches they are minted in, the jobs that wait for one, and the statuses written on chain."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.kit.jobs import Leased
from backend.tickets.models.ids import one_of
from backend.tickets.states import (
    BatchStatus,
    Custody,
    JobStatus,
    StatusChangeStatus,
    TicketStatus,
)


class Batch(Leased, Base):
    """Tickets minted together. Contents, order and hash are fixed before anything is signed."""

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("collection_id", "number"),
        one_of("status", BatchStatus, "status"),
        Index("ix_batches_status", "status", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    collection_id: Mapped[UUID] = mapped_column(ForeignKey("collections.id"))
    number: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    entries: Mapped[bytes]
    """22 bytes an entry: owner (20), tier (2, big endian)."""
    contents_hash: Mapped[bytes]
    count: Mapped[int]
    send_id: Mapped[UUID | None]
    """The latest sending of it (chain_sends.id)."""
    generation: Mapped[int] = mapped_column(default=0)
    cancel_generation: Mapped[int] = mapped_column(default=0)
    tx_hash: Mapped[bytes | None]
    created_at: Mapped[datetime]
    landed_at: Mapped[datetime | None]


class Ticket(Base):
    """A place at an event that somebody paid for."""

    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("order_line_id", "unit"),
        UniqueConstraint("collection_id", "token_id"),
        one_of("status", TicketStatus, "status"),
        one_of("custody", Custody, "custody"),
        Index("ix_tickets_order_id", "order_id"),
        Index("ix_tickets_event_id", "event_id"),
        Index("ix_tickets_holder_account_id", "holder_account_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"))
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    order_line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"))
    unit: Mapped[int]
    """0, 1, 2, ... within the order line."""
    tier_id: Mapped[UUID] = mapped_column(ForeignKey("tiers.id"))
    collection_id: Mapped[UUID | None] = mapped_column(ForeignKey("collections.id"))
    token_id: Mapped[Wei | None]
    status: Mapped[str]
    custody: Mapped[str]
    holder_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    """The buyer's account until the mint is final; then the account of the holding wallet, when we know one."""
    created_at: Mapped[datetime]


class MintJob(Leased, Base):
    """The promise that one unit of a paid order line becomes a token, once."""

    __tablename__ = "mint_jobs"
    __table_args__ = (
        UniqueConstraint("order_line_id", "unit"),
        UniqueConstraint("batch_id", "batch_index"),
        one_of("status", JobStatus, "status"),
        CheckConstraint("(batch_id IS NULL) = (batch_index IS NULL)", name="batch_index"),
        Index("ix_mint_jobs_status", "status", "created_at"),
        Index("ix_mint_jobs_queued", "collection_id", "id", postgresql_where=text("status = 'QUEUED'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    order_line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"))
    unit: Mapped[int]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), unique=True)
    collection_id: Mapped[UUID | None] = mapped_column(ForeignKey("collections.id"))
    tier_number: Mapped[int] = mapped_column(Integer)
    recipient: Mapped[bytes | None]
    """The wallet it goes to, 20 bytes; null = escrow."""
    escrow_reason: Mapped[str | None]
    """Why it goes to escrow: `no_wallet` or `contract_receiver`."""
    status: Mapped[str]
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id"))
    batch_index: Mapped[int | None]
    trace_id: Mapped[str] = mapped_column(server_default="")
    """Of the request that paid for it, so that the batch and its transaction can be found by it."""
    created_at: Mapped[datetime]


class StatusChange(Leased, Base):
    """A status the platform decided (USED at the door, LOCKED by a refund) on its way to the chain.

    A ticket's are counted by `sequence` from 0 and sent one after the other: a lock may be taken back, and set again.
    """

    __tablename__ = "ticket_status_changes"
    __table_args__ = (
        UniqueConstraint("ticket_id", "sequence"),
        one_of("status", StatusChangeStatus, "status"),
        one_of("wanted", TicketStatus, "wanted"),
        Index("ix_ticket_status_changes_waiting", "run_after", postgresql_where=text("status = 'WAITING'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    sequence: Mapped[int] = mapped_column(default=0, server_default="0")
    wanted: Mapped[str]
    status: Mapped[str]
    generation: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
