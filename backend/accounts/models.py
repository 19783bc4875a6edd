"""People, the wallets they prove, their sessions, and what they were granted.

A person belongs to no organisation, so accounts, wallets, sessions and nonces carry no tenant; an organisation and the
grants within it are visible to that organisation (and to the platform's own work) only.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base
from backend.kit.ids import new_id

AccountId = NewType("AccountId", UUID)
OrganisationId = NewType("OrganisationId", UUID)


class Role(StrEnum):
    """What a route can ask of the caller. Only PROMOTER, STEWARD and ADMIN are granted; the others are facts.

    PUBLIC: anyone. GUEST: carries an order's secret. FAN: signed in. PROMOTER: manages an organisation.
    STEWARD: works the door of an event. ADMIN: runs the platform.
    """

    PUBLIC = "PUBLIC"
    GUEST = "GUEST"
    FAN = "FAN"
    PROMOTER = "PROMOTER"
    STEWARD = "STEWARD"
    ADMIN = "ADMIN"


class Account(Base):
    """A person, or whoever acts as one. Holds no personal data: what is known of them is in other tables."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime]


class Wallet(Base):
    """An EVM address whose control its account has proved by a signature."""

    __tablename__ = "wallets"
    __table_args__ = (
        UniqueConstraint("address"),
        CheckConstraint("octet_length(address) = 20", name="address"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    address: Mapped[bytes]
    created_at: Mapped[datetime]


class LoginSession(Base):
    """One sign-in. The token is 256 random bits that only its owner holds; here is its SHA-256."""

    __tablename__ = "sessions"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
        Index(None, "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    wallet_id: Mapped[UUID | None] = mapped_column(ForeignKey("wallets.id"))
    """The wallet that signed in; null for a proof that is no wallet's."""
    token_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SiweNonce(Base):
    """A nonce this server gave to one address for one sign-in (EIP-4361)."""

    __tablename__ = "siwe_nonces"
    __table_args__ = (
        UniqueConstraint("nonce"),
        CheckConstraint("octet_length(address) = 20", name="address"),
        Index(None, "expires_at"),
        Index(None, "address", "created_at"),
        Index(None, "client", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    nonce: Mapped[str] = mapped_column(Text)
    address: Mapped[bytes]
    client: Mapped[bytes | None]
    """A keyed hash of the network address it was asked from, so that the table holds no personal data."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Organisation(Base):
    """A promoter's business: the tenant that events, orders, payments and tickets belong to."""

    __tablename__ = "organisations"
    __table_args__ = (CheckConstraint("length(name) BETWEEN 1 AND 200", name="name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class RoleGrant(Base):
    """A role that somebody gave to an account. Taking it away deletes the row: the next request goes without it.

    ADMIN is the platform's and names nothing, PROMOTER names an organisation, STEWARD an organisation and one of its
    events (`catalog.models` adds that foreign key: events are a floor above).
    """

    __tablename__ = "role_grants"
    __table_args__ = (
        UniqueConstraint("account_id", "role", "organisation_id", "event_id", postgresql_nulls_not_distinct=True),
        CheckConstraint(
            "(role = 'ADMIN' AND organisation_id IS NULL AND event_id IS NULL)"
            " OR (role = 'PROMOTER' AND organisation_id IS NOT NULL AND event_id IS NULL)"
            " OR (role = 'STEWARD' AND organisation_id IS NOT NULL AND event_id IS NOT NULL)",
            name="scope",
        ),
        Index(None, "organisation_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    role: Mapped[str] = mapped_column(Text)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    event_id: Mapped[UUID | None]
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    """Null for the first admin, whom the operator of the machine made."""
    created_at: Mapped[datetime]


class AdminAction(Base):
    """What an admin did by hand. Never changed; decisions about money have tables of their own besides."""

    __tablename__ = "admin_actions"
    __table_args__ = (Index("ix_admin_actions_subject_id", "subject_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    action: Mapped[str] = mapped_column(Text)
    """`batch.retry`: the kind of thing, and what was done to it."""
    subject_id: Mapped[UUID]
    details: Mapped[dict[str, Any]]
    at: Mapped[datetime]
