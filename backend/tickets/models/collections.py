"""Collections: the contract of an event, its resale rules, and what its minter has for gas."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.kit.jobs import Leased
from backend.tickets.models.ids import one_of
from backend.tickets.states import (
    CollectionStatus,
)


class Collection(Leased, Base):
    """An event's collection: what the promoter signed, and what became of it on chain."""

    __tablename__ = "collections"
    __table_args__ = (
        one_of("status", CollectionStatus, "status"),
        CheckConstraint("next_batch >= 1", name="next_batch"),
        Index("ix_collections_address", "network", "address"),
        Index("ix_collections_minter", "network", "minter"),
        Index(
            "ix_collections_unsettled",
            "run_after",
            postgresql_where=text("status NOT IN ('LIVE', 'MISMATCH', 'STUCK')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"), unique=True)
    network: Mapped[str]
    address: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Predicted by CREATE2 before deployment; 20 bytes."""
    event_ref: Mapped[bytes]
    version: Mapped[int]
    status: Mapped[str]
    params: Mapped[dict[str, Any]]
    """The signed EIP-712 message, as JSON. What is deployed is built from this and nothing else."""
    metadata_files: Mapped[dict[str, Any]]
    """File name -> text of the metadata directory, so that it can be pinned again at any time."""
    metadata_cid: Mapped[str]
    consent: Mapped[bytes]
    consent_expires_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(default=0)
    """Rises with each new consent, so that each has its own transaction in the outbox."""
    next_batch: Mapped[int] = mapped_column(BigInteger, default=1)
    minter: Mapped[bytes | None]
    """Whose mints it takes: as signed, then as its final logs say; zero: nobody's."""
    minter_since: Mapped[int | None] = mapped_column(BigInteger)
    """The final block that says so; null: none does yet."""
    operator: Mapped[bytes | None]
    """As `minter`, of ticket statuses."""
    operator_since: Mapped[int | None] = mapped_column(BigInteger)
    mismatches: Mapped[list[Any] | None]
    base_uri: Mapped[str | None]
    """Where the chain says its metadata is, when that is not what was signed; null: as signed."""
    metadata_frozen: Mapped[bool] = mapped_column(default=False)
    """Whether the chain says that it never changes again."""
    metadata_marks: Mapped[int] = mapped_column(default=0)
    """How many final logs there were about it; the chain is asked when `metadata_read` is behind."""
    metadata_read: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    live_at: Mapped[datetime | None]


class MinterFunds(Base):
    """What a minter's key held when last looked at, and what it needs so that sales may go on. Amounts in wei."""

    __tablename__ = "minter_funds"

    network: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[bytes] = mapped_column(primary_key=True)
    balance: Mapped[Wei]
    needed: Mapped[Wei]
    """Below it new sales stop: gas for all tickets owed, and for a reserve, at the offer of the moment."""
    resumes_at: Mapped[Wei]
    """From it on they go on again; above `needed`, so that sales do not flicker."""
    owed_tickets: Mapped[int] = mapped_column(BigInteger)
    """Paid but not minted, and in checkouts."""
    suspended_since: Mapped[datetime | None]
    checked_at: Mapped[datetime]


class ResaleRules(Base):
    """What a promoter wants of resale and gifts, stated before the consent; from there on the chain has them."""

    __tablename__ = "resale_rules"
    __table_args__ = (
        CheckConstraint("cap_bps BETWEEN 0 AND 65535", name="cap_bps"),
        CheckConstraint("gift_limit BETWEEN 0 AND 255", name="gift_limit"),
        CheckConstraint("currency IN ('BKS', 'BNB')", name="currency"),
    )

    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    resale: Mapped[bool]
    cap_bps: Mapped[int]
    gift_limit: Mapped[int]
    """255: no limit."""
    gift_cool_off_seconds: Mapped[int] = mapped_column(BigInteger)
    freezes_at_doors: Mapped[bool]
    """Whether tickets freeze when doors open; then `freeze_at` is null."""
    freeze_at: Mapped[datetime | None]
    """Null without `freezes_at_doors`: never."""
    max_per_wallet: Mapped[int] = mapped_column(BigInteger)
    """0: no limit."""
    currency: Mapped[str]
    tiers: Mapped[list[Any]]
    """For each tier with a face value: `number`, `face` (smallest units, as a string), `list_minor` or null."""
    updated_at: Mapped[datetime]
