"""Claim codes, who tried them, and the tickets on their way out of escrow."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base
from backend.kit.ids import new_id
from backend.tickets.models.ids import one_of
from backend.tickets.states import (
    ClaimStatus,
)


class ClaimCode(Base):
    """A single-use code that moves an escrowed ticket to a wallet. Only its hash is kept."""

    __tablename__ = "claim_codes"
    __table_args__ = (
        Index("uq_claim_codes_current", "ticket_id", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    code_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    """When a newer code replaced it."""


class ClaimAttempt(Base):
    """A wrong claim code from a client address; counted to slow guessing down, swept after a day."""

    __tablename__ = "claim_attempts"
    __table_args__ = (Index("ix_claim_attempts_client", "client", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    client: Mapped[bytes]
    """A keyed hash of the client's address, so that the table holds no personal data."""
    at: Mapped[datetime]


class Claim(Base):
    """A ticket on its way from escrow to its owner's wallet."""

    __tablename__ = "claims"
    __table_args__ = (
        one_of("status", ClaimStatus, "status"),
        Index("uq_claims_open", "ticket_id", unique=True, postgresql_where=text("status IN ('PENDING', 'SENT')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    claim_code_id: Mapped[UUID] = mapped_column(ForeignKey("claim_codes.id"))
    recipient: Mapped[bytes]
    status: Mapped[str]
    reason: Mapped[str | None]
    signature: Mapped[bytes]
    voucher: Mapped[bytes]
    send_id: Mapped[UUID | None]
    tx_hash: Mapped[bytes | None]
    created_at: Mapped[datetime]
