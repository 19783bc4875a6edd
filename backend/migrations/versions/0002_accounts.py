"""Accounts, wallets, sessions, sign-in nonces, organisations and role grants."""

import sqlalchemy as sa
from alembic import op

from backend.migrations.ops import tenant_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 200", name=op.f("ck_organisations_name")),
    )
    tenant_table("organisations", column="id")
    _sign_in()
    op.create_table(
        "role_grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grants")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_role_grants_account_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_role_grants_organisation_id")),
        sa.ForeignKeyConstraint(["granted_by"], ["accounts.id"], name=op.f("fk_role_grants_granted_by")),
        # One grant once, the platform-wide ones (no organisation) included.
        sa.UniqueConstraint(
            "account_id",
            "role",
            "organisation_id",
            "event_id",
            name=op.f("uq_role_grants_account_id_role_organisation_id_event_id"),
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint(
            "(role = 'ADMIN' AND organisation_id IS NULL AND event_id IS NULL)"
            " OR (role = 'PROMOTER' AND organisation_id IS NOT NULL AND event_id IS NULL)"
            " OR (role = 'STEWARD' AND organisation_id IS NOT NULL AND event_id IS NOT NULL)",
            name=op.f("ck_role_grants_scope"),
        ),
    )
    op.create_index(op.f("ix_role_grants_organisation_id"), "role_grants", ["organisation_id"])
    tenant_table("role_grants")


def _sign_in() -> None:
    op.create_table(
        "wallets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallets")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_wallets_account_id")),
        sa.UniqueConstraint("address", name=op.f("uq_wallets_address")),
        sa.CheckConstraint("octet_length(address) = 20", name=op.f("ck_wallets_address")),
    )
    op.create_index(op.f("ix_wallets_account_id"), "wallets", ["account_id"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("wallet_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_sessions_account_id")),
        sa.ForeignKeyConstraint(["wallet_id"], ["wallets.id"], name=op.f("fk_sessions_wallet_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("ck_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_account_id"), "sessions", ["account_id"])
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"])
    op.create_table(
        "siwe_nonces",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_siwe_nonces")),
        sa.UniqueConstraint("nonce", name=op.f("uq_siwe_nonces_nonce")),
        sa.CheckConstraint("octet_length(address) = 20", name=op.f("ck_siwe_nonces_address")),
    )
    op.create_index(op.f("ix_siwe_nonces_expires_at"), "siwe_nonces", ["expires_at"])


def downgrade() -> None:
    """Drop them."""
    for table in ("role_grants", "siwe_nonces", "sessions", "wallets", "organisations", "accounts"):
        op.drop_table(table)
