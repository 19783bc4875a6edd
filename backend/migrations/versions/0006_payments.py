"""Payments, refunds and the inbox of provider events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from backend.migrations.ops import tenant_table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _leased() -> list[sa.Column[object]]:
    return [
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", _TIME, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", _TIME, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
    ]


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("provider_ref", sa.String(), nullable=True),
        sa.Column("checkout_url", sa.String(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("begun_at", _TIME, nullable=True),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        *_leased(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_payments_organisation_id")),
        sa.UniqueConstraint("reference_id", "attempt", name=op.f("uq_payments_reference_id_attempt")),
        sa.UniqueConstraint("provider", "provider_ref", name=op.f("uq_payments_provider_provider_ref")),
        sa.UniqueConstraint("id", "organisation_id", name=op.f("uq_payments_id_organisation_id")),
        sa.CheckConstraint(
            "status IN ('STARTED', 'PENDING', 'SUCCEEDED', 'FAILED', 'EXPIRED', 'CANCELLED', 'STUCK')",
            name=op.f("ck_payments_status"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_amount_minor")),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name=op.f("ck_payments_refunded_minor")),
    )
    op.create_index(op.f("ix_payments_organisation_id"), "payments", ["organisation_id"])
    op.create_index("ix_payments_status_created_at", "payments", ["status", "created_at"])
    op.create_index(
        "uq_payments_open",
        "payments",
        ["reference_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('STARTED', 'PENDING')"),
    )
    tenant_table("payments")


def _provider_events() -> None:
    op.create_table(
        "provider_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        *_leased(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_events")),
        sa.UniqueConstraint("provider", "external_id", name=op.f("uq_provider_events_provider_external_id")),
        sa.CheckConstraint(
            "status IN ('RECEIVED', 'SETTLED', 'IGNORED', 'STUCK')", name=op.f("ck_provider_events_status")
        ),
    )
    op.create_index("ix_provider_events_status_received_at", "provider_events", ["status", "received_at"])


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("provider_ref", sa.String(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        *_leased(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.ForeignKeyConstraint(
            ["payment_id", "organisation_id"],
            ["payments.id", "payments.organisation_id"],
            name=op.f("fk_refunds_payment_id_organisation_id"),
        ),
        sa.UniqueConstraint("payment_id", "reason", name=op.f("uq_refunds_payment_id_reason")),
        sa.CheckConstraint(
            "status IN ('REQUESTED', 'PENDING', 'SUCCEEDED', 'FAILED', 'STUCK')", name=op.f("ck_refunds_status")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_amount_minor")),
    )
    op.create_index(op.f("ix_refunds_organisation_id"), "refunds", ["organisation_id"])
    op.create_index("ix_refunds_status_created_at", "refunds", ["status", "created_at"])
    op.create_index("ix_refunds_provider_ref", "refunds", ["provider_ref"])
    tenant_table("refunds")


def upgrade() -> None:
    """Make the tables; the inbox belongs to the platform, not to an organisation."""
    _payments()
    _provider_events()
    _refunds()


def downgrade() -> None:
    """Drop them."""
    op.drop_table("refunds")
    op.drop_table("provider_events")
    op.drop_table("payments")
