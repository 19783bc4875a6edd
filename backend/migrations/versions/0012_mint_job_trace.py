"""The trace id of the request that paid for a mint job."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; jobs from before have none."""
    op.add_column("mint_jobs", sa.Column("trace_id", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("mint_jobs", "trace_id")
