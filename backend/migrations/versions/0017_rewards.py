"""Rewards."""

import sqlalchemy as sa
from alembic import op

from backend.kit.db import WeiColumn
from backend.migrations.ops import tenant_table

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "rewards",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("account_id", sa.Uuid(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("wallet", sa.LargeBinary(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("earned", WeiColumn(), nullable=False),
        sa.Column("withheld", WeiColumn(), nullable=False),
        sa.Column("owed", WeiColumn(), nullable=False),
        sa.Column("repaid", WeiColumn(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("order_id"),
        sa.CheckConstraint("status IN ('SENT', 'DONE', 'SET_OFF', 'CANCELLED', 'STUCK')", name="status"),
        sa.CheckConstraint("withheld BETWEEN 0 AND earned", name="withheld"),
        sa.CheckConstraint("owed BETWEEN 0 AND earned", name="owed"),
        sa.CheckConstraint("repaid BETWEEN 0 AND owed", name="repaid"),
    )
    op.create_index("ix_rewards_organisation_id", "rewards", ["organisation_id"])
    op.create_index("ix_rewards_account_id", "rewards", ["account_id", "created_at"])
    op.create_index("ix_rewards_indebted", "rewards", ["account_id"], postgresql_where=sa.text("repaid < owed"))
    tenant_table("rewards")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("rewards")
