"""What promoters want of resale and gifts, until it is on chain."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from backend.migrations.ops import tenant_table

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "resale_rules",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("resale", sa.Boolean(), nullable=False),
        sa.Column("cap_bps", sa.Integer(), nullable=False),
        sa.Column("gift_limit", sa.Integer(), nullable=False),
        sa.Column("gift_cool_off_seconds", sa.BigInteger(), nullable=False),
        sa.Column("freeze_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("max_per_wallet", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("tiers", postgresql.JSONB(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cap_bps BETWEEN 0 AND 65535", name=op.f("ck_resale_rules_cap_bps")),
        sa.CheckConstraint("gift_limit BETWEEN 0 AND 255", name=op.f("ck_resale_rules_gift_limit")),
        sa.CheckConstraint("currency IN ('BKS', 'BNB')", name=op.f("ck_resale_rules_currency")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_resale_rules_event_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_resale_rules_organisation_id")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_resale_rules")),
    )
    op.create_index(op.f("ix_resale_rules_organisation_id"), "resale_rules", ["organisation_id"], unique=False)
    tenant_table("resale_rules")


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("resale_rules")
