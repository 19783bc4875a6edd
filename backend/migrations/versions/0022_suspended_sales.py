"""What minters hold and need, and events whose sales are suspended."""

import sqlalchemy as sa
from alembic import op

from backend.kit.db import WeiColumn

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, which belongs to no tenant, and the column."""
    op.create_table(
        "minter_funds",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("balance", WeiColumn(), nullable=False),
        sa.Column("needed", WeiColumn(), nullable=False),
        sa.Column("resumes_at", WeiColumn(), nullable=False),
        sa.Column("owed_tickets", sa.BigInteger(), nullable=False),
        sa.Column("suspended_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("network", "address"),
    )
    op.add_column("events", sa.Column("sales_suspended_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("events", "sales_suspended_reason")
    op.drop_table("minter_funds")
