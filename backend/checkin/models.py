"""What the door keeps: the questions it asked, who is inside, and every scan."""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id

ChallengeId = NewType("ChallengeId", UUID)
ScanId = NewType("ScanId", UUID)


class Result(StrEnum):
    """What a scan came to."""

    ADMITTED = "ADMITTED"
    REFUSED = "REFUSED"


class DoorChallenge(Base):
    """A question put to a holder's wallet: single-use, short-lived, bound to gate, ticket, epoch and holder.

    Everything the wallet signs is kept here, so that the answer is checked against what was asked and not against
    what the index says by then. `collection` and `holder` are 20-byte addresses, `nonce` is 32 random bytes.
    """

    __tablename__ = "door_challenges"
    __table_args__ = (
        UniqueConstraint("nonce"),
        CheckConstraint("octet_length(nonce) = 32", name="nonce"),
        CheckConstraint("octet_length(holder) = 20", name="holder"),
        CheckConstraint("octet_length(collection) = 20", name="collection"),
        Index("ix_door_challenges_ticket_id", "ticket_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"))
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    gate: Mapped[str] = mapped_column(Text)
    nonce: Mapped[bytes]
    network: Mapped[str] = mapped_column(Text)
    collection: Mapped[bytes]
    token_id: Mapped[Wei]
    holder: Mapped[bytes]
    epoch: Mapped[int] = mapped_column(BigInteger)
    steward_account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Entry(Base):
    """Somebody is inside on this ticket. At most one entry of a ticket is open (`closed_at` is null)."""

    __tablename__ = "entries"
    __table_args__ = (
        Index("uq_entries_ticket_id_open", "ticket_id", unique=True, postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    scan_id: Mapped[UUID] = mapped_column(ForeignKey("scans.id"))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Scan(Base):
    """One answer at the door, admitted or refused. Rows are only added.

    `client_nonce` comes from the steward's device: a scan repeated after a lost connection is the same row.
    `signer` (20 bytes) is the wallet the signature recovers to, kept as evidence where there is one.
    """

    __tablename__ = "scans"
    __table_args__ = (
        UniqueConstraint("steward_account_id", "client_nonce"),
        CheckConstraint("result IN ('ADMITTED', 'REFUSED')", name="result"),
        CheckConstraint("(result = 'REFUSED') = (reason IS NOT NULL)", name="reason"),
        Index("ix_scans_event_id_scanned_at", "event_id", "scanned_at"),
        Index("ix_scans_ticket_id", "ticket_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"))
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id"))
    challenge_id: Mapped[UUID | None] = mapped_column(ForeignKey("door_challenges.id"))
    gate: Mapped[str] = mapped_column(Text)
    result: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    signer: Mapped[bytes | None]
    steward_account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    client_nonce: Mapped[str] = mapped_column(Text)
    scanned_at: Mapped[datetime]
